package main

import (
	"errors"
	"os"
	"strings"

	"github.com/starburst-go/starburst/internal/config"
)

// configure makes the environment of this process say the settings that files have: the environment is what the packages, the
// AWS SDK and the processes that a command starts read. What it says already stays, unless --profile names other things.
func configure(l line) error {
	command := strings.Join(l.path[:min(len(l.path), 1)], "")
	if c := globalValue(l, config.KeyColor); c != "" {
		if err := os.Setenv(config.EnvColor, c); err != nil {
			return err
		}
	}
	if needsNoSettings(command) {
		return nil
	}
	s, err := config.Load(os.Getenv, globalValue(l, "profile"))
	if err != nil {
		return err
	}
	set, unset := s.Environ()
	for name, v := range set {
		err = errors.Join(err, os.Setenv(name, v))
	}
	for _, name := range unset {
		err = errors.Join(err, os.Unsetenv(name))
	}
	return err
}

// globalValue reads a global flag before the library does, "" when it is not given.
func globalValue(l line, name string) (v string) {
	for i, w := range l.globals {
		if !isFlag(w) || flagName(w) != name {
			continue
		}
		if _, after, ok := strings.Cut(w, "="); ok {
			v = after
		} else if i+1 < len(l.globals) {
			v = l.globals[i+1]
		}
	}
	return v
}
