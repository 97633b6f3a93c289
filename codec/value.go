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

// keepBuffer is the largest scratch buffer that stays in a pool between calls.
const keepBuffer = 64 << 10

// Marshal returns the msgpack encoding of an argument or a result, at most
// MaxValueDepth levels deep. Struct fields take their names from `msgpack:"…"`
// tags, else from `json:"…"` tags, else from the field; integers take as few
// bytes as they need; maps are sorted by key, so that equal values have equal
// bytes and a job's input the same hash every time.
//
// It never panics: a panic of a custom marshaler becomes an error, and a value that
// contains itself is refused for its depth.
func Marshal(v any) (raw msgpack.RawMessage, err error) {
	if raw, ok := marshalFast(v); ok {
		return raw, nil
	}
	defer func() {
		if p := recover(); p != nil {
			raw, err = nil, fmt.Errorf("encode %T: panic: %v", v, p)
		}
	}()
	c := scratches.Get().(*scratch) //nolint:forcetypeassert // the pool holds nothing else
	defer scratches.Put(c)
	s, err := c.shapeOf(reflect.TypeOf(v))
	if err != nil {
		return nil, fmt.Errorf("encode %T: %w", v, err)
	}
	if s.plan != nil {
		return c.marshal(s.plan, reflect.ValueOf(v)), nil
	}
	return marshalByLibrary(v, s)
}

func marshalByLibrary(v any, s *shape) (msgpack.RawMessage, error) {
	if s.custom {
		// A marshaler on a pointer receiver, such as big.Int's, is found only on values with an address.
		p := reflect.New(s.typ)
		p.Elem().Set(reflect.ValueOf(v))
		v = p.Interface()
	}
	e := encoders.Get().(*encoder) //nolint:forcetypeassert // the pool holds encoders
	e.out.reset()
	e.enc.Reset(&e.out)
	e.enc.SetCustomStructTag(structTag)
	e.enc.SetSortMapKeys(true)
	e.enc.UseCompactInts(true)
	if err := e.enc.Encode(v); err != nil {
		return nil, fmt.Errorf("encode %T: %w", v, err)
	}
	raw := msgpack.RawMessage(bytes.Clone(e.out.b))
	if cap(e.out.b) <= keepBuffer {
		encoders.Put(e) // only here: after an error or a panic the encoder is not trusted again
	}
	if err := Guard(raw, MaxValueDepth); err != nil {
		return nil, fmt.Errorf("encode %T: %w", v, err)
	}
	if s.unsorted {
		sortMaps(raw, 0)
	}
	return raw, nil
}

// marshalFast encodes the types of which most small tasks are made, without reflection.
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
		return AppendStr(make([]byte, 0, len(v)+5), v), true
	case []byte:
		if v != nil {
			return AppendBin(make([]byte, 0, len(v)+5), v), true
		}
		return msgpack.RawMessage{mpNil}, true
	case []float64:
		if v == nil {
			return msgpack.RawMessage{mpNil}, true
		}
		b := AppendArrayLen(make([]byte, 0, 9*len(v)+5), len(v))
		for _, f := range v {
			b = appendFloat64(b, f)
		}
		return b, true
	}
	return nil, false
}

// sink is what the library encodes into. Each time its contents have doubled it
// looks at the nesting so far, so that a value that contains itself ends in an
// error; without that the library recurses until the stack overflows, which
// nothing can recover from. All looks together cost as much as one over the whole.
type sink struct {
	b    []byte
	look int // the size at which to look next
}

// firstLook is reached some 10^5 calls deep at most, a few dozen MiB of stack.
const firstLook = 64 << 10

func (s *sink) reset() { s.b, s.look = s.b[:0], firstLook }

func (s *sink) Write(p []byte) (int, error) {
	s.b = append(s.b, p...)
	return len(p), s.check()
}

func (s *sink) WriteByte(c byte) error {
	s.b = append(s.b, c)
	return s.check()
}

func (s *sink) check() error {
	if len(s.b) < s.look {
		return nil
	}
	s.look = 2 * len(s.b)
	// The contents are incomplete, so being cut short is no error here.
	var bm *BadMessageError
	if _, _, err := skip(s.b, 0, MaxValueDepth); errors.As(err, &bm) && bm.Reason == ReasonLimit {
		return err
	}
	return nil
}

// encoder and decoder keep the library's machines with their buffers together.
// The pools are global because what they hold has no state between calls.
type encoder struct {
	out sink
	enc *msgpack.Encoder
}

var encoders = sync.Pool{New: func() any { return &encoder{enc: msgpack.NewEncoder(nil)} }}

type decoder struct {
	rd  bytes.Reader
	dec *msgpack.Decoder
}

var decoders = sync.Pool{New: func() any { return &decoder{dec: msgpack.NewDecoder(nil)} }}

// Unmarshal decodes an argument or a result into v, a non-nil pointer, with field
// names as in Marshal. The bytes may come from any language:
//
//   - an integer is accepted where a float is declared, and an integral float up
//     to ±2^53 where an integer is; what does not fit the declared type is an error
//     that names the field, never a wrapped number;
//   - a struct is read from a map, or from an array with as many elements as it has
//     fields; keys without a field are ignored, nil gives the zero value;
//   - []byte is read from binary, a string, or an array of bytes; time.Time from
//     the timestamp extension or an RFC 3339 string;
//   - an interface gets nil, bool, int64, uint64 (only above 2^63-1), float64,
//     string, []byte, time.Time, []any or map[string]any.
//
// Malformed bytes are refused before the library sees them, decoding reserves at
// most a small multiple of len(raw) (and 64 MiB), and a panic becomes an error.
// Types with decoders of their own get only well-formed bytes, but must not call
// Decoder.DecodeMap or DecodeMapLen where an extension may stand: the library
// skips its header and takes the payload for a map.
func Unmarshal(raw []byte, v any) (err error) {
	if err := Guard(raw, MaxDepth); err != nil {
		return fmt.Errorf("decode into %T: %w", v, err)
	}
	if unmarshalFast(raw, v) {
		return nil
	}
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("decode into %T: panic: %v", v, p)
		}
	}()
	target, err := targetType(v)
	if err != nil {
		return err
	}
	s, err := shapeOf(target)
	if err != nil {
		return fmt.Errorf("decode into %T: %w", v, err)
	}
	if into := reflect.ValueOf(v).Elem(); s.plan != nil && into.Type() == target {
		r := planReader{b: raw, budget: memoryBudget(raw)}
		if _, ok := r.read(s.plan, 0, into); ok {
			return nil
		}
	}
	return unmarshalByLibrary(raw, v, s)
}

func unmarshalByLibrary(raw []byte, v any, s *shape) error {
	fit, err := conform(raw, s)
	if err != nil {
		return fmt.Errorf("decode into %T: %w", v, err)
	}
	if err := decode(fit, v); err != nil {
		// The library does not say where. Walk again to find out.
		c := conformer{raw: raw, budget: memoryBudget(raw), strict: true}
		if _, where := c.walk(s, 0); where != nil {
			err = where
		}
		return fmt.Errorf("decode into %T: %w", v, err)
	}
	return nil
}

// targetType returns the type that the library will decode into.
func targetType(v any) (reflect.Type, error) {
	rv := reflect.ValueOf(v)
	if rv.Kind() != reflect.Pointer || rv.IsNil() {
		return nil, fmt.Errorf("decode into %T: want a non-nil pointer", v)
	}
	rv = rv.Elem()
	if rv.Kind() == reflect.Interface && !rv.IsNil() {
		rv = rv.Elem() // an interface that holds a pointer already is decoded through it
	}
	return rv.Type(), nil
}

func decode(raw []byte, v any) error {
	d := decoders.Get().(*decoder) //nolint:forcetypeassert // the pool holds decoders
	d.rd.Reset(raw)
	d.dec.Reset(&d.rd)
	d.dec.SetCustomStructTag(structTag)
	if err := d.dec.Decode(v); err != nil {
		return err
	}
	if d.rd.Len() > 0 {
		return errors.New("a custom decoder left bytes unread")
	}
	d.rd.Reset(nil)
	if len(raw) <= keepBuffer {
		decoders.Put(d) // only here: after an error or a panic the decoder is not trusted again
	}
	return nil
}

// unmarshalFast decodes the commonest cases without reflection; false means that
// the full way must be gone, be it for another type, a conversion or an error.
// raw has passed Guard.
func unmarshalFast(raw []byte, v any) bool {
	switch v := v.(type) {
	case *int:
		if v != nil {
			num, _ := readNumber(raw, 0)
			if num.kind == 'i' && int64(int(num.i)) == num.i {
				*v = int(num.i)
				return true
			}
		}
	case *int64:
		if v != nil {
			if num, _ := readNumber(raw, 0); num.kind == 'i' {
				*v = num.i
				return true
			}
		}
	case *float64:
		if v != nil {
			return fastFloat(raw, v)
		}
	case *string:
		if v != nil {
			if s, _, ok := readStr(raw, 0); ok {
				*v = string(s)
				return true
			}
		}
	case *[]byte:
		if v != nil {
			if b, _, ok := readBin(raw, 0); ok {
				*v = append(make([]byte, 0, len(b)), b...)
				return true
			}
		}
	case *[]float64:
		if v != nil {
			return fastFloats(raw, v)
		}
	case *msgpack.RawMessage:
		if v != nil {
			*v = bytes.Clone(raw)
			return true
		}
	}
	return false
}

func fastFloat(raw []byte, v *float64) bool {
	num, _ := readNumber(raw, 0)
	switch num.kind {
	case 'd', 'f':
		*v = num.f
	case 'i':
		*v = float64(num.i)
	default:
		return false
	}
	return true
}

func fastFloats(raw []byte, v *[]float64) bool {
	n, off, ok := readArrayLen(raw, 0)
	if !ok {
		return false
	}
	out := make([]float64, n)
	for k := range out {
		if !fastFloat(raw[off:], &out[k]) {
			return false
		}
		off += int(valueSize[raw[off]])
	}
	*v = out
	return true
}
