package config

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/starburst-go/starburst/internal/exit"
)

// ProjectFile is the project's file, looked for in the current folder only: what a folder further up says would be a surprise.
const ProjectFile = "starburst.toml"

// Paths are where the files are.
type Paths struct {
	// Project is the project's file, User the configuration file, Stacks the folder of what init has written.
	Project, User, Stacks string
}

// Find returns the paths: the user's below $XDG_CONFIG_HOME/starburst, else ~/.config/starburst.
func Find(getenv func(string) string) Paths {
	base := getenv("XDG_CONFIG_HOME")
	if !filepath.IsAbs(base) { // the specification: relative paths are to be ignored
		home := getenv("HOME")
		if home == "" {
			home, _ = os.UserHomeDir() // Windows
		}
		base = filepath.Join(home, ".config")
	}
	dir := filepath.Join(base, "starburst")
	return Paths{Project: ProjectFile, User: filepath.Join(dir, "config.toml"), Stacks: filepath.Join(dir, "stacks")}
}

// Saved is the path of what init writes of a stack.
func (p Paths) Saved(name string) string { return filepath.Join(p.Stacks, name+".toml") }

// NoProfile is the profile that leaves all files aside, for programs that must not depend on who runs them.
const NoProfile = "none"

// Load reads the files and resolves the settings. profile is --profile's value.
func Load(getenv func(string) string, profile string) (Settings, error) {
	if cmp.Or(profile, getenv(EnvProfile)) == NoProfile {
		return Resolve(Sources{Getenv: func(name string) string {
			if name == EnvProfile {
				return ""
			}
			return getenv(name)
		}})
	}
	p := Find(getenv)
	src := Sources{FlagProfile: profile, Getenv: getenv, Saved: func(name string) (*File, error) {
		if !validProfile(name) {
			return nil, nil //nolint:nilnil // a name that no file has: the lookup in AWS refuses it
		}
		return Read(p.Saved(name), Flat)
	}}
	var err error
	if src.Project, err = Read(p.Project, Flat); err != nil {
		return Settings{}, err
	}
	if src.User, err = Read(p.User, Profiled); err != nil {
		return Settings{}, err
	}
	return Resolve(src)
}

// Read parses a file; nil without an error means that there is none.
func Read(path string, shape Shape) (*File, error) {
	text, err := read(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil //nolint:nilnil // the documented answer
	}
	if err != nil {
		return nil, exit.Errorf(exit.Usage, "read the configuration: %w", err)
	}
	return Parse(path, text, shape)
}

func read(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // it was only read
	return io.ReadAll(io.LimitReader(f, MaxFile+1))
}

// Set writes a setting into a file, below [profile.NAME] unless profile is "". What else the file says stays, with its comments.
// KeyDefaultProfile is written in front of the profiles.
func Set(path, profile, key, value string) error {
	shape := Flat
	if profile != "" {
		shape = Profiled
	}
	if err := settable(profile, key, value); err != nil {
		return err
	}
	if key == KeyDefaultProfile {
		profile, shape = "", Profiled
	}
	text, err := read(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return exit.Errorf(exit.Usage, "read the configuration: %w", err)
	}
	if _, err := Parse(path, text, shape); err != nil {
		return err
	}
	text = edit(text, profile, key, value)
	f, err := Parse(path, text, shape)
	if err != nil {
		return err
	}
	if f.entry(profile, key).Text != value {
		return exit.Errorf(exit.Failed, "%s is written in a way that this command cannot change", path).WithHint("write %s into it yourself", Line(key, value))
	}
	return Write(path, text)
}

func settable(profile, key, value string) error {
	k, known := find(key)
	if key == KeyDefaultProfile {
		profile, known = value, true
	}
	if !known {
		return unknownKey(key)
	}
	if profile != "" && (!validProfile(profile) || profile == NoProfile) {
		return exit.Errorf(exit.Usage, "%q is no profile's name", profile).WithHint("letters, digits, - and _")
	}
	if k.Name == "" {
		return nil
	}
	if err := k.Check(value); err != nil {
		return exit.Errorf(exit.Usage, "%w", err)
	}
	return nil
}

func (f *File) entry(profile, key string) Entry {
	switch {
	case key == KeyDefaultProfile:
		return f.Profile
	case profile != "":
		return f.Profiles[profile][key]
	}
	return f.Settings[key]
}

// Write replaces a file as a whole, so that a reader never sees half of it.
func Write(path string, text []byte) error {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("write the configuration: %w", err)
	}
	tmp, err := os.CreateTemp(dir, ".starburst-*")
	if err != nil {
		return fmt.Errorf("write the configuration: %w", err)
	}
	_, err = tmp.Write(text)
	err = errors.Join(err, tmp.Close())
	if err == nil {
		err = os.Rename(tmp.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("write the configuration: %w", errors.Join(err, os.Remove(tmp.Name())))
	}
	return nil
}
