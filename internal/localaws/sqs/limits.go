package sqs

import (
	"strings"
	"sync/atomic"
	"time"

	"github.com/starburst-go/starburst/internal/localaws/awsjson"
)

// Limits of the SQS API reference and of the developer guide's quotas.
const (
	maxBatchEntries   = 10
	maxBatchBytes     = 1 << 20 // of all bodies and attributes together
	maxMessageBytes   = 1 << 20
	maxAttributes     = 10
	maxNameLength     = 256 // of a message attribute's name and of its type
	maxBatchIDLength  = 80
	maxQueueName      = 80
	maxGroupID        = 128
	maxWait           = 20 * time.Second
	maxVisibility     = 12 * time.Hour // in all, from the receive
	maxDelay          = 15 * time.Minute
	minRetention      = time.Minute
	maxRetention      = 14 * 24 * time.Hour
	maxInFlight       = 120_000
	maxListed         = 1000
	maxSourceQueues   = 10 // of a RedriveAllowPolicy
	maxReceiveCounts  = 1000
	maxMovesPerSecond = 500
	maxTags           = 50
	dedupInterval     = 5 * time.Minute
)

// A body of at most inlineBody bytes shares its message's row and stays in
// memory while all such bodies are within keptBudget; any other is read from
// the database when it is received.
const (
	inlineBody = 4 << 10
	keptBudget = 64 << 20
)

// keptBytes counts the bytes of bodies held in memory by all queues.
type keptBytes struct{ n atomic.Int64 }

func (k *keptBytes) add(n int)          { k.n.Add(int64(n)) }
func (k *keptBytes) hasRoom(n int) bool { return k.n.Load()+int64(n) <= keptBudget }

// isBodyText reports whether s consists of the characters that SQS allows:
// #x9 | #xA | #xD | #x20–#xD7FF | #xE000–#xFFFD | #x10000–#x10FFFF. It expects
// valid UTF-8, which the JSON decoder has made of it.
func isBodyText(s string) bool {
	for i := 0; i < len(s); i++ {
		if i += awsjson.PlainPrefix(s[i:]); i == len(s) {
			return true
		}
		switch b := s[i]; {
		case b >= ' ' && b != 0xEF:
		case b == '\t' || b == '\n' || b == '\r':
		case b == 0xEF: // U+FFFE and U+FFFF are EF BF BE and EF BF BF
			if strings.HasPrefix(s[i:], "\uFFFE") || strings.HasPrefix(s[i:], "\uFFFF") {
				return false
			}
		default:
			return false
		}
	}
	return true
}

// isName reports whether s has 1 to limit letters, digits, hyphens and underscores.
func isName(s string, limit int) bool {
	for i := range len(s) {
		b := s[i]
		if !(b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b >= '0' && b <= '9' || b == '-' || b == '_') {
			return false
		}
	}
	return len(s) > 0 && len(s) <= limit
}

// isToken reports whether s has 1 to 128 printable ASCII characters without
// spaces: a group, deduplication or attempt id.
func isToken(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] >= 0x7F {
			return false
		}
	}
	return len(s) > 0 && len(s) <= maxGroupID
}
