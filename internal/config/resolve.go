package config

import (
	"path/filepath"
	"strings"

	"github.com/starburst-go/starburst/internal/exit"
	"github.com/starburst-go/starburst/internal/manual"
	"github.com/starburst-go/starburst/internal/stack"
)

// EnvProfile is the variable that chooses a profile.
const EnvProfile = "STARBURST_PROFILE"

// DefaultProfile is the profile that counts when none is chosen.
const DefaultProfile = "default"

// Sources are the places that settings come from. Any of them may be missing.
type Sources struct {
	// Flags by the setting's name. FlagProfile is --profile: a profile that is named there goes before the environment.
	Flags       map[string]string
	FlagProfile string
	// Getenv reads the environment.
	Getenv func(string) string
	// Project is the project's file, User the configuration file with profiles.
	Project, User *File
	// Saved returns the file that init has written of a stack, nil when there is none.
	Saved func(stack string) (*File, error)
}

// Setting is a setting that some place names. Origin is that place, for people.
type Setting struct {
	Key    string
	Value  string
	Origin string
	// export is true when its variable does not say it yet.
	export bool
}

// Settings are all that are set, in the order of Keys.
type Settings struct {
	// Profile that was chosen; "" when there is no file with profiles.
	Profile string
	List    []Setting
	// hidden are the variables of the environment that count no more, since a flag names another stack or profile.
	hidden []string
}

// layer is one place.
type layer struct {
	values  map[string]string
	origins map[string]string
	// fromFile and env say what kind of place it is.
	fromFile, env bool
	// foreign is the laptop mode's endpoint, which names a stack and is no setting.
	foreign string
}

// Resolve asks the places in their order.
func Resolve(src Sources) (Settings, error) {
	if src.Getenv == nil {
		src.Getenv = func(string) string { return "" }
	}
	var out Settings
	profile, err := src.profile(&out)
	if err != nil {
		return out, err
	}
	env, project := src.environment(), fileLayer(src.Project)
	order := []layer{{values: src.Flags, origins: flagOrigins(src.Flags)}, env, project, profile}
	if src.FlagProfile != "" {
		order = []layer{order[0], profile, env, project}
	}
	f := finding{src: src, found: map[string]Setting{}}
	for _, l := range order {
		f.ask(l)
	}
	out.hidden = f.hidden
	if err := src.saved(f.stack, f.found); err != nil {
		return out, err
	}
	for _, k := range Keys() {
		if s, ok := f.found[k.Name]; ok {
			out.List = append(out.List, s)
		}
	}
	return out, nil
}

// finding is what has been found while the places are asked.
type finding struct {
	src   Sources
	found map[string]Setting
	// chosen is true once a place has named a stack, whose name, if it said one, is stack.
	chosen bool
	stack  string
	hidden []string
}

// ask takes from a place what none before it has, and no stack's things once one is chosen.
func (f *finding) ask(l layer) {
	if l.foreign != "" && f.chosen {
		f.hidden = append(f.hidden, f.src.laptop(l.foreign)...)
	}
	names := l.foreign != ""
	for _, k := range Keys() {
		v, has := l.values[k.Name]
		if !has {
			continue
		}
		names = names || k.names
		_, taken := f.found[k.Name]
		switch {
		case taken:
		case !f.chosen || !k.ofStack:
			f.found[k.Name] = Setting{k.Name, v, l.origins[k.Name], l.fromFile || l.env && f.src.Getenv(k.Env) != v}
		case l.env:
			f.hidden = append(f.hidden, k.Env)
		}
	}
	if names && !f.chosen {
		f.chosen, f.stack = true, f.found[KeyStack].Value
	}
}

// profile chooses the profile and returns its layer.
func (src Sources) profile(out *Settings) (layer, error) {
	name, why := src.FlagProfile, "--profile"
	if name == "" {
		name, why = src.Getenv(EnvProfile), EnvProfile
	}
	if src.User == nil {
		if name != "" && name != DefaultProfile {
			return layer{}, exit.Errorf(exit.Usage, "%s is %q, and there is no configuration file with profiles", why, name).
				WithHint("starburst config set stack NAME --profile %s makes one", name)
		}
		return layer{}, nil
	}
	if name == "" && src.User.Profile.Text != "" {
		name, why = src.User.Profile.Text, src.User.at(src.User.Profile)
	}
	asked := name
	if name == "" {
		name = DefaultProfile
	}
	entries, ok := src.User.Profiles[name]
	if !ok && asked != "" {
		e := exit.Errorf(exit.Usage, "%s: there is no profile %q in %s", why, name, src.User.Path)
		if near := manual.Nearest(name, src.User.profileNames()); near != "" {
			return layer{}, e.WithHint("did you mean: %s", near)
		}
		return layer{}, e.WithHint("it has: %s", strings.Join(append(src.User.profileNames(), "none else"), ", "))
	}
	if ok {
		out.Profile = name
	}
	return entriesLayer(src.User, entries, "profile "+name+" in "), nil
}

func (src Sources) environment() layer {
	l := layer{values: map[string]string{}, origins: map[string]string{}, env: true, foreign: src.Getenv(stack.EnvLocal)}
	for _, k := range Keys() {
		for _, name := range []string{k.Env, alias[k.Env]} {
			if v := src.Getenv(name); name != "" && v != "" && l.values[k.Name] == "" {
				l.values[k.Name], l.origins[k.Name] = v, "environment "+name
			}
		}
	}
	return l
}

// laptop names the variables that the export lines of a local endpoint have set beside the settings.
func (src Sources) laptop(endpoint string) []string {
	hidden := []string{stack.EnvLocal}
	for _, kv := range stack.LocalEnv(endpoint) {
		if name, v, _ := strings.Cut(kv, "="); src.Getenv(name) == v {
			hidden = append(hidden, name)
		}
	}
	return hidden
}

// alias are second names of variables, which count when the first is not set.
var alias = map[string]string{envRegion: "AWS_DEFAULT_REGION", envAWSProfile: "AWS_DEFAULT_PROFILE"}

// saved adds what init has written of the stack of that name.
func (src Sources) saved(name string, found map[string]Setting) error {
	if name == "" || src.Saved == nil {
		return nil
	}
	f, err := src.Saved(name)
	if err != nil || f == nil {
		return err
	}
	l := fileLayer(f)
	for k, v := range l.values {
		if _, taken := found[k]; !taken {
			found[k] = Setting{k, v, "init, " + l.origins[k], true}
		}
	}
	return nil
}

func flagOrigins(flags map[string]string) map[string]string {
	origins := map[string]string{}
	for k := range flags {
		origins[k] = "flag --" + k
	}
	return origins
}

func fileLayer(f *File) layer {
	if f == nil {
		return layer{}
	}
	return entriesLayer(f, f.Settings, "")
}

func entriesLayer(f *File, entries map[string]Entry, before string) layer {
	l := layer{values: map[string]string{}, origins: map[string]string{}, fromFile: true}
	for name, e := range entries {
		text := e.Text
		if k, _ := find(name); k.path && !filepath.IsAbs(text) {
			text = filepath.Join(filepath.Dir(f.Path), text)
		}
		l.values[name], l.origins[name] = text, before+f.at(e)
	}
	return l
}

// Get returns a setting's value, "" when no place has it.
func (s Settings) Get(key string) string {
	for _, set := range s.List {
		if set.Key == key {
			return set.Value
		}
	}
	return ""
}

// Getenv answers as an environment in which the settings are variables; next is asked for the rest.
func (s Settings) Getenv(next func(string) string) func(string) string {
	values := map[string]string{}
	for _, name := range s.hidden {
		values[name] = ""
	}
	for _, set := range s.List {
		if k, ok := find(set.Key); ok {
			values[k.Env] = set.Value
		}
	}
	return func(name string) string {
		if v, ok := values[name]; ok {
			return v
		}
		return next(name)
	}
}

// Environ returns what makes the environment say the settings: variables to set, and to remove.
func (s Settings) Environ() (set map[string]string, unset []string) {
	set = map[string]string{}
	for _, found := range s.List {
		if k, ok := find(found.Key); ok && found.export {
			set[k.Env] = found.Value
		}
	}
	for _, name := range s.hidden {
		if _, has := set[name]; !has {
			unset = append(unset, name)
		}
	}
	return set, unset
}
