package codec_test

import (
	"strings"
	"testing"

	"github.com/starburst-go/starburst/codec"
)

func readVectors(t testing.TB) []codec.Vector {
	t.Helper()
	vectors, err := codec.Vectors()
	if err != nil {
		t.Fatal(err)
	}
	return vectors
}

func TestVectors(t *testing.T) {
	t.Parallel()
	vectors := readVectors(t)
	if len(vectors) < 250 {
		t.Errorf("%d vectors; some were lost", len(vectors))
	}
	names := map[string]bool{}
	for _, v := range vectors {
		if names[v.Name] {
			t.Errorf("two vectors are called %q", v.Name)
		}
		names[v.Name] = true
		t.Run(v.Name, func(t *testing.T) {
			t.Parallel()
			if err := v.Check(); err != nil {
				t.Error(err)
			}
		})
	}
}

// A vector that lies must not pass: otherwise all of the above could be empty.
func TestVectorsCanFail(t *testing.T) {
	t.Parallel()
	const good = `{"name":"n","body":"gqFmoXihdJEB","raw":"82a166a178a1749101","json":{"f":"x","t":[1]},"message":{"f":"x","t":[1]}}`
	for _, tt := range []struct{ name, old, new, want string }{
		{"as it is", "", "", ""},
		{"another message", `"message":{"f":"x","t":[1]}`, `"message":{"f":"x","t":[1.0]}`, "the message is"},
		{"another view", `"json":{"f":"x"`, `"json":{"f":"y"`, "the JSON view is"},
		{"other bytes", `"raw":"82a1`, `"raw":"83a1`, "holds the msgpack"},
		{"no hexadecimal", `"raw":"82`, `"raw":"8x`, "hexadecimal"},
		{"a good body that should be refused", `"message":{"f":"x","t":[1]}`, `"reason":"envelope"`, `want it refused as "envelope"`},
		{"a bad body that should be accepted", `gqFmoXihdJEB`, `gqFmoXihdJE=`, "refused: bad message (msgpack)"},
		{"a body cut short by repetition", `"raw"`, `"repeat":{"body":"AAAA","raw":"000000","times":3},"raw"`, "after the message"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			vectors, err := codec.ReadVectors(strings.NewReader("[" + strings.Replace(good, tt.old, tt.new, 1) + "]"))
			if err != nil {
				t.Fatal(err)
			}
			if err := vectors[0].Check(); (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want %q", err, tt.want)
			}
		})
	}
}

func TestVectorsFilesAreChecked(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, text, want string }{
		{"no JSON", `x`, "read vectors"},
		{"a misspelt key", `[{"name":"n","body":"","raeson":"empty"}]`, "raeson"},
		{"no expectation", `[{"name":"n","body":""}]`, "want one of"},
		{"two expectations", `[{"name":"n","body":"","reason":"empty","message":{}}]`, "want one of"},
		{"a repetition without end", `[{"name":"n","body":"","reason":"empty","repeat":{"body":"x","raw":"","times":1000000000}}]`, "repetition"},
	} {
		if _, err := codec.ReadVectors(strings.NewReader(tt.text)); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
	}
}
