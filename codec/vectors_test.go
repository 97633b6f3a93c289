package codec_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"os"
	"reflect"
	"testing"

	"github.com/starburst-go/starburst/codec"
)

// vector is one case of testdata/vectors/messages.json; its README tells the form.
type vector struct {
	Name, Body string
	Message    json.RawMessage
	Reason     codec.Reason
}

func readVectors(t testing.TB) (vectors []vector) {
	t.Helper()
	text, err := os.ReadFile("testdata/vectors/messages.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &vectors); err != nil {
		t.Fatal(err)
	}
	return vectors
}

func TestVectors(t *testing.T) {
	t.Parallel()
	vectors := readVectors(t)
	if len(vectors) < 50 {
		t.Errorf("%d vectors; some were lost", len(vectors))
	}
	for _, v := range vectors {
		t.Run(v.Name, func(t *testing.T) {
			t.Parallel()
			m, err := codec.Decode(v.Body)
			if got := reasonOf(t, err); got != v.Reason {
				t.Fatalf("reason %q (%v), want %q", got, err, v.Reason)
			}
			if err == nil {
				compareJSON(t, v.Message, wireJSON(t, m))
			}
		})
	}
}

// wireJSON writes a message as the vectors do.
func wireJSON(t *testing.T, m *codec.Message) []byte {
	t.Helper()
	w := map[string]any{"f": m.Handler}
	set := func(key string, v any, given bool) {
		if given {
			w[key] = v
		}
	}
	set("j", m.Job, m.Job != "")
	set("q", m.First, m.First != 0)
	set("i", m.Indices, m.Indices != nil)
	set("m", m.Identity, m.Identity != "")
	set("id", m.ID, m.ID != "")
	set("a", m.Attempt, m.Attempt != 1)
	set("dl", m.Deadline.UnixMilli(), !m.Deadline.IsZero())
	set("tp", m.Trace, m.Trace != "")
	if o := m.Offload; o != nil {
		w["s3"], w["sha"], w["len"], w["n"] = o.Key, hex.EncodeToString(o.SHA256[:]), o.Len, o.Count
	} else {
		args := make([]json.RawMessage, len(m.Args))
		for k, raw := range m.Args {
			text, err := codec.MsgpackToJSON(raw)
			if err != nil {
				t.Fatal(err)
			}
			args[k] = text
		}
		w["t"] = args
	}
	text, err := json.Marshal(w)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// compareJSON compares two JSON texts with the digits of their numbers.
func compareJSON(t *testing.T, want, got []byte) {
	t.Helper()
	decode := func(text []byte) (v any) {
		dec := json.NewDecoder(bytes.NewReader(text))
		dec.UseNumber()
		if err := dec.Decode(&v); err != nil {
			t.Fatal(err)
		}
		return v
	}
	// Not cmp.Diff: its time doubles with every level of a list, and a vector has 64.
	if !reflect.DeepEqual(decode(want), decode(got)) {
		t.Errorf("decoded\n%s, want\n%s", got, want)
	}
}
