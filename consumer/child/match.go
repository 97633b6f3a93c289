package child

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/starburst-go/starburst/codec"
)

// match reports how a frame differs from what a vector expects of it: every key that is expected must
// be there and equal. Numbers are equal when their values are; "$text" is any text that is not empty,
// "$any" whatever is there, "$nil" what is missing, nil, or bin that holds nil; {"$in": […]} one of several;
// {"$msgpack": v} bin that holds v.
func match(want, have any, path string) error {
	switch w := want.(type) {
	case string:
		return matchText(w, have, path)
	case map[string]any:
		return matchMap(w, have, path)
	case []any:
		h, ok := have.([]any)
		if !ok || len(h) != len(w) {
			return differ(path, want, have)
		}
		for i := range w {
			if err := match(w[i], h[i], fmt.Sprintf("%s[%d]", path, i)); err != nil {
				return err
			}
		}
		return nil
	case json.Number:
		h, ok := have.(json.Number)
		if ok && h != w {
			a, errA := w.Float64()
			b, errB := h.Float64()
			ok = errA == nil && errB == nil && a == b
		}
		if !ok {
			return differ(path, want, have)
		}
		return nil
	}
	if want != have { // booleans and nil
		return differ(path, want, have)
	}
	return nil
}

func matchText(w string, have any, path string) error {
	switch w {
	case "$any":
		if have != nil {
			return nil
		}
	case "$text":
		if s, ok := have.(string); ok && s != "" {
			return nil
		}
	case "$nil":
		if b, ok := binOf(have); have == nil || ok && len(b) == 1 && b[0] == 0xc0 {
			return nil
		}
	default:
		if have == w {
			return nil
		}
	}
	return differ(path, w, have)
}

func matchMap(w map[string]any, have any, path string) error {
	if len(w) == 1 {
		if v, ok := w["$msgpack"]; ok {
			return matchPacked(v, have, path)
		}
		if v, ok := w["$in"].([]any); ok {
			for _, one := range v {
				if match(one, have, path) == nil {
					return nil
				}
			}
			return differ(path, w, have)
		}
	}
	h, ok := have.(map[string]any)
	if !ok {
		return differ(path, w, have)
	}
	for k, v := range w {
		if err := match(v, h[k], path+"."+k); err != nil {
			return err
		}
	}
	return nil
}

func matchPacked(want, have any, path string) error {
	b, ok := binOf(have)
	if !ok {
		return fmt.Errorf("%s is %s, not bin", path, show(have))
	}
	if err := codec.Guard(b, codec.MaxValueDepth); err != nil {
		return fmt.Errorf("%s is bin that holds no msgpack: %w", path, err)
	}
	v, err := view(b)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	want, err = expand(want)
	if err != nil {
		return err
	}
	return match(want, v, path)
}

func binOf(v any) ([]byte, bool) {
	m, ok := v.(map[string]any)
	if !ok || len(m) != 1 {
		return nil, false
	}
	s, ok := m["$bin"].(string)
	b, err := base64.StdEncoding.DecodeString(s)
	return b, ok && err == nil
}

// view is msgpack as JSON values, with bin as {"$bin": …}.
func view(b []byte) (any, error) {
	text, err := codec.MsgpackToJSON(b)
	if err != nil {
		return nil, err
	}
	var v any
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	err = dec.Decode(&v)
	return v, err
}

func differ(path string, want, have any) error {
	return fmt.Errorf("%s is %s, want %s", path, show(have), show(want))
}

// maxShown bounds a value in a report, in bytes.
const maxShown = 200

func show(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	if len(b) > maxShown {
		return strings.ToValidUTF8(string(b[:maxShown]), "") + "…"
	}
	return string(b)
}
