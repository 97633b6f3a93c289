package laptop

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/starburst-go/starburst/internal/exit"
)

// Home returns the directory that holds all states:
// $XDG_STATE_HOME/starburst, by default ~/.local/state/starburst.
func Home() (string, error) {
	base := os.Getenv("XDG_STATE_HOME")
	if base == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return "", exit.Errorf(exit.Usage, "no place for the local state: %w", err).WithHint("set XDG_STATE_HOME to a directory")
		}
		base = filepath.Join(home, ".local", "state")
	}
	return filepath.Join(base, "starburst"), nil
}

// isName reports whether s may name a state: it becomes a directory's name. Not a regular expression, which each start would pay for.
func isName(s string) bool {
	other := strings.IndexFunc(s, func(r rune) bool {
		return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("._-", r))
	})
	return s != "" && len(s) <= 64 && other < 0 && !strings.ContainsRune("._-", rune(s[0]))
}

// Dir returns the directory of the named state, made if it does not exist.
func Dir(name string) (string, error) {
	if !isName(name) {
		return "", exit.Errorf(exit.Usage, "state name %q: letters, digits, '.', '_' and '-' only, at most 64", name)
	}
	home, err := Home()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(home, name)
	// Arguments and results may be private: nobody else needs to read them.
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", fmt.Errorf("make the state directory: %w", err)
	}
	return dir, nil
}

// Names lists the states that exist.
func Names() ([]string, error) {
	home, err := Home()
	if err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(home)
	if err != nil {
		if os.IsNotExist(err) {
			return nil, nil
		}
		return nil, fmt.Errorf("list the states: %w", err)
	}
	var names []string
	for _, e := range entries {
		if e.IsDir() && isName(e.Name()) {
			names = append(names, e.Name())
		}
	}
	return names, nil
}
