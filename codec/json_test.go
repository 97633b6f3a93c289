package codec_test

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/vmihailenco/msgpack/v5"

	"github.com/starburst-go/starburst/codec"
)

func TestJSONToMsgpack(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, json, hex string }{
		{"null", `null`, "c0"},
		{"booleans, in space", " \t\r\n[ true , false ] ", "92 c3 c2"},
		{"integers take the shortest form", `[0,-1,-32,-33,127,128,255,256,65536,4294967296]`,
			"9a 00 ff e0 d0df 7f cc80 ccff cd0100 ce00010000 cf0000000100000000"},
		{"the smallest and the largest integers", `[-9223372036854775808,9223372036854775807,18446744073709551615]`,
			"93 d38000000000000000 cf7fffffffffffffff cfffffffffffffffff"},
		{"minus zero is an integer", `-0`, "00"},
		{"a fraction or an exponent makes a float", `[1.0,1e0,-0.0,1E+2]`,
			"94 cb3ff0000000000000 cb3ff0000000000000 cb8000000000000000 cb4059000000000000"},
		{"a float too small for its type is zero, as everywhere", `1e-400`, "cb0000000000000000"},
		{"strings", `["","a","é","\u00e9","\ud83d\ude00","\"\\\/\b\f\n\r\t"]`,
			"96 a0 a161 a2c3a9 a2c3a9 a4f09f9880 a8225c2f080c0a0d09"},
		{"a string of 32 bytes takes a str8", `"` + strings.Repeat("x", 32) + `"`, "d920" + strings.Repeat("78", 32)},
		{"an escaped NUL is a character", `"\u0000"`, "a100"},
		{"empty ones", `[[],{}]`, "92 90 80"},
		{"key order is kept", `{"b":1,"a":2}`, "82 a16201 a16102"},
		{"16 elements take an array16", `[` + strings.Repeat("1,", 15) + `1]`, "dc0010" + strings.Repeat("01", 16)},
		{"16 keys take a map16", `{"a":1,"b":1,"c":1,"d":1,"e":1,"f":1,"g":1,"h":1,"i":1,"j":1,"k":1,"l":1,"m":1,"n":1,"o":1,"p":[]}`,
			"de0010 a16101a16201a16301a16401a16501a16601a16701a16801a16901a16a01a16b01a16c01a16d01a16e01a16f01a17090"},
		{"binary", `[{"$bin":"AAEC"},{"$bin":""}]`, "92 c403000102 c400"},
		{"an extension", `[{"$ext":[5,"AAEC"]},{"$ext":[-1,"AAAAAA=="]}]`, "92 c70305000102 d6ff00000000"},
		{"what only looks like binary", `[{"$bin":1},{"$bin":"AA==","x":1},{"$ext":"AA=="},{"$ext":[500,"AA=="]},{"$ext":[1,2]}]`,
			"95 81a42462696e01 82a42462696ea441413d3da17801 81a424657874a441413d3d 81a42465787492cd01f4a441413d3d 81a424657874920102"},
		{"64 levels", strings.Repeat("[", 64) + strings.Repeat("]", 64), strings.Repeat("91", 63) + "90"},
		{"duplicate keys beyond 64 entries are left alone", `{"k":1` + strings.Repeat(`,"k":1`, 64) + `}`, "de0041" + strings.Repeat("a16b01", 65)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := codec.JSONToMsgpack([]byte(tt.json))
			if want := unhex(t, tt.hex); err != nil || !bytes.Equal(got, want) {
				t.Errorf("%s became\n% x (%v), want\n% x", tt.json, got, err, want)
			}
		})
	}
}

// Every length form of every type: written by the hand-driven writers, read by
// the library and by ourselves.
func TestLengthForms(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 1, 2, 4, 8, 15, 16, 17, 31, 32, 255, 256, 65535, 65536} {
		text := strings.Repeat("x", n)
		record := map[string]any{}
		for i := range n {
			record[strconv.Itoa(i)] = int64(i)
		}
		for name, v := range map[string]any{
			"str": text, "bin": []byte(text), "array": append(make([]any, 0, n), toAny(make([]bool, n))...), "map": record,
		} {
			raw := mustMarshal(t, v)
			text, err := codec.MsgpackToJSON(raw)
			if err != nil {
				t.Fatalf("%s of %d: %v", name, n, err)
			}
			back, err := codec.JSONToMsgpack(text)
			if err != nil {
				t.Fatalf("%s of %d: %v", name, n, err)
			}
			var got any
			if err := codec.Unmarshal(back, &got); err != nil {
				t.Fatalf("%s of %d: %v", name, n, err)
			}
			if !bytes.Equal(raw, back) || !reflect.DeepEqual(v, got) {
				t.Errorf("%s of %d does not survive", name, n)
			}
		}
		ext, err := codec.JSONToMsgpack([]byte(`{"$ext":[5,"` + std64([]byte(text)) + `"]}`))
		if err != nil {
			t.Fatal(err)
		}
		if err := codec.Guard(ext, 0); err != nil {
			t.Errorf("ext of %d: %v", n, err)
		}
		dec := msgpack.NewDecoder(bytes.NewReader(ext))
		if typ, size, err := dec.DecodeExtHeader(); typ != 5 || size != n || err != nil {
			t.Errorf("ext of %d: the library reads type %d, length %d, %v", n, typ, size, err)
		}
		if got, err := codec.MsgpackToJSON(ext); err != nil || string(got) != `{"$ext":[5,"`+std64([]byte(text))+`"]}` {
			t.Errorf("ext of %d: %.60s, %v", n, got, err)
		}
	}
}

func toAny[T any](vs []T) []any {
	out := make([]any, len(vs))
	for i, v := range vs {
		out[i] = v
	}
	return out
}

func TestJSONToMsgpackRefuses(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"nothing":                       ``,
		"space":                         ` `,
		"two values":                    `1 2`,
		"a word":                        `nil`,
		"half a word":                   `tru`,
		"NaN":                           `NaN`,
		"infinity":                      `-Infinity`,
		"a plus sign":                   `+1`,
		"a leading zero":                `01`,
		"a bare point":                  `.5`,
		"a point without digits":        `1.`,
		"an exponent without digits":    `1e`,
		"an exponent sign alone":        `1e+`,
		"a minus alone":                 `-`,
		"hexadecimal":                   `0x10`,
		"an integer beyond uint64":      `18446744073709551616`,
		"an integer beyond int64":       `-9223372036854775809`,
		"a float beyond float64":        `1e400`,
		"an open array":                 `[1`,
		"a trailing comma":              `[1,]`,
		"a leading comma":               `[,1]`,
		"a missing comma":               `[1 2]`,
		"the wrong bracket":             `[1}`,
		"an open object":                `{"a":1`,
		"an object's trailing comma":    `{"a":1,}`,
		"a key without quotes":          `{a:1}`,
		"a key that is a number":        `{1:1}`,
		"a missing colon":               `{"a" 1}`,
		"a missing value":               `{"a":}`,
		"single quotes":                 `'a'`,
		"an open string":                `"a`,
		"an open string after a slash":  `"a\`,
		"an open string after escapes":  `"\n`,
		"an unknown escape":             `"\x41"`,
		"three hexadecimal digits":      `"\u00e"`,
		"no hexadecimal digit":          `"\u00eg"`,
		"a high surrogate alone":        `"\ud83d"`,
		"a high surrogate and a letter": `"\ud83d\u0041"`,
		"a low surrogate alone":         `"\ude00"`,
		"a line break in a string":      "\"a\nb\"",
		"a line break after an escape":  "\"\\ta\nb\"",
		"bytes that are not UTF-8":      "\"\xff\"",
		"the same after an escape":      "\"\\t\xff\"",
		"a surrogate in UTF-8":          "\"\xed\xa0\x80\"",
		"a comment":                     `1 // one`,
		"a byte order mark":             "\ufeff1",
		"duplicate keys":                `{"a":1,"a":1}`,
		"duplicate keys, one escaped":   `{"a":1,"\u0061":1}`,
		"duplicate keys far inside":     `[[{"x":[{"a":1,"b":2,"a":3}]}]]`,
		"binary that is not base64":     `{"$bin":"?"}`,
		"an extension not in base64":    `{"$ext":[1,"?"]}`,
		"a NUL":                         "\x00",
	} {
		if got, err := codec.JSONToMsgpack([]byte(text)); reasonOf(t, err) != codec.ReasonJSON {
			t.Errorf("%s (%s): % x, %v, want a JSON error", name, text, got, err)
		}
	}
	for _, text := range []string{strings.Repeat("[", 65) + strings.Repeat("]", 65), strings.Repeat(`{"a":`, 1_000_000)} {
		if _, err := codec.JSONToMsgpack([]byte(text)); reasonOf(t, err) != codec.ReasonLimit {
			t.Errorf("deep nesting: %v, want a limit error", err)
		}
	}
}

func TestMsgpackToJSON(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, hex, json string }{
		{"integers keep their digits", "93 00 cfffffffffffffffff d38000000000000000", `[0,18446744073709551615,-9223372036854775808]`},
		{"floats stay floats", "95 cb3ff0000000000000 cb8000000000000000 ca3dcccccd cb44b52d02c7e14af6 cb3e7ad7f29abcaf48", `[1.0,-0.0,0.1,1e+23,1e-07]`},
		{"what JSON cannot write becomes text", "93 cb7ff8000000000000 ca7f800000 cbfff0000000000000", `["NaN","Infinity","-Infinity"]`},
		{"strings are escaped where JSON must and nowhere else", "a9 22 5c 0a 0d 09 01 c3a9 3c", `"\"\\\n\r\t\u0001é<"`},
		{"strings that are not UTF-8 are binary", "a2fffe", `{"$bin":"//4="}`},
		{"binary", "c403000102", `{"$bin":"AAEC"}`},
		{"empty ones", "92 90 80", `[[],{}]`},
		{"nil and booleans", "93 c0 c2 c3", `[null,false,true]`},
		{"timestamps in their three forms", "93 d6ff 00000001 d7ff 77359400 00000001 c70cff 00000001 fffffffffffffff6",
			`["1970-01-01T00:00:01Z","1970-01-01T00:00:01.5Z","1969-12-31T23:59:50.000000001Z"]`},
		{"what only looks like a timestamp", "93 d4ff01 c70cff 3b9aca00 0000000000000000 c70cff 00000000 7fffffffffffffff",
			`[{"$ext":[-1,"AQ=="]},{"$ext":[-1,"O5rKAAAAAAAAAAAA"]},{"$ext":[-1,"AAAAAH//////////"]}]`},
		{"other extensions", "d40501", `{"$ext":[5,"AQ=="]}`},
		{"keys that are not strings become their text", "87 0101 c002 c303 cb3ff800000000000004 9101 05 c401ff06 cb7ff800000000000007",
			`{"1":1,"null":2,"true":3,"1.5":4,"[1]":5,"{\"$bin\":\"/w==\"}":6,"NaN":7}`},
		{"so do keys that are not UTF-8", "81 a1ff 01", `{"{\"$bin\":\"/w==\"}":1}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := codec.MsgpackToJSON(unhex(t, tt.hex))
			if err != nil || string(got) != tt.json {
				t.Errorf("%s became\n%s (%v), want\n%s", tt.hex, got, err, tt.json)
			}
			if !json.Valid(got) {
				t.Errorf("%s is not JSON", got)
			}
		})
	}
	if _, err := codec.MsgpackToJSON(unhex(t, "dd7fffffff")); reasonOf(t, err) != codec.ReasonMsgpack {
		t.Errorf("the deadly array: %v, want a msgpack error", err)
	}
}
