package codec

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/starburst-go/starburst/codec"
)

// BenchmarkBody measures the steps around a message of 100 tasks: base64, zstd and
// JSON, both ways. MB/s count the raw message.
func BenchmarkBody(b *testing.B) {
	for _, k := range kinds(b) {
		for _, f := range []codec.BodyFormat{codec.Plain, codec.Zstd, codec.JSON} {
			body, err := codec.EncodeBodyAs(f, k.raw)
			if err != nil {
				b.Fatal(err)
			}
			run(b, "tasks="+k.name+"/step=write-"+f.String()+"/codec=starburst", len(k.raw), func() error {
				_, err := codec.EncodeBodyAs(f, k.raw)
				return err
			})
			run(b, "tasks="+k.name+"/step=read-"+f.String()+"/codec=starburst", len(k.raw), func() error {
				_, err := codec.DecodeBody(body)
				return err
			})
		}
	}
}

// BenchmarkJSONBody goes over JSON of some 100 kB; MB/s count its text. The peer reads
// it into an any.
func BenchmarkJSONBody(b *testing.B) {
	list := func(n int, element func(i int) string) string {
		parts := make([]string, n)
		for i := range parts {
			parts[i] = element(i)
		}
		return "[" + strings.Join(parts, ",") + "]"
	}
	nested := "1"
	for range codec.MaxDepth {
		nested = "[" + strings.Repeat("0,", 800) + nested + "]"
	}
	for _, bb := range []struct{ name, text string }{
		{"ints", list(20_000, func(i int) string { return strconv.Itoa(i * 37) })},
		{"doubles", list(5_000, func(i int) string { return strconv.FormatFloat(1/float64(i+3), 'g', -1, 64) })},
		{"strings", list(6_000, func(i int) string { return fmt.Sprintf(`"string-%d"`, i) })},
		{"text", list(10, func(int) string { return `"` + strings.Repeat("a sentence of a text, ", 500) + `"` })},
		{"unicode", list(10, func(int) string { return `"` + strings.Repeat("ein schöner Satz, 漢字, ", 400) + `"` })},
		{"escapes", list(10, func(int) string { return `"` + strings.Repeat(`line\n\"quoted\" \u00e9 `, 400) + `"` })},
		{"records", list(1_000, func(i int) string {
			return fmt.Sprintf(`{"seed":%d,"days":252,"drift":0.05,"vol":0.2,"name":"AAPL","tags":["a","b"]}`, i)
		})},
		{"widerecords", list(100, func(i int) string {
			keys := list(64, func(k int) string { return fmt.Sprintf(`"feature-%d":%d`, k, i) })
			return "{" + keys[1:len(keys)-1] + "}"
		})},
		{"binary", list(10, func(int) string { return `{"$bin":"` + strings.Repeat("AAEC", 2500) + `"}` })},
		{"nested", nested},
	} {
		text := []byte(bb.text)
		run(b, "text="+bb.name+"/codec=starburst", len(text), func() error {
			_, err := codec.JSONToMsgpack(text)
			return err
		})
		run(b, "text="+bb.name+"/codec=json", len(text), func() error {
			var v any
			return json.Unmarshal(text, &v)
		})
	}
}
