package s3

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"

	"github.com/johannesboyne/gofakes3"

	"github.com/starburst-go/starburst/internal/localaws/db"
)

// DefaultMaxObject is the most that S3 takes in one PUT, in bytes (user guide,
// "uploading objects").
const DefaultMaxObject = 5 << 30

// Options configures New.
type Options struct {
	// MaxObject bounds a request's body in bytes. Default: 5 GiB.
	MaxObject int64
	// Log receives what no caller can be told. Default: discarded.
	Log *slog.Logger
}

func (o Options) withDefaults() Options {
	if o.MaxObject == 0 {
		o.MaxObject = DefaultMaxObject
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return o
}

// Service is the local S3, path-style. It has nothing to close: the database is
// the caller's.
type Service struct {
	opt     Options
	backend *backend
	next    http.Handler
}

// New opens the service with the objects' files in dir, which it creates if it
// does not exist. No other Service may use dir.
func New(d *db.DB, dir string, options Options) (*Service, error) {
	opt := options.withDefaults()
	if opt.MaxObject < 0 {
		return nil, errors.New("s3 options: MaxObject is negative")
	}
	b, err := openBackend(d, dir)
	if err != nil {
		return nil, err
	}
	fake := gofakes3.New(b,
		gofakes3.WithTimeSkewLimit(0), // signatures are not checked, so neither is their time
		gofakes3.WithLogger(logger{opt.Log}),
	)
	return &Service{opt: opt, backend: b, next: fake.Server()}, nil
}

type logger struct{ *slog.Logger }

// Print implements gofakes3.Logger. What it calls INFO is every request.
func (l logger) Print(level gofakes3.LogLevel, v ...any) {
	if level == gofakes3.LogErr {
		l.Error("s3", "message", fmt.Sprint(v...))
	}
}

// known are the query parameters of requests that gofakes3 understands. A
// parameter that is not among them, and has no "-" as the parameters of lists
// and signatures do, names a subresource.
var known = map[string]bool{
	"delete": true, "location": true, "uploads": true, "uploadId": true, "partNumber": true, "versioning": true,
	"versions": true, "versionId": true, "prefix": true, "delimiter": true, "marker": true,
}

// unknown are subresources with a "-".
var unknown = map[string]bool{"object-lock": true, "legal-hold": true, "intelligent-tiering": true, "select-type": true}

// ServeHTTP implements http.Handler.
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	for name := range query {
		lower := strings.ToLower(name)
		if unknown[name] || !known[name] && !strings.Contains(name, "-") && lower != "awsaccesskeyid" && lower != "signature" && lower != "expires" {
			fail(w, r, http.StatusNotImplemented, "NotImplemented", "The local endpoint does not support ?"+name+".")
			return
		}
	}
	if query.Has("partNumber") && !query.Has("uploadId") {
		fail(w, r, http.StatusNotImplemented, "NotImplemented", "The local endpoint does not read single parts.")
		return
	}
	bucket, key, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	if r.Method == http.MethodPut && key == "" && !query.Has("versioning") {
		// gofakes3 has BucketAlreadyExists only, which says that it is another's.
		if exists, err := s.backend.BucketExists(bucket); err == nil && exists {
			fail(w, r, http.StatusConflict, "BucketAlreadyOwnedByYou", "Your previous request to create the named bucket succeeded and you already own it.")
			return
		}
	}
	if r.ContentLength > s.opt.MaxObject {
		fail(w, r, http.StatusBadRequest, "EntityTooLarge", fmt.Sprintf("Your proposed upload exceeds the maximum allowed size of %d bytes.", s.opt.MaxObject))
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, s.opt.MaxObject)
	if err := unchunk(r); err != nil {
		fail(w, r, http.StatusBadRequest, "InvalidRequest", err.Error())
		return
	}
	s.next.ServeHTTP(w, r)
}
