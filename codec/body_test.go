package codec_test

import (
	"bytes"
	"encoding/base64"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/starburst-go/starburst/codec"
)

// zstdBody compresses with the library's own settings: what other producers send.
func zstdBody(t testing.TB, raw []byte, opts ...zstd.EOption) string {
	t.Helper()
	enc, err := zstd.NewWriter(nil, opts...)
	if err != nil {
		t.Fatal(err)
	}
	defer enc.Close()
	return "z1." + base64.StdEncoding.EncodeToString(enc.EncodeAll(raw, nil))
}

func TestDecodeBody(t *testing.T) {
	t.Parallel()
	// 0xfb 0xff make + and / (or - and _); three lengths make every padding.
	raws := [][]byte{unhex(t, "81 a1fb c3"), unhex(t, "81 a2fbff c3"), unhex(t, "81 a3fbffbf c3")}
	for _, raw := range raws {
		std, url := base64.StdEncoding.EncodeToString(raw), base64.URLEncoding.EncodeToString(raw)
		for name, body := range map[string]string{
			"standard, padded":             std,
			"standard, not padded":         strings.TrimRight(std, "="),
			"URL, padded":                  url,
			"URL, not padded":              strings.TrimRight(url, "="),
			"with space around it":         " \t\r\n" + std + "\r\n ",
			"broken into lines by base64":  std[:4] + "\n" + std[4:] + "\n",
			"broken into lines by Windows": std[:4] + "\r\n" + strings.TrimRight(std[4:], "="),
			"zstd":                         zstdBody(t, raw),
			"zstd without padding":         strings.TrimRight(zstdBody(t, raw), "="),
			"zstd in two frames":           "z1." + std64(append(mustBase64(t, zstdBody(t, raw[:1])[3:]), mustBase64(t, zstdBody(t, raw[1:])[3:])...)),
		} {
			got, err := codec.DecodeBody(body)
			if err != nil || !bytes.Equal(got, raw) {
				t.Errorf("%s (%q): % x, %v, want % x", name, body, got, err, raw)
			}
		}
	}
	got, err := codec.DecodeBody("\n" + `{"f":"x"}` + " ")
	if want := unhex(t, "81 a166 a178"); err != nil || !bytes.Equal(got, want) {
		t.Errorf("JSON: % x, %v, want % x", got, err, want)
	}
}

func TestDecodeBodyRefuses(t *testing.T) {
	t.Parallel()
	bomb := zstdBody(t, make([]byte, codec.MaxRaw+1))
	steep := zstdBody(t, make([]byte, 4<<20)) // below MaxRaw, but at a ratio of some 30,000
	streamed := func(n int) string {          // a frame that does not declare its size
		var buf bytes.Buffer
		w, err := zstd.NewWriter(&buf)
		if err != nil {
			t.Fatal(err)
		}
		for range n >> 16 {
			if _, err := w.Write(make([]byte, 1<<16)); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		return "z1." + base64.StdEncoding.EncodeToString(buf.Bytes())
	}
	tests := []struct {
		name string
		body string
		want codec.Reason
	}{
		{"nothing", "", codec.ReasonEmpty},
		{"space", " \n\t", codec.ReasonEmpty},
		{"padding only", "====", codec.ReasonBase64},
		{"JSON that is an array", "[[[", codec.ReasonBase64},
		{"JSON that is cut short", `{"f":`, codec.ReasonJSON},
		{"JSON with something after it", `{"f":"x"} x`, codec.ReasonJSON},
		{"raw msgpack, as SQS would have corrupted it", "\x81\xa1f\xa1x", codec.ReasonBase64},
		{"raw msgpack behind U+FFFD", "\ufffd\ufffdf", codec.ReasonBase64},
		{"both alphabets at once", "gaH7-/8=", codec.ReasonBase64},
		{"one pad where two belong", "gQ=", codec.ReasonBase64},
		{"three pads", "gQ===", codec.ReasonBase64},
		{"pads in the middle", "gQ==gQ==", codec.ReasonBase64},
		{"bits after the last byte", "gR==", codec.ReasonBase64},
		{"one character too few", "gaH7w", codec.ReasonBase64},
		{"a space inside", "gaH7 ww==", codec.ReasonBase64},
		{"no-break space around", "\u00a0gaH7ww==", codec.ReasonBase64},
		{"a byte order mark", "\ufeff{}", codec.ReasonBase64},
		{"an unknown tag", "z2.gaH7ww==", codec.ReasonBase64},
		{"the tag in capitals", "Z1.gaH7ww==", codec.ReasonBase64},
		{"the tag with nothing", "z1.", codec.ReasonEmpty},
		{"the tag before what is not base64", "z1.???", codec.ReasonBase64},
		{"the tag before what is not zstd", "z1.gaH7ww==", codec.ReasonZstd},
		{"a frame cut short", zstdBody(t, bytes.Repeat([]byte("abc"), 100))[:19], codec.ReasonZstd},
		{"an empty frame", zstdBody(t, nil, zstd.WithZeroFrames(true)), codec.ReasonEmpty},
		{"a bomb beyond MaxRaw", bomb, codec.ReasonZstd},
		{"a bomb that does not declare its size", streamed(64 << 20), codec.ReasonZstd},
		{"a bomb of many small frames", "z1." + base64.StdEncoding.EncodeToString(bytes.Repeat(mustBase64(t, zstdBody(t, make([]byte, 1<<16))[3:]), 1000)), codec.ReasonZstd},
		{"a ratio that no honest chunk has", steep, codec.ReasonZstd},
		{"the same without its size", streamed(4 << 20), codec.ReasonZstd},
		{"more than SQS carries", strings.Repeat("A", codec.MaxBody+1), codec.ReasonLimit},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			raw, err := codec.DecodeBody(tt.body)
			if got := reasonOf(t, err); got != tt.want {
				t.Errorf("reason %q (%v), %d bytes, want %q", got, err, len(raw), tt.want)
			}
		})
	}
}

func std64(b []byte) string { return base64.StdEncoding.EncodeToString(b) }

func mustBase64(t testing.TB, s string) []byte {
	t.Helper()
	b, err := base64.StdEncoding.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// A body that is base64 of something else says so: the two commonest mistakes get a hint.
func TestDecodeHints(t *testing.T) {
	t.Parallel()
	msg := `{"f":"price","t":[1]}`
	b64 := base64.StdEncoding.EncodeToString
	for _, tt := range []struct{ name, body, tell string }{
		{"base64 of JSON", b64([]byte(msg)), "base64 of JSON"},
		{"base64 of base64", b64([]byte(b64(fromJSON(t, msg)))), "base64 of base64"},
		{"a word that happens to be base64", "cGFy", "want a map"},
	} {
		_, err := codec.Decode(tt.body)
		if got := reasonOf(t, err); got != codec.ReasonEnvelope || !strings.Contains(err.Error(), tt.tell) {
			t.Errorf("%s: %v, want an envelope error with %q", tt.name, err, tt.tell)
		}
	}
}

func TestEncodeBodyChoosesTheForm(t *testing.T) {
	t.Parallel()
	noise := make([]byte, 64<<10)
	rng := rand.New(rand.NewPCG(3, 4))
	for i := range noise {
		noise[i] = byte(rng.Uint32())
	}
	text := bytes.Repeat([]byte("seed drift vol "), 1000)
	tests := []struct {
		name string
		raw  []byte
		want codec.BodyFormat
	}{
		{"a single task stays readable", text[:1023], codec.Plain},
		{"a kilobyte of records is compressed", text[:1024], codec.Zstd},
		{"noise is not", noise, codec.Plain},
		{"what DecodeBody would take for a bomb is not", make([]byte, 1<<20), codec.Plain},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			body := codec.EncodeBody(tt.raw)
			if got := codec.FormatOf(body); got != tt.want {
				t.Errorf("form %v, want %v", got, tt.want)
			}
			if len(body) > codec.MaxBody {
				return // the producer's business: it splits or offloads
			}
			if got, err := codec.DecodeBody(body); err != nil || !bytes.Equal(got, tt.raw) {
				t.Errorf("read back %d bytes, %v, want the %d written", len(got), err, len(tt.raw))
			}
		})
	}
}

func TestEncodeBodyAs(t *testing.T) {
	t.Parallel()
	raw := fromJSON(t, `{"f":"x","t":[1.5,"é",{"$bin":"AAEC"}]}`)
	for _, f := range []codec.BodyFormat{codec.Plain, codec.Zstd, codec.JSON} {
		body, err := codec.EncodeBodyAs(f, raw)
		if err != nil || codec.FormatOf(body) != f {
			t.Errorf("%v: %q, %v", f, body, err)
		}
		if got, err := codec.DecodeBody(body); err != nil || !bytes.Equal(got, raw) {
			t.Errorf("%v: read back % x, %v, want % x", f, got, err, raw)
		}
	}
	if _, err := codec.EncodeBodyAs(codec.Zstd, make([]byte, codec.MaxRaw)); err == nil {
		t.Error("a bomb was made")
	}
	if _, err := codec.EncodeBodyAs(7, raw); err == nil {
		t.Error("an unknown form was made")
	}
}

// One decoder serves all goroutines.
func TestBodiesConcurrently(t *testing.T) {
	t.Parallel()
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			raw := bytes.Repeat([]byte{byte(g), 1, 2, 3, 4, 5}, 1000)
			for range 50 {
				if got, err := codec.DecodeBody(codec.EncodeBody(raw)); err != nil || !bytes.Equal(got, raw) {
					t.Errorf("goroutine %d read something else: %v", g, err)
					return
				}
			}
		})
	}
	wg.Wait()
}
