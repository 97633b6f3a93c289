package image

import (
	"embed"
	"fmt"
	"slices"
	"strings"
)

//go:embed dockerfiles
var dockerfiles embed.FS

// Dockerfiles lists the kinds of programs that there is a template for.
func Dockerfiles() []string {
	entries, err := dockerfiles.ReadDir("dockerfiles")
	if err != nil {
		return nil // it is embedded: it is there
	}
	var kinds []string
	for _, e := range entries {
		kinds = append(kinds, strings.TrimSuffix(e.Name(), ".Dockerfile"))
	}
	return kinds
}

// Dockerfile returns the template for a kind of program.
func Dockerfile(kind string) (string, error) {
	if !slices.Contains(Dockerfiles(), kind) {
		return "", fmt.Errorf("there is no Dockerfile for %q; there are: %s", kind, strings.Join(Dockerfiles(), ", "))
	}
	b, err := dockerfiles.ReadFile("dockerfiles/" + kind + ".Dockerfile")
	return string(b), err
}
