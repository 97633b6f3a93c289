//go:build unix

package child

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"bufio"
	"bytes"

	"github.com/google/go-cmp/cmp"
	"github.com/vmihailenco/msgpack/v5"

	"github.com/starburst-go/starburst/codec"
	"github.com/starburst-go/starburst/consumer"
)

func TestTheFakeChildKeepsToTheProtocol(t *testing.T) {
	t.Parallel()
	vectors, err := Vectors()
	if err != nil || len(vectors) < 40 {
		t.Fatalf("%d vectors, %v", len(vectors), err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
	defer cancel()
	for r := range SelfTest(ctx, config("ok"), vectors) {
		if r.Err != nil {
			t.Errorf("%s: %v; %s", r.Vector.Name, r.Err, r.Stderr)
		}
	}
}

// A self-test that nothing fails would be worth nothing.
func TestTheSelfTestFindsWhatIsWrong(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ story, steps, want string }{
		{"another value", `[{"send":{"t":"task","id":1,"handler":"selftest.echo","tasks":[[0,{"$msgpack":1}]]}},{"expect":{"t":"done","id":1,"result":{"$msgpack":2}}}]`, "step 2: frame.result is 1, want 2"},
		{"a fail for a done", `[{"send":{"t":"task","id":1,"handler":"selftest.fail","tasks":[[0,{"$msgpack":"x"}]]}},{"expect":{"t":"done","id":1}}]`, `step 2: frame.t is "fail", want "done"`},
		{"text for bin", `[{"send":{"t":"task","id":1,"handler":"no bin","tasks":[[0,{"$msgpack":1}]]}},{"expect":{"t":"done","result":{"$msgpack":"text"}}}]`, `step 2: frame.result is "text", not bin`},
		{"a missing key", `[{"send":{"t":"task","id":1,"handler":"selftest.fail","tasks":[[0,{"$msgpack":"x"}]]}},{"expect":{"t":"fail","permanent":true}}]`, "step 2: frame.permanent is null, want true"},
		{"an end", `[{"send":{"t":"task","id":1,"handler":"selftest.exit","tasks":[[0,{"$msgpack":5}]]}},{"expect":{"t":"done"}}]`, "step 2: the child ended: exit status 5"},
		{"another status", `[{"send":{"t":"bye"}},{"exit":4}]`, "step 2: the child ended with exit status 0, want 4"},
		{"garbage", `[{"send":{"t":"task","id":1,"handler":"garbage","tasks":[[0,{"$msgpack":5}]]}},{"expect":{"t":"done"}}]`, `step 2: the child broke the worker protocol: "Trac" is not the length of a frame`},
	} {
		t.Run(tc.story, func(t *testing.T) {
			t.Parallel()
			v, err := ReadVectors(strings.NewReader(`[{"name":"x","steps":` + tc.steps + `}]`))
			if err != nil {
				t.Fatal(err)
			}
			for r := range SelfTest(t.Context(), config("ok"), v) {
				if r.Err == nil || !strings.HasPrefix(r.Err.Error(), tc.want) {
					t.Errorf("got %v, want %s", r.Err, tc.want)
				}
			}
		})
	}
}

func TestTheSelfTestEndsWithoutAHello(t *testing.T) {
	t.Parallel()
	vectors, err := Vectors()
	if err != nil {
		t.Fatal(err)
	}
	none := config("ok")
	none.Command = []string{"/no/such/program"}
	for _, tc := range []struct {
		c    Config
		want string
	}{
		{none, "no hello: start"},
		{config("rude"), "no hello: the child broke the worker protocol"},
	} {
		n := 0
		for r := range SelfTest(t.Context(), tc.c, vectors) {
			n++
			if !errors.Is(r.Err, ErrNoHello) || !strings.HasPrefix(r.Err.Error(), tc.want) {
				t.Errorf("got %v, want %s", r.Err, tc.want)
			}
		}
		if n != 1 {
			t.Errorf("%d vectors were played after %q", n, tc.want)
		}
	}
}

type frameVector struct {
	Name, From, Hex, Breach string
	Frame                   json.RawMessage
}

func frameVectors(t testing.TB) []frameVector {
	t.Helper()
	b, err := os.ReadFile("vectors/frames.json")
	if err != nil {
		t.Fatal(err)
	}
	var v []frameVector
	if err := json.Unmarshal(b, &v); err != nil || len(v) < 20 {
		t.Fatalf("%d vectors, %v", len(v), err)
	}
	return v
}

// What this package writes is, byte for byte, what another program wrote.
func TestFramesToAChildAreThoseOfTheVectors(t *testing.T) {
	t.Parallel()
	later := time.UnixMilli(4102444800000)
	raw := func(v any) msgpack.RawMessage {
		b, err := codec.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	got := map[string][]byte{
		"one task of a job": taskFrame(1, []consumer.Task{{Job: "j1", Handler: "price", Attempt: 1, Arg: raw([]any{"AAPL", 187.25})}}),
		"a chunk with all that an envelope can have": taskFrame(300, []consumer.Task{
			{Job: "j1", Handler: "price", Attempt: 2, Index: 7, Arg: raw(1), Deadline: later, Timeout: 1500 * time.Millisecond, Trace: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"},
			{Index: 9, Arg: raw(nil)},
		}),
		"a task without a job": taskFrame(1, []consumer.Task{{ID: "order-17", Handler: "price", Attempt: 1, Arg: raw(strings.Repeat("x", 300))}}),
		"cancel":               cancelFrame(7, "timeout"),
		"quiet":                quietFrame(later),
		"bye":                  byeFrame(),
	}
	n := 0
	for _, v := range frameVectors(t) {
		if v.From != "worker" {
			continue
		}
		n++
		if have := hex.EncodeToString(got[v.Name]); have != v.Hex {
			t.Errorf("%s:\n%s, want\n%s", v.Name, have, v.Hex)
		}
	}
	if n != len(got) {
		t.Errorf("%d vectors, %d frames", n, len(got))
	}
}

func TestFramesFromAChildAreReadOrRefused(t *testing.T) {
	t.Parallel()
	for _, v := range frameVectors(t) {
		if v.From != "child" {
			continue
		}
		b, err := hex.DecodeString(v.Hex)
		if err != nil {
			t.Fatal(err)
		}
		payload, err := (&frameReader{r: bufio.NewReader(bytes.NewReader(b))}).next()
		if err == nil {
			var s said
			s, err = decodeFrame(payload)
			checkSaid(t, v, s, payload)
		}
		var breach *BreachError
		isBreach := err != nil && cmp.Equal(true, asBreach(err, &breach))
		if isBreach != (v.Breach != "") || err != nil && !isBreach {
			t.Errorf("%s: %v, want the breach %q", v.Name, err, v.Breach)
		}
	}
}

func asBreach(err error, into **BreachError) bool {
	b, ok := err.(*BreachError) //nolint:errorlint // frames are not wrapped
	*into = b
	return ok
}

// checkSaid compares what was read with the vector's own words.
func checkSaid(t *testing.T, v frameVector, s said, payload []byte) {
	t.Helper()
	if v.Frame == nil || v.Breach != "" {
		return
	}
	want, err := viewOf(v.Frame)
	if err != nil {
		t.Fatal(err)
	}
	have, err := view(payload)
	if err != nil {
		t.Fatal(err)
	}
	if err := match(want, have, v.Name); err != nil {
		t.Error(err)
	}
	keys := want.(map[string]any)
	if s.kind != keys["t"] {
		t.Errorf("%s: kind %q", v.Name, s.kind)
	}
	if id, ok := keys["id"].(json.Number); ok {
		if f, err := id.Float64(); err != nil || float64(s.id) != f {
			t.Errorf("%s: id %d, want %v", v.Name, s.id, id)
		}
	}
	if result, ok := binOf(keys["result"]); ok != s.hasResult || !bytes.Equal(result, s.result) {
		t.Errorf("%s: result %x, want %x", v.Name, s.result, result)
	}
	if s.kind == "hello" && s.checkHello() != nil {
		t.Errorf("%s: %v", v.Name, s.checkHello())
	}
}

// Whatever a child writes, it is read or refused: no panic, and no memory for what has not arrived.
func FuzzFrames(f *testing.F) {
	for _, v := range frameVectors(f) {
		b, err := hex.DecodeString(v.Hex)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Add(binary.BigEndian.AppendUint32(nil, MaxFrame))
	f.Fuzz(func(t *testing.T, b []byte) {
		r := frameReader{r: bufio.NewReader(bytes.NewReader(b))}
		for range 100 {
			payload, err := r.next()
			if err != nil {
				return
			}
			s, err := decodeFrame(payload)
			if err != nil {
				if _, ok := err.(*BreachError); !ok { //nolint:errorlint // frames are not wrapped
					t.Fatalf("%T: %v", err, err)
				}
				continue
			}
			_ = s.checkHello()
			_, _ = judge(consumer.Task{Handler: "f"}, s)
		}
	})
}

func TestCommandsAreSplitAsAShellDoes(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		in   string
		want []string
	}{
		{"python3 worker.py", []string{"python3", "worker.py"}},
		{"  a\tb  ", []string{"a", "b"}},
		{`python3 -m "my module" 'it''s' a\ b ""`, []string{"python3", "-m", "my module", "its", "a b", ""}},
		{`"a\"b\\c\d"`, []string{`a"b\c\d`}},
		{`'a\b'`, []string{`a\b`}},
		{"", nil},
		{"'open", nil},
		{`end\`, nil},
	} {
		got, err := Split(tc.in)
		if d := cmp.Diff(tc.want, got); d != "" || (err == nil) != (tc.want != nil) {
			t.Errorf("%q: %v %s", tc.in, err, d)
		}
	}
}

func TestSizes(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]int64{
		"512MiB": 512 << 20, "2g": 2 << 30, "1.5GB": 15e8, "1000000": 1e6, "64 k": 64 << 10, "10b": 10,
		"": 0, "-1": 0, "x": 0, "0": 0, "1e30g": 0, "NaN": 0, "5 potatoes": 0,
	} {
		got, err := ParseSize(in)
		if got != want || (err == nil) != (want != 0) {
			t.Errorf("%q: %d, %v", in, got, err)
		}
	}
}
