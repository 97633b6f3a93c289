package s3

import (
	"bufio"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/johannesboyne/gofakes3"
)

// unchunk replaces a body in aws-chunked encoding by its content. SDKs use it
// to sign or to checksum a stream: chunks of "<hex size>[;chunk-signature=…]",
// CRLF, the bytes, CRLF, up to one of size 0, then trailing headers. gofakes3
// knows one of its variants only.
func unchunk(r *http.Request) error {
	if !strings.HasPrefix(r.Header.Get("X-Amz-Content-Sha256"), "STREAMING-") {
		return nil
	}
	length := r.Header.Get("X-Amz-Decoded-Content-Length")
	n, err := strconv.ParseInt(length, 10, 64)
	if err != nil || n < 0 {
		return fmt.Errorf("x-amz-decoded-content-length %q: want the content's length in bytes", length)
	}
	r.Body = &unchunked{body: r.Body, in: bufio.NewReader(r.Body), crc: crc32.NewIEEE()}
	r.ContentLength = n
	r.Header.Set("Content-Length", length)
	r.Header.Set("X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD")
	var rest []string
	for e := range strings.SplitSeq(r.Header.Get("Content-Encoding"), ",") {
		if e = strings.TrimSpace(e); e != "" && e != "aws-chunked" {
			rest = append(rest, e)
		}
	}
	if r.Header.Del("Content-Encoding"); len(rest) > 0 {
		r.Header.Set("Content-Encoding", strings.Join(rest, ","))
	}
	return nil
}

// unchunked reads the content of an aws-chunked body.
type unchunked struct {
	body io.ReadCloser
	in   *bufio.Reader
	crc  hash.Hash32
	left int64 // of the current chunk
	more bool  // a chunk has been read: its CRLF comes next
	err  error
}

var errChunk = gofakes3.ErrorMessage(gofakes3.ErrIncompleteBody, "The body is not in aws-chunked encoding.")

// Read implements io.Reader.
func (u *unchunked) Read(p []byte) (int, error) {
	if u.left == 0 && u.err == nil {
		u.err = u.header()
	}
	if u.err != nil {
		return 0, u.err
	}
	n, err := u.in.Read(p[:min(int64(len(p)), u.left)])
	u.left -= int64(n)
	_, _ = u.crc.Write(p[:n]) // never fails
	if err != nil {
		u.err = errChunk
	}
	return n, nil
}

// header reads up to the first byte of the next chunk; io.EOF after the last.
func (u *unchunked) header() error {
	if u.more {
		if line, err := u.line(); err != nil || line != "" {
			return errChunk
		}
	}
	u.more = true
	line, err := u.line()
	if err != nil {
		return errChunk
	}
	size, _, _ := strings.Cut(line, ";")
	if u.left, err = strconv.ParseInt(size, 16, 64); err != nil || u.left < 0 {
		return errChunk
	}
	if u.left == 0 {
		return u.trailer()
	}
	return nil
}

// trailer reads the headers after the last chunk and checks the one checksum
// that SDKs send by default.
func (u *unchunked) trailer() error {
	for {
		line, err := u.line()
		if err != nil && !errors.Is(err, io.EOF) {
			return errChunk
		}
		if line == "" {
			return io.EOF
		}
		name, value, _ := strings.Cut(line, ":")
		if strings.EqualFold(name, "x-amz-checksum-crc32") && strings.TrimSpace(value) != checksum(u.crc) {
			return gofakes3.ErrorMessage(gofakes3.ErrBadDigest, "The CRC32 you specified did not match the calculated checksum.")
		}
	}
}

func (u *unchunked) line() (string, error) {
	line, err := u.in.ReadSlice('\n') // at most the buffer's 4 KiB
	return strings.TrimRight(string(line), "\r\n"), err
}

// Close implements io.Closer.
func (u *unchunked) Close() error { return u.body.Close() }

// checksum writes a CRC-32 as S3 does: base64 of its four bytes.
func checksum(crc hash.Hash32) string {
	return base64.StdEncoding.EncodeToString(binary.BigEndian.AppendUint32(nil, crc.Sum32()))
}
