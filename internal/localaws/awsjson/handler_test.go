package awsjson

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

type greeting struct{ Name string }

func setup(t testing.TB) *Handler {
	t.Helper()
	h, err := NewHandler(Config{
		TargetPrefix: "Greeter_1.", Namespace: "com.example", MaxBody: 64, CRC32: true,
		Operations: map[string]Operation{
			"Greet": Op(func(_ context.Context, in *greeting) (*greeting, error) {
				return &greeting{"hello <" + in.Name + ">"}, nil
			}),
			"Nothing": Op(func(context.Context, *greeting) (*greeting, error) { return nil, nil }),
			"Refuse": Op(func(context.Context, *greeting) (*greeting, error) {
				return nil, fmt.Errorf("greet: %w", &Error{Code: "NobodyThere", Message: "no", QueryCode: "Example.Nobody", Fields: map[string]any{"Door": 3}})
			}),
			"Break": Op(func(context.Context, *greeting) (*greeting, error) { return nil, errors.New("broken") }),
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func TestServe(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name, method, target, body string
		status                     int
		want                       string
		query                      string
	}{
		{"a result is its JSON, without HTML escapes", "POST", "Greeter_1.Greet", `{"Name":"you"}`, 200, `{"Name":"hello <you>"}`, ""},
		{"no body is an empty document", "POST", "Greeter_1.Greet", ``, 200, `{"Name":"hello <>"}`, ""},
		{"no result is an empty document", "POST", "Greeter_1.Nothing", `{}`, 200, `{}`, ""},
		{"a typed error carries namespace, fields and the query code", "POST", "Greeter_1.Refuse", `{}`, 400,
			`{"Door":3,"__type":"com.example#NobodyThere","message":"no"}`, "Example.Nobody;Sender"},
		{"any other error is a fault of the server", "POST", "Greeter_1.Break", `{}`, 500,
			`{"__type":"com.example#InternalFailure","message":"broken"}`, ""},
		{"an unknown operation is named", "POST", "Greeter_1.Dance", `{}`, 400,
			`{"__type":"com.example#UnknownOperationException","message":"the operation Greeter_1.Dance is not supported by this local endpoint"}`, ""},
		{"another service's operation is unknown", "POST", "Other.Greet", `{}`, 400,
			`{"__type":"com.example#UnknownOperationException","message":"the operation Other.Greet is not supported by this local endpoint"}`, ""},
		{"only POST is served", "GET", "Greeter_1.Greet", ``, 405,
			`{"__type":"com.example#UnknownOperationException","message":"Greet must be sent with POST, not GET"}`, ""},
		{"malformed JSON is a client's error", "POST", "Greeter_1.Greet", `{"Name":`, 400,
			`{"__type":"com.example#SerializationException","message":"Greet: the request is not the JSON document this operation expects: unexpected end of JSON input"}`, ""},
		{"a body over the limit is refused before it is read", "POST", "Greeter_1.Greet", `{"Name":"` + strings.Repeat("x", 64) + `"}`, 413,
			`{"__type":"com.example#RequestEntityTooLargeException","message":"the request body is larger than 64 bytes"}`, ""},
	}
	h := setup(t)
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			for _, chunked := range []bool{false, true} {
				r := httptest.NewRequest(c.method, "/", strings.NewReader(c.body))
				if chunked {
					r = httptest.NewRequest(c.method, "/", io.MultiReader(strings.NewReader(c.body)))
				}
				r.Header.Set("X-Amz-Target", c.target)
				w := httptest.NewRecorder()
				h.ServeHTTP(w, r)
				if diff := cmp.Diff(c.want, w.Body.String()); diff != "" || w.Code != c.status {
					t.Errorf("chunked=%v status %d, want %d; body %s", chunked, w.Code, c.status, diff)
				}
				want := http.Header{
					"Content-Type":       {"application/x-amz-json-1.0"},
					"Content-Length":     {strconv.Itoa(w.Body.Len())},
					"X-Amz-Crc32":        {strconv.FormatUint(uint64(crc32.ChecksumIEEE(w.Body.Bytes())), 10)},
					"X-Amzn-Requestid":   w.Header()["X-Amzn-Requestid"],
					"X-Amzn-Query-Error": {c.query},
				}
				if c.query == "" {
					delete(want, "X-Amzn-Query-Error")
				}
				if diff := cmp.Diff(want, w.Header()); diff != "" {
					t.Error(diff)
				}
				if len(w.Header().Get("X-Amzn-Requestid")) != 36 {
					t.Errorf("request id %q has not a UUID's length", w.Header().Get("X-Amzn-Requestid"))
				}
			}
		})
	}
}

func TestRequestIDsAreDistinct(t *testing.T) {
	t.Parallel()
	h, seen := setup(t), map[string]bool{}
	for range 1000 {
		seen[h.newID()] = true
	}
	if len(seen) != 1000 {
		t.Errorf("%d distinct ids of 1000", len(seen))
	}
}

func TestConfigIsValidated(t *testing.T) {
	t.Parallel()
	op := map[string]Operation{"A": nil}
	for _, c := range []Config{{Operations: op}, {TargetPrefix: "NoDot", Operations: op}, {TargetPrefix: "A."}} {
		if _, err := NewHandler(c); err == nil {
			t.Errorf("%+v was accepted", c)
		}
	}
}

func FuzzAppendString(f *testing.F) {
	for _, s := range []string{"", "plain", "q\"b\\", "\n\r\t\x00\x1f\x7f", "ü€😀", "\xff\xc0\x80 \xe2\x82", "\u2028"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		var got string
		if err := json.Unmarshal(AppendString(nil, s), &got); err != nil {
			t.Fatalf("%q: %v", s, err)
		}
		if want := strings.ToValidUTF8(s, ""); len(want) == len(s) && got != s {
			t.Errorf("%q became %q", s, got)
		}
		if string(AppendString(nil, []byte(s))) != string(AppendString(nil, s)) {
			t.Errorf("%q: bytes and string differ", s)
		}
	})
}

func Example() {
	h, err := NewHandler(Config{
		TargetPrefix: "Greeter_1.",
		Operations: map[string]Operation{
			"Greet": Op(func(_ context.Context, in *greeting) (*greeting, error) {
				if in.Name == "" {
					return nil, Errorf("ValidationException", "Name must not be empty")
				}
				return &greeting{"hello " + in.Name}, nil
			}),
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, body := range []string{`{"Name":"Ada"}`, `{}`} {
		r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
		r.Header.Set("X-Amz-Target", "Greeter_1.Greet")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		fmt.Println(w.Code, w.Body)
	}
	// Output:
	// 200 {"Name":"hello Ada"}
	// 400 {"__type":"ValidationException","message":"Name must not be empty"}
}
