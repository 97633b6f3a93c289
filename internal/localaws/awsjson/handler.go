package awsjson

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
)

// Version is the protocol's media type.
type Version string

// The two versions differ in nothing that matters here but their name.
const (
	V10 Version = "application/x-amz-json-1.0" // SQS, DynamoDB
	V11 Version = "application/x-amz-json-1.1" // ECS
)

// DefaultMaxBody is the largest request body in bytes. It leaves room for
// DynamoDB's 16 MiB BatchWriteItem, whose binary values travel as base64.
const DefaultMaxBody = 32 << 20

// Request is one call of an operation.
type Request struct {
	// Operation is the name after the target prefix.
	Operation string
	// Body is the JSON document. The operation owns it: it is not reused.
	Body []byte
	// ID is sent back as x-amzn-requestid.
	ID string
	// HTTP is the request itself; its body has been read.
	HTTP *http.Request
}

// Decode parses the body into v. The error is a SerializationException.
func (r *Request) Decode(v any) error {
	if len(r.Body) == 0 {
		return nil
	}
	if err := json.Unmarshal(r.Body, v); err != nil {
		return Errorf("SerializationException", "%s: the request is not the JSON document this operation expects: %v", r.Operation, err)
	}
	return nil
}

// Operation serves one call. The result is written as JSON: by its AppendJSON
// method if it has one (see Appender), else by encoding/json; nil is written
// as {}. A failure is an *Error, or anything else for an InternalFailure.
type Operation func(ctx context.Context, r *Request) (any, error)

// Appender is a result that writes its own JSON: responses of the hot
// operations do, because reflection would cost more than the operation.
type Appender interface {
	AppendJSON(dst []byte) ([]byte, error)
}

// Op makes an Operation of a function with a typed input and output.
func Op[In, Out any](serve func(ctx context.Context, in *In) (*Out, error)) Operation {
	return func(ctx context.Context, r *Request) (any, error) {
		in := new(In)
		if err := r.Decode(in); err != nil {
			return nil, err
		}
		out, err := serve(ctx, in)
		if err != nil || out == nil {
			return nil, err
		}
		return out, nil
	}
}

// Config describes a service.
type Config struct {
	// TargetPrefix is what X-Amz-Target holds before the operation, with its
	// dot: "DynamoDB_20120810.". Required.
	TargetPrefix string
	// Version is the media type of responses. Default: V10.
	Version Version
	// Namespace goes in front of error codes in __type. Default: none.
	Namespace string
	// MaxBody bounds the request body in bytes. Default: DefaultMaxBody.
	MaxBody int64
	// CRC32 adds x-amz-crc32 to responses, as DynamoDB does.
	CRC32 bool
	// Operations by name. Required.
	Operations map[string]Operation
}

func (c Config) withDefaults() Config {
	c.Version = cmp.Or(c.Version, V10)
	c.MaxBody = cmp.Or(c.MaxBody, DefaultMaxBody)
	return c
}

func (c Config) validate() error {
	if !strings.HasSuffix(c.TargetPrefix, ".") {
		return fmt.Errorf("awsjson: TargetPrefix %q must end with a dot", c.TargetPrefix)
	}
	if len(c.Operations) == 0 {
		return errors.New("awsjson: no operations")
	}
	return nil
}

// Handler dispatches requests to operations.
type Handler struct {
	cfg         Config
	contentType []string // shared by all responses; header values are not changed by net/http
	idPrefix    string
	idCounter   atomic.Uint32
	buffers     sync.Pool
}

var _ http.Handler = (*Handler)(nil)

// NewHandler checks the configuration and returns the handler.
func NewHandler(c Config) (*Handler, error) {
	c = c.withDefaults()
	if err := c.validate(); err != nil {
		return nil, err
	}
	h := &Handler{cfg: c, contentType: []string{string(c.Version)}}
	h.buffers.New = func() any { return new([]byte) }
	// A UUID's form, whose last part counts: unique, and cheaper than entropy
	// for every request.
	var seed [12]byte
	binary.LittleEndian.PutUint64(seed[:], rand.Uint64())
	binary.LittleEndian.PutUint32(seed[8:], rand.Uint32())
	x := hex.EncodeToString(seed[:])
	h.idPrefix = fmt.Sprintf("%s-%s-4%s-a%s-%s", x[0:8], x[8:12], x[13:16], x[17:20], x[20:24])
	return h, nil
}

// newID returns a request id. It is unique in this handler's life.
func (h *Handler) newID() string {
	const digits = "0123456789abcdef"
	id := append(make([]byte, 0, 36), h.idPrefix...)
	n := h.idCounter.Add(1)
	for shift := 28; shift >= 0; shift -= 4 {
		id = append(id, digits[n>>shift&15])
	}
	return string(id)
}

// ServeHTTP implements http.Handler.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	id := h.newID()
	w.Header()["X-Amzn-Requestid"] = []string{id}
	result, err := h.serve(w, r, id)
	if r.Context().Err() != nil {
		return // nobody is there to read an answer
	}
	status := http.StatusOK
	if err != nil {
		status, result = asError(err).writeTo(w, h.cfg.Namespace)
	}
	h.respond(w, status, result)
}

func (h *Handler) serve(w http.ResponseWriter, r *http.Request, id string) (any, error) {
	target := r.Header.Get("X-Amz-Target")
	name, ok := strings.CutPrefix(target, h.cfg.TargetPrefix)
	op := h.cfg.Operations[name]
	if target == "" {
		return nil, Errorf("UnknownOperationException", "the request has no X-Amz-Target header: this local endpoint speaks the AWS JSON protocol only, not the older Query protocol; use a current SDK")
	}
	if !ok || op == nil {
		return nil, Errorf("UnknownOperationException", "the operation %s is not supported by this local endpoint", target)
	}
	if r.Method != http.MethodPost {
		return nil, &Error{Code: "UnknownOperationException", Message: name + " must be sent with POST, not " + r.Method, Status: http.StatusMethodNotAllowed}
	}
	body, err := readBody(w, r, h.cfg.MaxBody)
	if err != nil {
		return nil, err
	}
	return op(r.Context(), &Request{Operation: name, Body: body, ID: id, HTTP: r})
}

// readBody reads the body in one allocation of its announced size, bounded
// before anything is allocated.
func readBody(w http.ResponseWriter, r *http.Request, limit int64) ([]byte, error) {
	tooLarge := &Error{Code: "RequestEntityTooLargeException", Status: http.StatusRequestEntityTooLarge,
		Message: fmt.Sprintf("the request body is larger than %d bytes", limit)}
	if r.ContentLength > limit {
		return nil, tooLarge
	}
	if r.ContentLength >= 0 {
		body := make([]byte, r.ContentLength)
		if _, err := io.ReadFull(r.Body, body); err != nil {
			return nil, Errorf("SerializationException", "the request body ended before its Content-Length of %d: %v", r.ContentLength, err)
		}
		return body, nil
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return nil, tooLarge
	}
	if err != nil {
		return nil, Errorf("SerializationException", "read the request body: %v", err)
	}
	return body, nil
}

// maxKept is the largest response buffer that is kept for the next response.
const maxKept = 1 << 20

func (h *Handler) respond(w http.ResponseWriter, status int, result any) {
	kept := h.buffers.Get().(*[]byte) //nolint:forcetypeassert // the pool holds nothing else
	body, err := encode((*kept)[:0], result)
	if err != nil {
		status = http.StatusInternalServerError
		body = append(body[:0], `{"__type":"InternalFailure","message":`...)
		body = AppendString(body, "the response could not be encoded: "+err.Error())
		body = append(body, '}')
	}
	header := w.Header()
	header["Content-Type"] = h.contentType
	header["Content-Length"] = []string{strconv.Itoa(len(body))}
	if h.cfg.CRC32 {
		header["X-Amz-Crc32"] = []string{strconv.FormatUint(uint64(crc32.ChecksumIEEE(body)), 10)}
	}
	w.WriteHeader(status)
	_, _ = w.Write(body) // a failed write is the client's loss: net/http closes the connection
	if cap(body) <= maxKept {
		*kept = body
	}
	h.buffers.Put(kept)
}

func encode(dst []byte, result any) ([]byte, error) {
	switch v := result.(type) {
	case nil:
		return append(dst, '{', '}'), nil
	case Appender:
		return v.AppendJSON(dst)
	}
	buf := bytes.NewBuffer(dst)
	e := json.NewEncoder(buf)
	e.SetEscapeHTML(false)
	if err := e.Encode(result); err != nil {
		return dst, err
	}
	return bytes.TrimSuffix(buf.Bytes(), []byte{'\n'}), nil // the encoder ends with a line feed
}
