package awsjson

import (
	"strings"
	"testing"
)

func TestAppendStringAtEveryPlace(t *testing.T) {
	t.Parallel()
	cases := map[string]string{
		"\"": `\"`, "\\": `\\`, "\n": `\n`, "\x00": `\u0000`, "\x1f": `\u001f`, "é": "é", "\x7f": "\x7f", "\xff": "\uFFFD", " ": " ", "!": "!", "[": "[", "]": "]",
	}
	for s, want := range cases {
		for at := range 20 {
			before, after := strings.Repeat("a", at), strings.Repeat("~", 20-at)
			if got := string(AppendString(nil, before+s+after)); got != `"`+before+want+after+`"` {
				t.Errorf("%q at %d became %s", s, at, got)
			}
		}
	}
}

func BenchmarkAppendString(b *testing.B) {
	s := strings.Repeat("SGVsbG8gd29ybGQh", 4096)
	var dst []byte
	b.SetBytes(int64(len(s)))
	for b.Loop() {
		dst = AppendString(dst[:0], s)
	}
}
