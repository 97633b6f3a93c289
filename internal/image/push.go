package image

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

// PushOptions say how to speak to a registry.
type PushOptions struct {
	// Keys has the credentials by registry. Default: those of `docker login`, if any.
	Keys authn.Keychain
	// Transport carries the requests. Default: the library's.
	Transport http.RoundTripper
	// Again builds and sends even what the registry has.
	Again bool
}

func (o PushOptions) remote(ctx context.Context) []remote.Option {
	keys := o.Keys
	if keys == nil {
		keys = authn.DefaultKeychain
	}
	all := []remote.Option{remote.WithContext(ctx), remote.WithAuthFromKeychain(keys), remote.WithUserAgent("starburst")}
	if o.Transport != nil {
		all = append(all, remote.WithTransport(o.Transport))
	}
	return all
}

// RegistryError says what a registry refused, and why as far as it says.
type RegistryError struct {
	// Doing and Image say what was tried.
	Doing, Image string
	// Status is HTTP's, 0 when there was no answer.
	Status int
	Err    error
}

// Error says all of it.
func (e *RegistryError) Error() string { return fmt.Sprintf("%s %s: %v", e.Doing, e.Image, e.Err) }

// Unwrap returns the cause.
func (e *RegistryError) Unwrap() error { return e.Err }

// IsNotFound reports whether a registry has no such image or repository.
func IsNotFound(err error) bool {
	e, ok := errors.AsType[*RegistryError](err)
	return ok && e.Status == http.StatusNotFound
}

// IsDenied reports whether a registry wants other credentials, or refused these.
func IsDenied(err error) bool {
	e, ok := errors.AsType[*RegistryError](err)
	return ok && (e.Status == http.StatusUnauthorized || e.Status == http.StatusForbidden)
}

func (PushOptions) explain(doing, image string, err error) error {
	e := &RegistryError{Doing: doing, Image: image, Err: err}
	if answer, ok := errors.AsType[*transport.Error](err); ok {
		e.Status = answer.StatusCode
	}
	return e
}

// Sent is what became of a Push.
type Sent struct {
	// Reference is repository@digest: what a task definition names.
	Reference string `json:"reference"`
	Tag       string `json:"tag"`
	Digest    string `json:"digest"`
	// Unchanged is true when the registry had the image: nothing was built and nothing sent.
	Unchanged bool `json:"unchanged"`
	// Blobs and Bytes count what was sent: layers and configurations. What the registry had is not sent.
	Blobs int64 `json:"blobs_sent"`
	Bytes int64 `json:"bytes_sent"`
	// Sizes are empty when nothing was built.
	Sizes []Size `json:"sizes,omitempty"`
}

// Push sends the image to a repository, unless it is there, under the tag that its content gives it.
func Push(ctx context.Context, p *Plan, repository string, o PushOptions) (Sent, error) {
	repo, err := name.NewRepository(repository)
	if err != nil {
		return Sent{}, fmt.Errorf("the repository %q: %w", repository, err)
	}
	tag := repo.Tag(p.Tag())
	s := Sent{Tag: p.Tag()}
	if !o.Again {
		have, err := find(ctx, tag, o)
		if err != nil {
			return s, err
		}
		if have != nil {
			s.Unchanged = true
			return s.at(repo, *have), nil
		}
	}
	index, err := p.Index(ctx, o)
	if err != nil {
		return s, err
	}
	count := &counter{next: o.Transport}
	if count.next == nil {
		count.next = remote.DefaultTransport
	}
	o.Transport = count
	if err := remote.WriteIndex(tag, index, o.remote(ctx)...); err != nil {
		return s, o.explain("send the image to", tag.String(), err)
	}
	s.Blobs, s.Bytes = count.blobs.Load(), count.bytes.Load()
	if s.Sizes, err = p.Sizes(index); err != nil {
		return s, err
	}
	digest, err := index.Digest()
	if err != nil {
		return s, err
	}
	return s.at(repo, digest), nil
}

func (s Sent) at(repo name.Repository, digest v1.Hash) Sent {
	s.Digest = digest.String()
	s.Reference = repo.Digest(s.Digest).String()
	return s
}

// find returns the digest of what the tag names, nil if there is nothing.
func find(ctx context.Context, tag name.Tag, o PushOptions) (*v1.Hash, error) {
	d, err := remote.Head(tag, o.remote(ctx)...)
	if err == nil {
		return &d.Digest, nil
	}
	err = o.explain("look for", tag.String(), err)
	if IsNotFound(err) {
		return nil, nil //nolint:nilnil // absence is an answer
	}
	return nil, err
}

// Resolve returns an image's name by digest, for one that is named by a tag.
func Resolve(ctx context.Context, image string, o PushOptions) (string, error) {
	ref, err := name.ParseReference(image)
	if err != nil {
		return "", fmt.Errorf("the image %q: %w", image, err)
	}
	d, err := remote.Head(ref, o.remote(ctx)...)
	if err != nil {
		return "", o.explain("look for", image, err)
	}
	return ref.Context().Digest(d.Digest.String()).String(), nil
}

// Architectures lists what an image can run on.
func Architectures(ctx context.Context, image string, o PushOptions) ([]Arch, error) {
	ref, err := name.ParseReference(image)
	if err != nil {
		return nil, fmt.Errorf("the image %q: %w", image, err)
	}
	d, err := remote.Get(ref, o.remote(ctx)...)
	if err != nil {
		return nil, o.explain("look for", image, err)
	}
	if !d.MediaType.IsIndex() {
		img, err := d.Image()
		if err != nil {
			return nil, err
		}
		c, err := img.ConfigFile()
		if err != nil {
			return nil, o.explain("read", image, err)
		}
		return []Arch{Arch(c.Architecture)}, nil
	}
	index, err := d.ImageIndex()
	if err != nil {
		return nil, err
	}
	m, err := index.IndexManifest()
	if err != nil {
		return nil, err
	}
	var all []Arch
	for _, d := range m.Manifests {
		if d.Platform != nil && d.Platform.OS == "linux" {
			all = append(all, Arch(d.Platform.Architecture))
		}
	}
	return all, nil
}

// counter counts the blobs that a push really carries.
type counter struct {
	next         http.RoundTripper
	blobs, bytes atomic.Int64
}

// RoundTrip counts bodies on their way to …/blobs/uploads/….
func (c *counter) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method == http.MethodPatch && strings.Contains(r.URL.Path, "/blobs/uploads/") && r.Body != nil {
		c.blobs.Add(1)
		clone := r.WithContext(r.Context()) // a round tripper must not change its request
		clone.Body = &countedBody{r.Body, &c.bytes}
		r = clone
	}
	return c.next.RoundTrip(r)
}

type countedBody struct {
	io.ReadCloser
	n *atomic.Int64
}

// Read counts.
func (b *countedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.n.Add(int64(n))
	return n, err
}
