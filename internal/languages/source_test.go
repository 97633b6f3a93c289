package languages

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// maxLines is what a client may take: the wire format must need no more than this.
const maxLines = 40

func TestClientsAreShort(t *testing.T) {
	t.Parallel()
	sources := map[string]string{
		"go": "main.go", "java": "Enqueue.java", "node": "enqueue.mjs", "python": "enqueue.py", "rust": "src/main.rs", "shell": "enqueue.sh",
	}
	for _, c := range clients {
		text, err := os.ReadFile(filepath.Join("..", "..", "examples", "enqueue", c.folder, sources[c.folder]))
		if err != nil {
			t.Error(err)
		}
		if lines := bytes.Count(text, []byte("\n")); lines > maxLines {
			t.Errorf("the client in %s has %d lines, more than %d", c.folder, lines, maxLines)
		}
	}
}

// With a PATH that has the shell alone, all toolchains are missing.
func TestMissingToolchainsAreNamed(t *testing.T) {
	t.Parallel()
	path := t.TempDir()
	for _, tool := range []string{"bash", "dirname"} {
		found, err := exec.LookPath(tool)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(found, filepath.Join(path, tool)); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.CommandContext(t.Context(), filepath.Join(path, "bash"), "../../scripts/languages/test.sh")
	cmd.Env = []string{"PATH=" + path}
	out, err := cmd.CombinedOutput()
	if failed, ok := errors.AsType[*exec.ExitError](err); !ok || failed.ExitCode() != 1 {
		t.Errorf("it ended with %v, want exit code 1", err)
	}
	for _, name := range []string{"(go)", "(python3", "(node)", "(npm)", "(java", "(mvn)", "(cargo)", "(cc)", "curl"} {
		if !strings.Contains(string(out), name) {
			t.Errorf("%q is not among what is missing:\n%s", name, out)
		}
	}
}
