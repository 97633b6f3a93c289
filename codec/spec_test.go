package codec_test

import (
	"encoding/hex"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/starburst-go/starburst/codec"
)

func specification(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../docs/wire-format.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// The limits and reasons are written down twice; this keeps them the same.
func TestTheSpecificationHasTheLimitsOfThisPackage(t *testing.T) {
	t.Parallel()
	text := specification(t)
	number := func(n int) string { // 1234567 as 1,234,567
		s := strconv.Itoa(n)
		for i := len(s) - 3; i > 0; i -= 3 {
			s = s[:i] + "," + s[i:]
		}
		return s
	}
	for _, want := range []string{
		fmt.Sprintf("at most %d of them, in any order", codec.MaxEnvelopeKeys),
		fmt.Sprintf("| 1–%d bytes | the sender: the name of the handler |", codec.MaxHandlerLen),
		fmt.Sprintf("| 1–%s elements | the sender |", number(codec.MaxTasks)),
		fmt.Sprintf("| 1–%d of `A–Z a–z 0–9 . _ -`", codec.MaxJobLen),
		fmt.Sprintf("| 0–%s; so is the last task's index |", number(codec.MaxIndex)),
		fmt.Sprintf("%d bytes | workers and `retry --failed` |", codec.MaxIdentityLen),
		fmt.Sprintf("| 1–%d bytes | the sender of a task without a job |", codec.MaxIDLen),
		fmt.Sprintf("| %d bytes | the sender |", codec.MaxTraceLen),
		fmt.Sprintf("| 1–%s bytes, see [§6]", number(codec.MaxKeyLen)),
		fmt.Sprintf("| 1–%s (256 MiB) |", number(codec.MaxOffload)),
		fmt.Sprintf("up to %d elements. An element is a number", codec.MaxIdentityDepth),
		fmt.Sprintf("nest at most %d deep, envelope included: an argument nests at most %d", codec.MaxDepth, codec.MaxValueDepth),
		fmt.Sprintf("| msgpack, decoded | %d MiB |", codec.MaxRaw>>20),
		fmt.Sprintf("| body | %d MiB, that is %s bytes of msgpack in base64 |", codec.MaxBody>>20, number(codec.MaxBody/4*3)),
	} {
		if !strings.Contains(text, want) {
			t.Errorf("docs/wire-format.md does not say %q", want)
		}
	}
	for _, r := range []codec.Reason{
		codec.ReasonEmpty, codec.ReasonBase64, codec.ReasonZstd, codec.ReasonJSON, codec.ReasonMsgpack,
		codec.ReasonEnvelope, codec.ReasonVersion, codec.ReasonLimit, codec.ReasonOffload,
	} {
		if !strings.Contains(text, fmt.Sprintf("| `%s` |", r)) {
			t.Errorf("docs/wire-format.md does not have the reason %q", r)
		}
	}
}

// The message that the specification takes apart is one, byte by byte.
func TestTheSpecificationsExample(t *testing.T) {
	t.Parallel()
	text := specification(t)
	m := regexp.MustCompile("(?s)`([A-Za-z0-9+/=]+)` is base64 of\n\n```\n(.*?)```").FindStringSubmatch(text)
	if m == nil {
		t.Fatal("the example is gone")
	}
	var digits strings.Builder
	for line := range strings.Lines(m[2]) {
		for word := range strings.FieldsSeq(line) {
			if regexp.MustCompile(`^([0-9a-f]{2}|[0-9a-f]{16})$`).MatchString(word) {
				digits.WriteString(word)
			} else {
				break
			}
		}
	}
	raw, err := codec.DecodeBody(m[1])
	if err != nil || hex.EncodeToString(raw) != digits.String() {
		t.Errorf("%x, %v; taken apart: %s", raw, err, digits.String())
	}
	if msg, err := codec.DecodeMessage(raw); err != nil || msg.Handler != "price" {
		t.Errorf("%+v, %v", msg, err)
	}
}
