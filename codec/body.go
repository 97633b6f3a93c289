package codec

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/klauspost/compress/zstd"
)

// BodyFormat is the form of a message in an SQS body.
type BodyFormat int

const (
	// Plain is padded standard base64 of the msgpack map.
	Plain BodyFormat = iota
	// Zstd is "z1." followed by base64 of one or more zstd frames that hold the map.
	Zstd
	// JSON is the map as a JSON object, for people and shells.
	JSON
)

func (f BodyFormat) String() string {
	switch f {
	case Plain:
		return "base64"
	case Zstd:
		return "zstd"
	case JSON:
		return "json"
	}
	return fmt.Sprintf("BodyFormat(%d)", int(f))
}

const (
	zstdTag = "z1."
	// compressFrom is the size from which compression is tried. Below a kilobyte it
	// saves little and costs a reader the ability to decode a body with base64 alone.
	compressFrom = 1 << 10
	// maxRatio bounds decompression beyond freeRaw bytes: what a frame may expand to
	// per compressed byte. Chunks of near-identical tasks reach some hundreds.
	maxRatio = 1024
	freeRaw  = 64 << 10
)

// FormatOf tells the form of a body by its first bytes, without decoding it.
func FormatOf(body string) BodyFormat {
	switch body = trimSpace(body); {
	case strings.HasPrefix(body, "{"):
		return JSON
	case strings.HasPrefix(body, zstdTag):
		return Zstd
	}
	return Plain
}

// EncodeBody returns raw as the body of an SQS message: base64, behind zstd when
// raw has a kilobyte or more and shrinks by at least an eighth. Raw msgpack must
// never be a body: SQS replaces what is not text and accepts the corruption.
func EncodeBody(raw []byte) string {
	if len(raw) >= compressFrom {
		if packed, err := compress(raw); err == nil && len(packed) <= len(raw)-len(raw)/8 {
			return base64Body(zstdTag, packed)
		}
	}
	return base64Body("", raw)
}

// EncodeBodyAs returns raw in a given form, whether it pays or not. It is for
// tools and tests; producers use EncodeBody. The error tells that the form cannot
// hold raw: malformed msgpack for JSON, a ratio that DecodeBody would refuse for Zstd.
func EncodeBodyAs(f BodyFormat, raw []byte) (string, error) {
	switch f {
	case Plain:
		return base64Body("", raw), nil
	case Zstd:
		packed, err := compress(raw)
		if err != nil {
			return "", err
		}
		return base64Body(zstdTag, packed), nil
	case JSON:
		text, err := MsgpackToJSON(raw)
		return string(text), err
	}
	return "", fmt.Errorf("encode body: unknown format %v", f)
}

func compress(raw []byte) ([]byte, error) {
	c, err := compressors()
	if err != nil {
		return nil, err
	}
	packed := c.enc.EncodeAll(raw, make([]byte, 0, len(raw)/2))
	if limit := maxExpanded(len(packed)); len(raw) > limit {
		return nil, bad(ReasonZstd, "%d bytes compress to %d, which may become only %d", len(raw), len(packed), limit)
	}
	return packed, nil
}

// base64Body returns a tag and the base64 of b. EncodeToString would need a buffer as
// large as the body beside it.
func base64Body(tag string, b []byte) string {
	const piece = 3 * 256 // a multiple of three needs no padding
	var text strings.Builder
	text.Grow(len(tag) + base64.StdEncoding.EncodedLen(len(b)))
	text.WriteString(tag)
	var buf [piece / 3 * 4]byte
	for ; len(b) > piece; b = b[piece:] {
		base64.StdEncoding.Encode(buf[:], b[:piece])
		text.Write(buf[:])
	}
	base64.StdEncoding.Encode(buf[:], b)
	text.Write(buf[:base64.StdEncoding.EncodedLen(len(b))])
	return text.String()
}

// DecodeBody returns the msgpack map of an SQS body. It accepts, with ASCII space
// around it:
//
//   - base64 in the standard or the URL alphabet, padded or not; line breaks
//     inside are ignored, since base64(1) makes them;
//   - "z1." and base64 of zstd, which may expand to MaxRaw;
//   - a JSON object, which is transcoded as JSONToMsgpack does.
//
// Nothing else is guessed at: other brokers' habit of decoding by trial has cost
// them messages. The map itself is not looked into; that is DecodeMessage's
// part. The error is a *BadMessageError.
func DecodeBody(body string) ([]byte, error) {
	if len(body) > MaxBody {
		return nil, bad(ReasonLimit, "a body of %d bytes; SQS carries at most %d", len(body), MaxBody)
	}
	body = trimSpace(body)
	switch {
	case body == "":
		return nil, bad(ReasonEmpty, "the body is empty")
	case body[0] == '{':
		return JSONToMsgpack([]byte(body))
	case strings.HasPrefix(body, zstdTag):
		packed, err := decodeBase64(body[len(zstdTag):])
		if err != nil {
			return nil, err
		}
		return decodeZstd(packed)
	}
	return decodeBase64(body)
}

// trimSpace trims ASCII space only: Unicode space in a body means that it is something else.
func trimSpace(s string) string { return strings.Trim(s, " \t\r\n") }

// The encodings are strict: bits after the last byte must be zero, which catches
// most bodies that were cut short by hand.
var (
	stdPadded = base64.StdEncoding.Strict()
	stdRaw    = base64.RawStdEncoding.Strict()
	urlPadded = base64.URLEncoding.Strict()
	urlRaw    = base64.RawURLEncoding.Strict()
)

func decodeBase64(s string) ([]byte, error) {
	padded := strings.HasSuffix(s, "=")
	enc := stdRaw
	switch isURL := strings.IndexByte(s, '-') >= 0 || strings.IndexByte(s, '_') >= 0; {
	case isURL && padded:
		enc = urlPadded
	case isURL:
		enc = urlRaw
	case padded:
		enc = stdPadded
	}
	raw, err := enc.DecodeString(s)
	if err != nil {
		return nil, bad(ReasonBase64, `neither base64 nor a JSON object nor "z1.": %v`, err)
	}
	if len(raw) == 0 {
		return nil, bad(ReasonEmpty, "the body holds no bytes")
	}
	return raw, nil
}

// maxExpanded is how many bytes a zstd body of n compressed bytes may become.
func maxExpanded(n int) int { return min(MaxRaw, freeRaw+maxRatio*n) }

func decodeZstd(packed []byte) ([]byte, error) {
	c, err := compressors()
	if err != nil {
		return nil, bad(ReasonZstd, "decoder: %v", err)
	}
	limit := maxExpanded(len(packed))
	// A frame may declare its size, and the decoder reserves what it declares: look first.
	var h zstd.Header
	if err := h.Decode(packed); err != nil {
		return nil, bad(ReasonZstd, "frame header: %v", err)
	}
	if h.HasFCS && h.FrameContentSize > uint64(limit) {
		return nil, bad(ReasonZstd, "declares %d bytes; %d compressed bytes may become %d", h.FrameContentSize, len(packed), limit)
	}
	raw, err := c.expand(packed, limit, h)
	if errors.Is(err, zstd.ErrDecoderSizeExceeded) {
		return nil, bad(ReasonZstd, "%d compressed bytes become more than %d", len(packed), limit)
	}
	if err != nil {
		return nil, bad(ReasonZstd, "%v", err)
	}
	if len(raw) == 0 {
		return nil, bad(ReasonEmpty, "the body holds no bytes")
	}
	return raw, nil
}

// firstGuess is how many times its size a frame is expected to expand to when it
// does not say. Records compress to a third or a tenth.
const firstGuess = 8

// expand decompresses into a buffer that begins at the declared or a likely size
// and grows to limit at most. Left to itself the decoder would only stop at MaxRaw:
// 451 bytes then cost 23 MB before they were refused. The error is
// zstd.ErrDecoderSizeExceeded when there are more bytes than limit.
func (c codecPair) expand(packed []byte, limit int, h zstd.Header) ([]byte, error) {
	size := min(limit, firstGuess*len(packed))
	if h.HasFCS {
		size = int(h.FrameContentSize) // at most limit
	}
	buf := make([]byte, 0, size)
	for {
		raw, err := c.dec.DecodeAll(packed, buf)
		if cap(buf) >= limit || !errors.Is(err, zstd.ErrDecoderSizeExceeded) {
			return raw, err
		}
		size = min(limit, max(4*cap(buf), 4<<10)) // 4: all attempts together cost a third more than the last
		// The decoder looks after each block, of up to 128 KiB, so what it gives back has grown already.
		if cap(raw) >= size {
			buf = raw[:0:min(cap(raw), limit)]
		} else {
			buf = make([]byte, 0, size)
		}
	}
}

// codecPair is safe for concurrent use: EncodeAll and DecodeAll borrow one of a
// fixed number of workers (at most four) and start no goroutines.
type codecPair struct {
	enc *zstd.Encoder
	dec *zstd.Decoder
}

// compressors is shared by the whole process on purpose: a zstd encoder holds
// megabytes of tables that every message would otherwise allocate anew, it keeps no
// state between calls, and passing it through every signature would show callers
// a detail of the format.
var compressors = sync.OnceValues(func() (codecPair, error) {
	enc, err := zstd.NewWriter(nil,
		zstd.WithEncoderLevel(zstd.SpeedFastest),
		zstd.WithEncoderCRC(false), // SQS bodies carry an MD5 already
		zstd.WithEncoderConcurrency(4),
		zstd.WithLowerEncoderMem(true),
		zstd.WithWindowSize(1<<20),
	)
	if err != nil {
		return codecPair{}, err
	}
	dec, err := zstd.NewReader(nil,
		zstd.WithDecoderMaxMemory(MaxRaw),
		zstd.WithDecoderMaxWindow(MaxRaw),
		zstd.WithDecodeAllCapLimit(true), // see expand
		zstd.WithDecoderConcurrency(4),
		zstd.WithDecoderLowmem(true),
	)
	return codecPair{enc, dec}, err
})

// Encode returns m as the body of an SQS message: AppendMessage, then EncodeBody.
// Whether it fits one (MaxBody) is for the producer to check, which can split or
// offload. The error wraps a *BadMessageError.
func Encode(m *Message) (string, error) {
	raw, err := AppendMessage(nil, m)
	if err != nil {
		return "", err
	}
	return EncodeBody(raw), nil
}

// Decode reads the body of an SQS message: DecodeBody, then DecodeMessage. The
// error is a *BadMessageError.
func Decode(body string) (*Message, error) {
	raw, err := DecodeBody(body)
	if err != nil {
		return nil, err
	}
	return DecodeMessage(raw)
}
