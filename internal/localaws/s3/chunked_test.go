package s3

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/starburst-go/starburst/internal/localaws/db"
)

func TestChunkedBodies(t *testing.T) {
	t.Parallel()
	d, err := db.Open(filepath.Join(t.TempDir(), "state.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	s, err := New(d, t.TempDir(), Options{MaxObject: 1000})
	if err != nil {
		t.Fatal(err)
	}
	do := func(method, path, body string, header map[string]string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(method, path, strings.NewReader(body))
		r.Header.Set("Content-Length", strconv.Itoa(len(body)))
		for k, v := range header {
			r.Header.Set(k, v)
		}
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		return w
	}
	if w := do("PUT", "/bucket", "", nil); w.Code != http.StatusOK {
		t.Fatal(w.Body)
	}
	cases := []struct {
		name, sha, body string
		length          int
		status          int
	}{
		{"unsigned, with a trailing checksum", "STREAMING-UNSIGNED-PAYLOAD-TRAILER", "5\r\nhello\r\n0\r\nx-amz-checksum-crc32:NhCmhg==\r\n\r\n", 5, 200},
		{"signed chunks", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
			"3;chunk-signature=" + strings.Repeat("a", 64) + "\r\nhel\r\n2;chunk-signature=" + strings.Repeat("b", 64) + "\r\nlo\r\n0;chunk-signature=" + strings.Repeat("c", 64) + "\r\n\r\n", 5, 200},
		{"a wrong trailing checksum", "STREAMING-UNSIGNED-PAYLOAD-TRAILER", "5\r\nhellO\r\n0\r\nx-amz-checksum-crc32:NhCmhg==\r\n\r\n", 5, 400},
		{"fewer bytes than announced", "STREAMING-UNSIGNED-PAYLOAD-TRAILER", "5\r\nhello\r\n0\r\n\r\n", 6, 400},
		{"the end is missing", "STREAMING-UNSIGNED-PAYLOAD-TRAILER", "5\r\nhel", 5, 400},
		{"no chunk", "STREAMING-UNSIGNED-PAYLOAD-TRAILER", "hello", 5, 400},
		{"a negative size", "STREAMING-UNSIGNED-PAYLOAD-TRAILER", "-5\r\nhello\r\n0\r\n\r\n", 5, 400},
	}
	for i, tc := range cases {
		key := fmt.Sprint("/bucket/", i)
		w := do("PUT", key, tc.body, map[string]string{
			"X-Amz-Content-Sha256": tc.sha, "Content-Encoding": "aws-chunked", "X-Amz-Decoded-Content-Length": strconv.Itoa(tc.length),
		})
		if w.Code != tc.status {
			t.Errorf("%s: status %d, %s", tc.name, w.Code, w.Body)
		}
		got := do("GET", key, "", nil)
		if stored := got.Code == 200; stored != (tc.status == 200) || stored && (got.Body.String() != "hello" || got.Header().Get("Content-Encoding") != "") {
			t.Errorf("%s: stored: %d %q, encoding %q", tc.name, got.Code, got.Body, got.Header().Get("Content-Encoding"))
		}
	}
	if w := do("PUT", "/bucket/large", strings.Repeat("x", 1001), nil); w.Code != 400 || !strings.Contains(w.Body.String(), "EntityTooLarge") {
		t.Errorf("too large: %d %s", w.Code, w.Body)
	}
}

func FuzzUnchunked(f *testing.F) {
	f.Add([]byte("5\r\nhello\r\n0\r\nx-amz-checksum-crc32:NhCmhg==\r\n\r\n"))
	f.Add([]byte("3;chunk-signature=a\r\nhel\r\n2;x\r\nlo\r\n0\r\n\r\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		r := httptest.NewRequest(http.MethodPut, "/b/k", bytes.NewReader(raw))
		r.Header.Set("X-Amz-Content-Sha256", "STREAMING-UNSIGNED-PAYLOAD-TRAILER")
		r.Header.Set("X-Amz-Decoded-Content-Length", "5")
		if err := unchunk(r); err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(r.Body); err == nil && len(got) > len(raw) {
			t.Errorf("%d bytes out of %d", len(got), len(raw))
		}
	})
}
