package codec

import (
	"bytes"
	_ "embed"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
)

// vectorsJSON is part of every program, so that an installed one can show that it
// keeps to the specification. It is some 60 kB.
//
//go:embed testdata/vectors/messages.json
var vectorsJSON []byte

// Vector is one golden case of the wire format: a body and what a reader must make
// of it. testdata/vectors/README.md describes the fields.
type Vector struct {
	// Name says in a phrase what the case is about; unique in its file.
	Name string `json:"name"`
	// Body is the text of the SQS message, or its beginning when there is a Repeat.
	Body string `json:"body"`
	// Repeat is given where a body is too large to be written out.
	Repeat *Repeat `json:"repeat"`
	// Raw is the body's msgpack in hexadecimal; empty when the body holds none. It is
	// continued by Repeat like the body.
	Raw string `json:"raw"`
	// JSON is the view of Raw that MsgpackToJSON gives; absent when it is malformed.
	JSON json.RawMessage `json:"json"`
	// MayRefuse tells that other readers of version 1 are free to refuse the body,
	// because their language has no such value. This package accepts it.
	MayRefuse bool `json:"mayRefuse"`
	// Message is what the body means. Exactly one of Message and Reason is given.
	Message json.RawMessage `json:"message"`
	// Reason is why the body is a bad message.
	Reason Reason `json:"reason"`
}

// Repeat continues a vector's body with Times copies of Body, and its msgpack with
// as many copies of Raw.
type Repeat struct {
	Body  string `json:"body"`
	Raw   string `json:"raw"`
	Times int    `json:"times"`
}

// Vectors returns the golden vectors of this version, testdata/vectors/messages.json.
func Vectors() ([]Vector, error) { return ReadVectors(bytes.NewReader(vectorsJSON)) }

// ReadVectors reads a file of vectors: a JSON array of objects like Vector. Keys
// that it does not know are an error, as is a vector with neither or both of
// message and reason: a misspelt one would test nothing.
func ReadVectors(r io.Reader) ([]Vector, error) {
	dec := json.NewDecoder(r)
	dec.DisallowUnknownFields()
	var vectors []Vector
	if err := dec.Decode(&vectors); err != nil {
		return nil, fmt.Errorf("read vectors: %w", err)
	}
	for i, v := range vectors {
		if (v.Message == nil) == (v.Reason == "") {
			return nil, fmt.Errorf("read vectors: number %d, %q: want one of message and reason", i, v.Name)
		}
		if v.Repeat != nil && (v.Repeat.Times < 0 || v.Repeat.Times*max(len(v.Repeat.Body), len(v.Repeat.Raw)) > maxRepeat) {
			return nil, fmt.Errorf("read vectors: number %d, %q: a repetition makes more than %d bytes", i, v.Name, maxRepeat)
		}
	}
	return vectors, nil
}

// maxRepeat bounds what a line of a foreign vectors file can make a reader reserve, in bytes.
const maxRepeat = 64 << 20

// FullBody returns the body with its repetitions.
func (v Vector) FullBody() string {
	if v.Repeat == nil {
		return v.Body
	}
	return v.Body + strings.Repeat(v.Repeat.Body, v.Repeat.Times)
}

// FullRaw returns the msgpack with its repetitions, nil when the vector has none.
func (v Vector) FullRaw() ([]byte, error) {
	text := v.Raw
	if v.Repeat != nil {
		text += strings.Repeat(v.Repeat.Raw, v.Repeat.Times)
	}
	if text == "" {
		return nil, nil
	}
	raw, err := hex.DecodeString(text)
	if err != nil {
		return nil, fmt.Errorf("the vector's raw is not hexadecimal: %w", err)
	}
	return raw, nil
}

// Check runs the vector against this package. The error tells what differs; nil
// means that the vector passes.
func (v Vector) Check() error {
	m, err := Decode(v.FullBody())
	if err := v.checkReason(err); err != nil {
		return err
	}
	if err := v.checkRaw(); err != nil || v.Reason != "" {
		return err
	}
	got, err := m.JSON()
	if err != nil {
		return err
	}
	return sameJSONText("the message", v.Message, got)
}

func (v Vector) checkReason(err error) error {
	var bm *BadMessageError
	switch {
	case err == nil && v.Reason == "":
		return nil
	case err == nil:
		return fmt.Errorf("accepted; want it refused as %q", v.Reason)
	case v.Reason == "":
		return fmt.Errorf("refused: %w", err)
	case !errors.As(err, &bm):
		return fmt.Errorf("refused without a reason: %w", err)
	case bm.Reason != v.Reason:
		return fmt.Errorf("refused as %q (%s); want %q", bm.Reason, bm.Detail, v.Reason)
	}
	return nil
}

// checkRaw compares the layers between the body and the message. Bodies beyond
// the limits are refused before there is any msgpack, so it goes its own way in.
func (v Vector) checkRaw() error {
	want, err := v.FullRaw()
	if err != nil {
		return err
	}
	raw, err := DecodeBody(v.FullBody())
	switch {
	case err != nil && v.Reason == "":
		return err
	case err == nil && (want != nil || v.Reason == "") && !bytes.Equal(raw, want):
		return fmt.Errorf("the body holds the msgpack %s; want %s", clipHex(raw), clipHex(want))
	}
	if want != nil {
		if _, err := DecodeMessage(want); (err == nil) != (v.Reason == "") {
			return fmt.Errorf("from its msgpack: %w; want the same as from the body", err)
		}
	}
	if v.JSON == nil {
		return nil
	}
	view, err := MsgpackToJSON(want)
	if err != nil {
		return fmt.Errorf("its JSON view: %w", err)
	}
	return sameJSONText("the JSON view", v.JSON, view)
}

// clipHex shows enough bytes to find the difference of two short messages.
func clipHex(b []byte) string {
	const most = 200
	if len(b) > most {
		return fmt.Sprintf("%x… (%d bytes)", b[:most], len(b))
	}
	return hex.EncodeToString(b)
}

// sameJSONText compares two JSON texts value by value, numbers by their digits.
func sameJSONText(what string, want, got []byte) error {
	decode := func(text []byte) (v any, err error) {
		dec := json.NewDecoder(bytes.NewReader(text))
		dec.UseNumber()
		return v, dec.Decode(&v)
	}
	w, err := decode(want)
	if err != nil {
		return fmt.Errorf("%s of the vector: %w", what, err)
	}
	g, err := decode(got)
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	if !reflect.DeepEqual(w, g) {
		return fmt.Errorf("%s is %s; want %s", what, got, want)
	}
	return nil
}
