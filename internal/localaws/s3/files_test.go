package s3

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Each start looks into each directory there is: there must be none without an object in it.
func TestDirectoriesAreThereForObjectsOnly(t *testing.T) {
	t.Parallel()
	f := files{filepath.Join(t.TempDir(), "objects")}
	dirs := func() (names []string) {
		entries, err := os.ReadDir(f.dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			names = append(names, e.Name())
		}
		return names
	}
	if err := f.open(nil); err != nil {
		t.Fatal(err)
	}
	if got := dirs(); got != nil {
		t.Errorf("a new state has the directories %v", got)
	}
	kept, err := f.write(strings.NewReader("kept"))
	if err != nil {
		t.Fatal(err)
	}
	for range 20 {
		if _, err := f.write(strings.NewReader("without a row")); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.open(map[string]bool{kept.name: true}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{kept.name[:2]}, dirs()); diff != "" {
		t.Error(diff)
	}
	if b, err := os.ReadFile(f.path(kept.name)); err != nil || string(b) != "kept" {
		t.Errorf("the object is %q, %v", b, err)
	}
	if err := f.open(nil); err != nil {
		t.Fatal(err)
	}
	if got := dirs(); got != nil {
		t.Errorf("without an object there are the directories %v", got)
	}
}
