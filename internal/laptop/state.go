package laptop

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"

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

var validName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

// Dir returns the directory of the named state, made if it does not exist.
func Dir(name string) (string, error) {
	if !validName.MatchString(name) {
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
		if e.IsDir() && validName.MatchString(e.Name()) {
			names = append(names, e.Name())
		}
	}
	return names, nil
}
