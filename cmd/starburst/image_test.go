package main

import (
	"debug/elf"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/starburst-go/starburst/internal/exit"
	"github.com/starburst-go/starburst/internal/image"
)

// How a program in another language gets into an image, and what the image then runs.
func TestImagesOfOtherLanguages(t *testing.T) {
	t.Parallel()
	host, program := startRegistry(t), linuxProgram(t, elf.EM_X86_64)
	base := strings.TrimSpace(succeeds(t, "image", "push", "--to", host+"/python", program).stdout)
	app := filepath.Dir(writeFile(t, "worker.py", "print()"))
	for _, tc := range []struct {
		args []string
		want []string // the entry point
	}{
		{[]string{"--serve", "python3 worker.py"}, []string{"/usr/local/bin/starburst", "worker", "--serve", "python3 worker.py"}},
		{[]string{"--exec", "--", "python3", "simulate.py", "{}"}, []string{"/usr/local/bin/starburst", "worker", "--exec", "--", "python3", "simulate.py", "{}"}},
	} {
		args := append([]string{"image", "push", "--json", "--to", host + "/w", "--arch", "amd64", "--base", base, "--copy", app + ":/app", "--starburst", program}, tc.args...)
		var sent image.Sent
		if err := json.Unmarshal([]byte(succeeds(t, args...).stdout), &sent); err != nil {
			t.Fatal(err)
		}
		ref, err := name.ParseReference(sent.Reference)
		if err != nil {
			t.Fatal(err)
		}
		img, err := remote.Image(ref, remote.WithContext(t.Context()))
		if err != nil {
			t.Fatal(err)
		}
		c, err := img.ConfigFile()
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(c.Config.Entrypoint, tc.want) || c.Config.WorkingDir != "/app" || c.Config.User != "65532:65532" {
			t.Errorf("%v: %q in %s as %s, want %q", tc.args, c.Config.Entrypoint, c.Config.WorkingDir, c.Config.User, tc.want)
		}
	}
}

func TestImageRefusals(t *testing.T) {
	t.Parallel()
	program := linuxProgram(t, elf.EM_AARCH64)
	for _, tc := range []struct {
		args []string
		says string
	}{
		{[]string{"build", "--arch", "amd64", program}, "GOARCH=amd64"},
		{[]string{"build", "--arch", "mips", program}, "known are arm64"},
		{[]string{"build", "--serve", "x", program}, "need --base"},
		{[]string{"build", program, program}, "one program"},
		{[]string{"build", "--copy", "a:b", program}, "absolute path"},
		{[]string{"build", "--base", "x@sha256:" + strings.Repeat("0", 64)}, "say how the image runs tasks"},
		{[]string{"build", "--base", "x@sha256:" + strings.Repeat("0", 64), "--exec"}, "needs the program after --"},
		{[]string{"build", "./no-such-package"}, "no-such-package"},
		{[]string{"build", "--copy", "none-such", program}, "none-such"},
		{[]string{"dockerfile", "cobol"}, "there are: go, node"},
	} {
		if got := starburst(t.Context(), "", append([]string{"image"}, tc.args...)...); got.code != exit.Usage || !strings.Contains(got.stderr, tc.says) {
			t.Errorf("%v: %d, %s; want %q", tc.args, got.code, got.stderr, tc.says)
		}
	}
	dir := filepath.Join(t.TempDir(), "layout")
	if got := succeeds(t, "image", "build", "--layout", dir, program); !strings.HasPrefix(got.stdout, "sha256:") {
		t.Errorf("%+v", got)
	}
	if _, err := os.Stat(filepath.Join(dir, "index.json")); err != nil {
		t.Error(err)
	}
}
