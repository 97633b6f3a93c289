package view

import (
	"cmp"
	"iter"
	"slices"
	"strings"
	"unicode"

	"github.com/starburst-go/starburst/store"
)

// Failures are a job's failed tasks by what went wrong.
type Failures struct {
	// Seen of the failed tasks were looked at, at most MaxFailures.
	Seen int `json:"seen"`
	// Groups, the largest first, at most MaxGroups; Others are in none.
	Groups []Failure `json:"groups,omitempty"`
	Others int       `json:"others,omitempty"`
}

// Failure is a group of failures alike: of one kind, with messages that differ in numbers only.
type Failure struct {
	Kind string `json:"kind"`
	// Pattern is the message with each number as "#".
	Pattern string `json:"pattern"`
	Count   int    `json:"count"`
	// Index, Message, Stack and Attempts are those of the first of them, in the order of the tasks.
	Index    int    `json:"index"`
	Message  string `json:"message"`
	Stack    string `json:"stack,omitempty"`
	Attempts int    `json:"attempts"`
	// Argument of that task, in msgpack; left out of JSON.
	Argument []byte `json:"-"`
}

// Bounds of what is looked at and told.
const (
	// MaxFailures is how many failed tasks are looked at: each has to be read.
	MaxFailures = 10_000
	// MaxGroups is how many groups are told apart.
	MaxGroups = 20
	// maxMessage and maxStack are in bytes.
	maxMessage = 500
	maxStack   = 4000
)

// FailuresOf reads failed tasks and groups them.
func FailuresOf(items iter.Seq2[store.FailedItem, error]) (Failures, error) {
	var all []store.Settled
	for item, err := range items {
		if err != nil {
			return Failures{}, err
		}
		if all = append(all, item.Failed...); len(all) >= MaxFailures {
			all = all[:MaxFailures]
			break
		}
	}
	return grouped(all), nil
}

func grouped(settled []store.Settled) Failures {
	f := Failures{Seen: len(settled)}
	at := map[[2]string]int{}
	for _, s := range settled {
		if s.Failure == nil {
			continue
		}
		message := clean(s.Failure.Message, maxMessage)
		key := [2]string{clean(string(s.Failure.Kind), maxMessage), pattern(message)}
		i, has := at[key]
		if !has {
			i = len(f.Groups)
			at[key] = i
			f.Groups = append(f.Groups, Failure{Kind: key[0], Pattern: key[1], Index: s.Index, Message: message,
				Stack: clean(s.Failure.Stack, maxStack), Attempts: s.Failure.Attempts, Argument: s.Failure.Argument})
		}
		f.Groups[i].Count++
	}
	slices.SortStableFunc(f.Groups, func(a, b Failure) int { return cmp.Compare(b.Count, a.Count) })
	for _, g := range f.Groups[min(len(f.Groups), MaxGroups):] {
		f.Others += g.Count
	}
	f.Groups = f.Groups[:min(len(f.Groups), MaxGroups)]
	return f
}

// pattern makes "#" of each number: messages about task 7 and task 8 are one.
func pattern(message string) string {
	var b strings.Builder
	digit := false
	for _, r := range message {
		if unicode.IsDigit(r) {
			if !digit {
				b.WriteByte('#')
			}
			digit = true
			continue
		}
		digit = false
		b.WriteRune(r)
	}
	return b.String()
}

// clean makes text of what a task has written that can be shown on a terminal: no control characters but
// new lines and tabs, none that turn the direction of writing, valid UTF-8, at most so many bytes.
func clean(s string, most int) string {
	if len(s) > most {
		s = s[:most] + "…"
	}
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\n' && r != '\t' || unicode.Is(unicode.Bidi_Control, r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "�"))
}
