//go:build unix

package image_test

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/starburst-go/starburst/internal/image"
)

const (
	// mostBuild bounds building for both architectures and sending, with the toolchain's cache warm; mostUnchanged the same with nothing changed.
	// They bound the time of the processors, compiler included: on a machine that does nothing else that is at least what a user waits.
	mostBuild, mostUnchanged = 5 * time.Second, time.Second
	// mostBytes bounds what a worker pulls.
	mostBytes = 25e6
)

// busyTime is what this process and the compilers that it has started have had of the processors.
func busyTime(t *testing.T) time.Duration {
	t.Helper()
	var sum time.Duration
	for _, who := range []int{syscall.RUSAGE_SELF, syscall.RUSAGE_CHILDREN} {
		var u syscall.Rusage
		if err := syscall.Getrusage(who, &u); err != nil {
			t.Fatal(err)
		}
		sum += time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
	return sum
}

// The smallest example is what a user ships first. Opt-in: it compiles for two systems, and holds times.
func TestMontecarlo(t *testing.T) {
	if os.Getenv("STARBURST_TEST_IMAGE") == "" {
		t.Skip("compiles for two systems and holds times: make test-image")
	}
	r := newRegistry(t)
	example := filepath.Join("..", "..", "examples", "montecarlo")
	build := func(cache string) *image.Plan {
		spec := image.Spec{Name: "montecarlo", Programs: map[image.Arch]string{}}
		for _, a := range []image.Arch{image.AMD64, image.ARM64} {
			path, err := image.Compiler{Cache: cache}.Build(t.Context(), example, a)
			if err != nil {
				t.Fatal(err)
			}
			spec.Programs[a] = path
		}
		return plan(t, spec)
	}
	timed := func(what, cache string, most time.Duration) image.Sent {
		began, busy := time.Now(), busyTime(t)
		sent := push(t, build(cache), r.host+"/montecarlo")
		took := busyTime(t) - busy
		t.Logf("%s: %.2f s of processor time, %.2f s by the clock", what, took.Seconds(), time.Since(began).Seconds())
		if took > most {
			t.Errorf("%s took %v, at most %v", what, took, most)
		}
		return sent
	}
	build(t.TempDir()) // warms the toolchain's cache
	cache := t.TempDir()
	first := timed("built, linked and sent", cache, mostBuild)
	again := timed("unchanged", cache, mostUnchanged)
	if !again.Unchanged || again.Reference != first.Reference {
		t.Errorf("unchanged: %+v", again)
	}
	for _, s := range first.Sizes {
		t.Logf("linux/%s: %.1f MB compressed", s.Arch, float64(s.Compressed)/1e6)
		if s.Compressed > mostBytes {
			t.Errorf("%d bytes for %s, at most %g", s.Compressed, s.Arch, mostBytes)
		}
	}
	index, err := build(t.TempDir()).Index(t.Context(), options())
	if err != nil {
		t.Fatal(err)
	}
	if digest, err := index.Digest(); err != nil || digest.String() != first.Digest {
		t.Errorf("a second build is %s, %v; the first %s", digest, err, first.Digest)
	}
	c, err := pulled(t, first.Reference, image.ARM64).ConfigFile()
	if err != nil || c.Config.User != "65532:65532" {
		t.Errorf("runs as %q, %v", c.Config.User, err)
	}
	t.Logf("digest %s", first.Digest)
}
