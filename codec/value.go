package codec

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"sync"

	"github.com/vmihailenco/msgpack/v5"
)

// structTag is where field names come from when a field has no msgpack tag, so
// that a type made for JSON works with every language as it is.
const structTag = "json"

// Marshal returns the msgpack encoding of an argument or a result, at most MaxValueDepth levels deep.
func Marshal(v any) (raw msgpack.RawMessage, err error) {
	if raw, ok := marshalFast(v); ok {
		return raw, nil
	}
	defer func() {
		if p := recover(); p != nil {
			raw, err = nil, fmt.Errorf("encode %T: panic: %v", v, p)
		}
	}()
	e := encoders.Get().(*encoder)
	e.buf.Reset()
	e.enc.Reset(&e.buf)
	e.enc.SetCustomStructTag(structTag)
	e.enc.SetSortMapKeys(true)
	e.enc.UseCompactInts(true)
	if err := e.enc.Encode(v); err != nil {
		return nil, fmt.Errorf("encode %T: %w", v, err)
	}
	raw = bytes.Clone(e.buf.Bytes())
	encoders.Put(e)
	if err := Guard(raw, MaxValueDepth); err != nil {
		return nil, fmt.Errorf("encode %T: %w", v, err)
	}
	return raw, nil
}

func marshalFast(v any) (msgpack.RawMessage, bool) {
	switch v := v.(type) {
	case nil:
		return msgpack.RawMessage{mpNil}, true
	case bool:
		if v {
			return msgpack.RawMessage{mpTrue}, true
		}
		return msgpack.RawMessage{mpFalse}, true
	case int:
		return appendInt(nil, int64(v)), true
	case int64:
		return appendInt(nil, v), true
	case float64:
		return appendFloat64(make([]byte, 0, 9), v), true
	case string:
		return appendStr(make([]byte, 0, len(v)+5), v), true
	}
	return nil, false
}

type encoder struct {
	buf bytes.Buffer
	enc *msgpack.Encoder
}

var encoders = sync.Pool{New: func() any { return &encoder{enc: msgpack.NewEncoder(nil)} }}

type decoder struct {
	rd  bytes.Reader
	dec *msgpack.Decoder
}

var decoders = sync.Pool{New: func() any { return &decoder{dec: msgpack.NewDecoder(nil)} }}

// Unmarshal decodes an argument or a result into v, a non-nil pointer. It never panics.
func Unmarshal(raw []byte, v any) (err error) {
	if err := Guard(raw, MaxDepth); err != nil {
		return fmt.Errorf("decode into %T: %w", v, err)
	}
	if rv := reflect.ValueOf(v); rv.Kind() != reflect.Pointer || rv.IsNil() {
		return fmt.Errorf("decode into %T: want a non-nil pointer", v)
	}
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("decode into %T: panic: %v", v, p)
		}
	}()
	d := decoders.Get().(*decoder)
	d.rd.Reset(raw)
	d.dec.Reset(&d.rd)
	d.dec.SetCustomStructTag(structTag)
	if err := d.dec.Decode(v); err != nil {
		return fmt.Errorf("decode into %T: %w", v, err)
	}
	if d.rd.Len() > 0 {
		return fmt.Errorf("decode into %T: %w", v, errors.New("the decoder left bytes behind"))
	}
	decoders.Put(d)
	return nil
}
