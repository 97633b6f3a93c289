package child

import (
	"bytes"
	_ "embed"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/starburst-go/starburst/codec"
)

//go:embed vectors/sessions.json
var sessionsJSON []byte

// Vector is one conversation with a child; vectors/README.md describes the fields.
type Vector struct {
	// Name says in a phrase what the conversation is about; unique.
	Name string `json:"name"`
	// Env is put over the child's environment; a null removes a variable.
	Env map[string]*string `json:"env"`
	// Steps in order. Every conversation begins with the child's hello, unless the first step expects something else.
	Steps []Step `json:"steps"`
}

// Step is one thing that is sent to the child, or expected of it. Exactly one field is given.
type Step struct {
	// Send is a frame in JSON.
	Send json.RawMessage `json:"send"`
	// SendHex is bytes as they are, in hexadecimal; Drip sends them one by one.
	SendHex string `json:"sendHex"`
	Drip    string `json:"drip"`
	// Expect is a frame that must contain what is written here.
	Expect json.RawMessage `json:"expect"`
	// Exit is the status with which the child must end; −1 allows any.
	Exit *int `json:"exit"`
	// Close closes descriptor 3.
	Close bool `json:"close"`
	// Stdout and Stderr must have been printed by now.
	Stdout string `json:"stdout"`
	Stderr string `json:"stderr"`
}

// Vectors returns the conversations of this version of the protocol.
func Vectors() ([]Vector, error) { return ReadVectors(bytes.NewReader(sessionsJSON)) }

// ReadVectors reads a file of conversations. Unknown keys are an error: a misspelt one would test nothing.
func ReadVectors(r io.Reader) ([]Vector, error) {
	dec := json.NewDecoder(r)
	dec.DisallowUnknownFields()
	var v []Vector
	if err := dec.Decode(&v); err != nil {
		return nil, fmt.Errorf("read vectors: %w", err)
	}
	for i, x := range v {
		if x.Name == "" || len(x.Steps) == 0 || slices.ContainsFunc(v[:i], func(o Vector) bool { return o.Name == x.Name }) {
			return nil, fmt.Errorf("vector %d, %q, has no name of its own or no steps", i, x.Name)
		}
	}
	return v, nil
}

// payload turns a frame in JSON into bytes, with its length.
func payload(frame json.RawMessage) ([]byte, error) {
	var v any
	dec := json.NewDecoder(bytes.NewReader(frame))
	dec.UseNumber()
	if err := dec.Decode(&v); err != nil {
		return nil, fmt.Errorf("a frame of a vector: %w", err)
	}
	v, err := expand(v)
	if err != nil {
		return nil, err
	}
	plain, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("a frame of a vector: %w", err)
	}
	b, err := codec.JSONToMsgpack(plain)
	if err != nil {
		return nil, fmt.Errorf("a frame of a vector: %w", err)
	}
	return withLength(b), nil
}

func withLength(b []byte) []byte {
	return append(binary.BigEndian.AppendUint32(nil, uint32(len(b))), b...)
}

// expand replaces the notations of vectors by what they stand for:
// {"$msgpack": v} is bin that holds v, {"$hex": h} is bin, {"$repeat": [v, n]} is n times v (a text, or elements of an array).
func expand(v any) (any, error) {
	switch x := v.(type) {
	case []any:
		return expandArray(x)
	case map[string]any:
		if len(x) == 1 {
			if inner, ok := x["$msgpack"]; ok {
				return expandMsgpack(inner)
			}
			if h, ok := x["$hex"].(string); ok {
				b, err := hex.DecodeString(h)
				return map[string]any{"$bin": base64.StdEncoding.EncodeToString(b)}, err
			}
			if r, ok := x["$repeat"].([]any); ok && len(r) == 2 {
				n, _ := r[1].(json.Number).Int64() //nolint:forcetypeassert // a vector that is wrong fails its test
				return strings.Repeat(fmt.Sprint(r[0]), int(n)), nil
			}
		}
		out := make(map[string]any, len(x))
		for k, e := range x {
			e, err := expand(e)
			if err != nil {
				return nil, err
			}
			out[k] = e
		}
		return out, nil
	}
	return v, nil
}

func expandArray(x []any) (any, error) {
	var out []any
	for _, e := range x {
		if m, ok := e.(map[string]any); ok && len(m) == 1 {
			if r, ok := m["$times"].([]any); ok && len(r) == 2 {
				n, _ := r[1].(json.Number).Int64() //nolint:forcetypeassert // a vector that is wrong fails its test
				one, err := expand(r[0])
				if err != nil {
					return nil, err
				}
				for range n {
					out = append(out, one)
				}
				continue
			}
		}
		e, err := expand(e)
		if err != nil {
			return nil, err
		}
		out = append(out, e)
	}
	return out, nil
}

func expandMsgpack(v any) (any, error) {
	v, err := expand(v)
	if err != nil {
		return nil, err
	}
	plain, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("a value of a vector: %w", err)
	}
	b, err := codec.JSONToMsgpack(plain)
	if err != nil {
		return nil, fmt.Errorf("a value of a vector: %w", err)
	}
	return map[string]any{"$bin": base64.StdEncoding.EncodeToString(b)}, nil
}
