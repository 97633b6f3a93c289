package image

import (
	"debug/elf"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
)

// Arch is a processor architecture by Go's name, which is also the registries'.
type Arch string

// The architectures that Fargate has.
const (
	ARM64 Arch = "arm64"
	AMD64 Arch = "amd64"
)

// arches are all, in the order in which an index lists them.
var arches = []Arch{AMD64, ARM64}

// ParseArch reads an architecture by Go's or ECS's name.
func ParseArch(name string) (Arch, error) {
	switch strings.ToLower(name) {
	case "arm64", "aarch64":
		return ARM64, nil
	case "amd64", "x86_64":
		return AMD64, nil
	}
	return "", fmt.Errorf("architecture %q: known are arm64 (ARM64 in ECS) and amd64 (X86_64)", name)
}

// ECS is what ECS calls the architecture.
func (a Arch) ECS() string {
	if a == ARM64 {
		return "ARM64"
	}
	return "X86_64"
}

// ErrNotStatic marks an executable that asks for a dynamic linker: there is none in the image.
var ErrNotStatic = errors.New("it is linked dynamically, and the image holds no libraries")

// ArchError says that an executable is for another architecture, or none at all.
type ArchError struct {
	Path      string
	Want      Arch
	Found     string // the executable's, or what the file is
	NotForECS bool   // it is no Linux executable at all
}

// Error says what is to be built.
func (e *ArchError) Error() string {
	return fmt.Sprintf("%s is %s, not an executable for linux/%s: build it with GOOS=linux GOARCH=%s CGO_ENABLED=0", e.Path, e.Found, e.Want, e.Want)
}

// CheckProgram returns an *ArchError unless the file is a Linux executable for the
// architecture, and ErrNotStatic if it is one that needs libraries.
func CheckProgram(path string, want Arch) error {
	f, err := elf.Open(path)
	if err != nil {
		if _, missing := errors.AsType[*fs.PathError](err); missing {
			return fmt.Errorf("open the program: %w", err)
		}
		return &ArchError{Path: path, Want: want, Found: "no Linux executable", NotForECS: true}
	}
	defer func() { _ = f.Close() }()
	found, known := map[elf.Machine]Arch{elf.EM_AARCH64: ARM64, elf.EM_X86_64: AMD64}[f.Machine]
	switch {
	case !known:
		return &ArchError{Path: path, Want: want, Found: "for " + strings.ToLower(strings.TrimPrefix(f.Machine.String(), "EM_"))}
	case found != want:
		return &ArchError{Path: path, Want: want, Found: "for linux/" + string(found)}
	}
	if slices.ContainsFunc(f.Progs, func(p *elf.Prog) bool { return p.Type == elf.PT_INTERP }) {
		return fmt.Errorf("%s: %w: build it with CGO_ENABLED=0", path, ErrNotStatic)
	}
	return nil
}
