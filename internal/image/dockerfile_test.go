package image_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/starburst-go/starburst/internal/image"
)

func TestDockerfilesRunAsWorkersAndNotAsRoot(t *testing.T) {
	t.Parallel()
	kinds := image.Dockerfiles()
	if !slices.Contains(kinds, "python") || !slices.Contains(kinds, "r") || !slices.Contains(kinds, "go") {
		t.Errorf("kinds %v", kinds)
	}
	for _, kind := range kinds {
		text, err := image.Dockerfile(kind)
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{"\nUSER 65532:65532\n", "\nVOLUME /tmp\n", "\nENTRYPOINT ["} {
			if !strings.Contains(text, want) {
				t.Errorf("%s lacks %q", kind, want)
			}
		}
	}
	if _, err := image.Dockerfile("../go"); err == nil {
		t.Error("a path is accepted as a kind")
	}
}
