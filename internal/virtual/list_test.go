package virtual_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/starburst-go/starburst/internal/faults"
)

// calls are the operations of a worker.
var calls = []string{
	"SendMessageBatch", "ReceiveMessage", "DeleteMessageBatch", "ChangeMessageVisibilityBatch", "GetQueueAttributes",
	"PutItem", "GetItem", "UpdateItem", "BatchGetItem",
}

// during is a plan with one window.
func during(kind faults.Kind, service string, long time.Duration) faults.Plan {
	return faults.Plan{Windows: []faults.Window{{Kind: kind, Service: service, From: time.Second, To: long}}}
}

// each is a plan whose every call has the rates.
func each(r faults.Rates, operations ...string) faults.Plan {
	p := faults.Plan{Operations: map[string]faults.Rates{}}
	for _, op := range operations {
		p.Operations[op] = r
	}
	return p
}

// plain is a job of 60 tasks of every kind in chunks of five, without any fault.
func plain() scenario {
	s := scenario{
		seed: 1, n: 60, chunk: 5, attempts: 3, shards: 2, limit: 2 * time.Minute, visibility: 30 * time.Second,
		workers: 3, slots: 2, grace: 25 * time.Second, retryBase: time.Second, handOver: 5 * time.Second, restart: 5 * time.Second,
		idleWait: 20 * time.Second, busyWait: 2 * time.Second, ledgerEvery: 30 * time.Second, spread: 5 * time.Second,
	}
	for i := range s.n {
		t := task{kind: good, took: time.Duration(i%7) * time.Second}
		if i%10 == 9 {
			t.kind = []kind{flaky, fails, panics, goexits, refuses, hangs}[i/10%6]
		}
		s.tasks = append(s.tasks, t)
	}
	return s
}

// TestChaosList plays what docs/reliability.md lists for virtual time and what the
// drawn scenarios do not hold for long enough: each fault at its worst, then calm.
func TestChaosList(t *testing.T) {
	t.Parallel()
	type named struct {
		item int // of the list in docs/reliability.md
		name string
		edit func(*scenario)
	}
	list := []named{
		{4, "SQS is out of reach for three minutes", func(s *scenario) { s.plan = during(faults.Freeze, faults.SQS, 3*time.Minute) }},
		{4, "DynamoDB is out of reach for three minutes", func(s *scenario) { s.plan = during(faults.Freeze, faults.DynamoDB, 3*time.Minute) }},
		{4, "both are", func(s *scenario) { s.plan = during(faults.Freeze, "", 3*time.Minute) }},
		{5, "every call takes up to half a minute", func(s *scenario) { s.plan = each(faults.Rates{Delay: 1, MaxDelay: 30 * time.Second}, calls...) }},
		{6, "a hundredth of all calls is throttled", func(s *scenario) { s.plan = each(faults.Rates{Throttle: 0.01}, calls...) }},
		{6, "a third is", func(s *scenario) { s.plan = each(faults.Rates{Throttle: 0.3}, calls...) }},
		{6, "all are, for five minutes", func(s *scenario) { s.plan = each(faults.Rates{Throttle: 1}, calls...) }},
		{8, "a fifth of the messages is delivered twice, at once or later", func(s *scenario) { s.plan = each(faults.Rates{Repeat: 0.2}, "ReceiveMessage") }},
		{9, "messages come in any order, up to a visibility timeout late", func(s *scenario) { s.spread = s.visibility }},
		{11, "the credentials have expired for twenty minutes", func(s *scenario) {
			s.storm = 21 * time.Minute
			s.plan = during(faults.Expire, "", 20*time.Minute)
		}},
		{13, "from one worker to twenty and back, the busiest killed", func(s *scenario) {
			s.workers = 20
			for i := range 60 {
				s.happenings = append(s.happenings, happening{at: time.Duration(i) * 3 * time.Second, who: i % s.workers, what: []string{"stop", "kill"}[i%2]})
			}
		}},
		{14, "five messages in flight are the most", func(s *scenario) { s.inFlight, s.prefetch = 5, 20 }},
		{15, "a task of eleven hours and a half", func(s *scenario) {
			s.limit, s.storm = 0, 12*time.Hour
			for i := range s.tasks {
				s.tasks[i].kind = good // without a limit, nothing ends what hangs
			}
			s.tasks[12].took = 11*time.Hour + 30*time.Minute
		}},
		{16, "everything comes again when it is done", func(s *scenario) { s.resends = 1 }},
		{17, "and again", func(s *scenario) { s.resends = 3 }},
		{19, "one shard takes no writes", func(s *scenario) { s.hot = "R#" + jobID + "#1" }},
		{22, "every tenth receive has a wrong MD5", func(s *scenario) { s.plan = each(faults.Rates{Corrupt: 0.1}, "ReceiveMessage") }},
		{24, "two fleets on one queue", func(s *scenario) { s.fleets = 2 }},
	}
	for _, op := range calls {
		list = append(list,
			named{4, "no answer of " + op + " arrives", func(s *scenario) { s.plan = each(faults.Rates{DropResponse: 1}, op) }},
			named{6, "every " + op + " is throttled", func(s *scenario) { s.plan = each(faults.Rates{Throttle: 1}, op) }})
		if strings.HasSuffix(op, "Batch") {
			list = append(list, named{7, "half of the entries of " + op + " fail or go unmentioned", func(s *scenario) {
				s.plan = each(faults.Rates{FailEntry: 0.25, OmitEntry: 0.25}, op)
			}})
		}
	}
	for _, l := range list {
		t.Run(fmt.Sprintf("%d %s", l.item, l.name), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := plain()
				s.storm = 5 * time.Minute
				l.edit(&s)
				w := newWorld(s)
				if wrong := w.run(t); len(wrong) > 0 {
					t.Errorf("%s\n%v\nlast events:\n%s", strings.Join(wrong, "\n"), w.scenario, w.tail(40))
				}
			})
		})
	}
}
