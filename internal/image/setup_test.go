package image_test

import (
	"archive/tar"
	"bytes"
	"debug/elf"
	"encoding/binary"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/starburst-go/starburst/internal/image"
)

// executable writes the smallest file that is an executable for the machine; with
// an interpreter it asks for a dynamic linker.
func executable(t *testing.T, machine elf.Machine, content string, interpreter bool) string {
	t.Helper()
	var b bytes.Buffer
	h := elf.Header64{
		Ident: [16]byte{0x7f, 'E', 'L', 'F', byte(elf.ELFCLASS64), byte(elf.ELFDATA2LSB), byte(elf.EV_CURRENT)},
		Type:  uint16(elf.ET_EXEC), Machine: uint16(machine), Version: 1, Ehsize: 64, Phentsize: 56, Phoff: 64, Shentsize: 64,
	}
	if interpreter {
		h.Phnum = 1
	}
	if err := binary.Write(&b, binary.LittleEndian, h); err != nil {
		t.Fatal(err)
	}
	if interpreter {
		if err := binary.Write(&b, binary.LittleEndian, elf.Prog64{Type: uint32(elf.PT_INTERP)}); err != nil {
			t.Fatal(err)
		}
	}
	b.WriteString(content)
	path := filepath.Join(t.TempDir(), "program")
	if err := os.WriteFile(path, b.Bytes(), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

// programs for both architectures, with some content.
func programs(t *testing.T, content string) map[image.Arch]string {
	t.Helper()
	return map[image.Arch]string{
		image.ARM64: executable(t, elf.EM_AARCH64, content, false), image.AMD64: executable(t, elf.EM_X86_64, content, false),
	}
}

// testRegistry is a registry that notes what it is asked.
type testRegistry struct {
	host string
	mu   sync.Mutex // protects asked
	// asked are the requests, method and path.
	asked []string
}

func newRegistry(t *testing.T) *testRegistry {
	t.Helper()
	r := &testRegistry{}
	h := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		r.mu.Lock()
		r.asked = append(r.asked, q.Method+" "+q.URL.Path)
		r.mu.Unlock()
		h.ServeHTTP(w, q)
	}))
	t.Cleanup(s.Close)
	r.host = strings.TrimPrefix(s.URL, "http://")
	return r
}

func (r *testRegistry) since(n int) []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]string(nil), r.asked[n:]...)
}

func (r *testRegistry) count() int { return len(r.since(0)) }

// options without the credentials of whoever runs the test.
func options() image.PushOptions { return image.PushOptions{Keys: authn.NewMultiKeychain()} }

func plan(t *testing.T, s image.Spec) *image.Plan {
	t.Helper()
	p, err := image.NewPlan(s)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func push(t *testing.T, p *image.Plan, repository string) image.Sent {
	t.Helper()
	sent, err := image.Push(t.Context(), p, repository, options())
	if err != nil {
		t.Fatal(err)
	}
	return sent
}

// pulled is an image of a registry for one architecture.
func pulled(t *testing.T, reference string, a image.Arch) v1.Image {
	t.Helper()
	ref, err := name.ParseReference(reference)
	if err != nil {
		t.Fatal(err)
	}
	img, err := remote.Image(ref, remote.WithPlatform(v1.Platform{OS: "linux", Architecture: string(a)}), remote.WithContext(t.Context()))
	if err != nil {
		t.Fatal(err)
	}
	return img
}

// unpacked is an image's file.
type unpacked struct {
	tar.Header
	content []byte
}

// unpack returns all files of an image by name, those of upper layers over those of lower ones.
func unpack(t *testing.T, img v1.Image) map[string]unpacked {
	t.Helper()
	layers, err := img.Layers()
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]unpacked{}
	for _, l := range layers {
		r, err := l.Uncompressed()
		if err != nil {
			t.Fatal(err)
		}
		archive := tar.NewReader(r)
		for {
			h, err := archive.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			content, err := io.ReadAll(archive)
			if err != nil {
				t.Fatal(err)
			}
			files[h.Name] = unpacked{*h, content}
		}
		_ = r.Close()
	}
	return files
}
