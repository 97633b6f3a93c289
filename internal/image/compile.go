package image

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Compiler builds Go programs for the workers' system.
type Compiler struct {
	// Cache keeps the executables, so that one that is up to date is not linked
	// again. Default: starburst/programs in the user's cache directory.
	Cache string
	// Go is the toolchain's command. Default: "go".
	Go string
}

// Build builds the package (a folder or an import path) and returns the executable's
// path. Nothing of this machine is in it: no paths, no revision, no C.
func (c Compiler) Build(ctx context.Context, pkg string, arch Arch) (string, error) {
	out, err := c.place(pkg, arch)
	if err != nil {
		return "", err
	}
	tool := c.Go
	if tool == "" {
		tool = "go"
	}
	args := []string{"build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w", "-o", out}
	dir, target := where(pkg)
	cmd := exec.CommandContext(ctx, tool, append(args, target)...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+string(arch))
	var stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stderr, &stderr
	switch err := cmd.Run(); {
	case errors.Is(err, exec.ErrNotFound):
		return "", fmt.Errorf("build %s for linux/%s: %w: install Go, or give an executable that is built already", pkg, arch, err)
	case err != nil:
		return "", fmt.Errorf("build %s for linux/%s: %w:\n%s", pkg, arch, err, bytes.TrimSpace(tailOf(stderr.Bytes())))
	}
	return out, CheckProgram(out, arch)
}

// where returns the folder to run the toolchain in and what to build there: a folder is built
// from within, so that it may belong to a module other than that of the current folder.
func where(pkg string) (dir, target string) {
	if info, err := os.Stat(pkg); err == nil && info.IsDir() {
		return pkg, "."
	}
	return "", pkg
}

// place is where the executable is kept.
func (c Compiler) place(pkg string, arch Arch) (string, error) {
	cache := c.Cache
	if cache == "" {
		user, err := os.UserCacheDir()
		if err != nil {
			return "", fmt.Errorf("find the cache directory: %w", err)
		}
		cache = filepath.Join(user, "starburst", "programs")
	}
	full, err := filepath.Abs(pkg)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256([]byte(full))
	dir := filepath.Join(cache, hex.EncodeToString(sum[:8])+"-"+string(arch))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fmt.Errorf("make the cache of executables: %w", err)
	}
	return filepath.Join(dir, NameOf(pkg)), nil
}

// NameOf is the name of a program by its package or path.
func NameOf(pkg string) string {
	if full, err := filepath.Abs(pkg); err == nil {
		pkg = full
	}
	name := strings.TrimSuffix(filepath.Base(pkg), ".exe")
	if name == "" || name == "." || name == string(filepath.Separator) {
		return "worker"
	}
	return name
}

// tailOf keeps the end of a compiler's messages.
func tailOf(b []byte) []byte { return b[max(0, len(b)-4<<10):] }
