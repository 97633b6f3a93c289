package config_test

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/starburst-go/starburst/internal/config"
	"github.com/starburst-go/starburst/internal/exit"
)

func parse(t *testing.T, path, text string, shape config.Shape) *config.File {
	t.Helper()
	f, err := config.Parse(path, []byte(text), shape)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func getenv(env map[string]string) func(string) string {
	return func(name string) string { return env[name] }
}

// Each place, as it stands in the order, in one table; a stack is chosen as a whole.
func TestResolve(t *testing.T) {
	t.Parallel()
	user := "default_profile = \"dev\"\n[profile.dev]\nstack = \"dev\"\nregion = \"eu-west-1\"\nprices = \"p.json\"\n[profile.test]\nqueue_url = \"https://q/test\"\ntable = \"test\"\nslots = 4\n"
	for name, c := range map[string]struct {
		flags         map[string]string
		flagProfile   string
		env           map[string]string
		project, user string
		saved         map[string]string
		want          []string
		unset         []string
	}{
		"nothing":              {},
		"a flag goes first":    {flags: map[string]string{"workers": "1"}, env: map[string]string{"STARBURST_WORKERS": "2"}, project: "workers = 3", want: []string{"workers=1 flag --workers"}},
		"then the environment": {env: map[string]string{"STARBURST_WORKERS": "2"}, project: "workers = 3", want: []string{"workers=2 environment STARBURST_WORKERS"}},
		"then the project":     {project: "# ours\nworkers = 3", user: "[profile.default]\nworkers = 4", want: []string{"workers=3 starburst.toml:2"}},
		"then the profile":     {user: "[profile.default]\nworkers = 4", want: []string{"workers=4 profile default in /c/config.toml:2"}},
		"the file chooses a profile": {user: user, want: []string{
			"stack=dev profile dev in /c/config.toml:3", "region=eu-west-1 profile dev in /c/config.toml:4", "prices=/c/p.json profile dev in /c/config.toml:5"}},
		"the environment does before it": {user: user, env: map[string]string{"STARBURST_PROFILE": "test"}, want: []string{
			"queue_url=https://q/test profile test in /c/config.toml:7", "table=test profile test in /c/config.toml:8", "slots=4 profile test in /c/config.toml:9"}},
		"what init wrote comes last": {user: user, saved: map[string]string{"dev": "queue_url = \"https://q/dev\"\nregion = \"us-east-1\"\nservices = [\"a\", \"b\"]"}, want: []string{
			"stack=dev profile dev in /c/config.toml:3", "region=eu-west-1 profile dev in /c/config.toml:4",
			"queue_url=https://q/dev init, /c/stacks/dev.toml:1", "services=a,b init, /c/stacks/dev.toml:3", "prices=/c/p.json profile dev in /c/config.toml:5"}},
		"a stack in the environment hides the profile's, and not its Region": {user: user, env: map[string]string{"STARBURST_QUEUE_URL": "https://q/env"}, want: []string{
			"region=eu-west-1 profile dev in /c/config.toml:4", "queue_url=https://q/env environment STARBURST_QUEUE_URL", "prices=/c/p.json profile dev in /c/config.toml:5"}},
		"so does a local endpoint": {env: map[string]string{"STARBURST_LOCAL": "http://127.0.0.1:1"}, project: "stack = \"prod\"\nslots = 2", want: []string{"slots=2 starburst.toml:2"}},
		"one thing of a stack may be another": {env: map[string]string{"STARBURST_FLEET": "blue"}, project: "queue_url = \"q\"\ntable = \"t\"\nfleet = \"red\"", want: []string{
			"queue_url=q starburst.toml:1", "table=t starburst.toml:2", "fleet=blue environment STARBURST_FLEET"}},
		"--profile goes before the environment, and a stack there is none any more": {user: user, flagProfile: "test",
			env:   map[string]string{"STARBURST_QUEUE_URL": "https://q/env", "STARBURST_BUCKET": "b", "STARBURST_SLOTS": "9", "STARBURST_LOCAL": "http://127.0.0.1:1", "AWS_ENDPOINT_URL": "http://127.0.0.1:1", "AWS_REGION": "eu-west-3"},
			want:  []string{"region=eu-west-3 environment AWS_REGION", "queue_url=https://q/test profile test in /c/config.toml:7", "table=test profile test in /c/config.toml:8", "slots=4 profile test in /c/config.toml:9"},
			unset: []string{"AWS_ENDPOINT_URL", "STARBURST_BUCKET", "STARBURST_LOCAL"}},
		"the second name of the Region": {env: map[string]string{"AWS_DEFAULT_REGION": "eu-west-2"}, want: []string{"region=eu-west-2 environment AWS_DEFAULT_REGION"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			src := config.Sources{Flags: c.flags, FlagProfile: c.flagProfile, Getenv: getenv(c.env), Saved: func(name string) (*config.File, error) {
				if text, ok := c.saved[name]; ok {
					return config.Parse("/c/stacks/"+name+".toml", []byte(text), config.Flat)
				}
				return nil, nil
			}}
			if c.project != "" {
				src.Project = parse(t, "starburst.toml", c.project, config.Flat)
			}
			if c.user != "" {
				src.User = parse(t, "/c/config.toml", c.user, config.Profiled)
			}
			s, err := config.Resolve(src)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, v := range s.List {
				got = append(got, v.Key+"="+v.Value+" "+v.Origin)
			}
			if d := cmp.Diff(c.want, got); d != "" {
				t.Error(d)
			}
			set, unset := s.Environ()
			slices.Sort(unset)
			if d := cmp.Diff(c.unset, unset); d != "" {
				t.Error(d)
			}
			// An environment that Environ has changed says the settings.
			env := maps.Clone(c.env)
			if env == nil {
				env = map[string]string{}
			}
			maps.Copy(env, set)
			for _, n := range unset {
				delete(env, n)
			}
			now := s.Getenv(getenv(c.env))
			for _, k := range config.Keys() {
				if c.flags == nil && env[k.Env] != now(k.Env) {
					t.Errorf("%s is %q in the environment, and %q by Getenv", k.Env, env[k.Env], now(k.Env))
				}
			}
		})
	}
}

func TestRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		shape      config.Shape
		text       string
		want, hint string
	}{
		"a mistyped name":         {config.Flat, "# x\nquue_url = \"q\"", `f.toml:2: there is no setting "quue_url"`, "did you mean: queue_url"},
		"a foreign name":          {config.Flat, "color = \"auto\"\nfish = 1", `f.toml:2: there is no setting "fish"`, "starburst help config"},
		"a secret":                {config.Flat, "\n\naws_secret_access_key = \"x\"", "f.toml:3: aws_secret_access_key: secrets do not belong", "aws configure"},
		"a secret in a profile":   {config.Profiled, "[profile.a]\naws_session_token = \"x\"", "f.toml:2: aws_session_token: secrets", "aws configure"},
		"a wrong value":           {config.Flat, "workers = \"many\"", `f.toml:1: workers is "many": want a whole number above 0`, ""},
		"an empty value":          {config.Flat, "table = \"\"", "f.toml:1: table is empty", ""},
		"a colour":                {config.Flat, "color = \"red\"", `color is "red": want auto, always or never`, ""},
		"a date":                  {config.Flat, "table = 2026-01-01", "f.toml:1: table: want a text", "table = "},
		"a table in a flat file":  {config.Flat, "[profile.x]\ntable = \"t\"", "f.toml:1: [profile.x]: this file has settings only", "config.toml"},
		"a foreign table":         {config.Profiled, "[profiles.x]\ntable = \"t\"", "f.toml:1: [profiles.x] is no profile", "[profile.NAME]"},
		"outside of a profile":    {config.Profiled, "table = \"t\"", "f.toml:1: table stands outside of a profile", "[profile.default]"},
		"no TOML":                 {config.Flat, "workers = 1\nworkers: 2", "f.toml:2: ", "TOML"},
		"twice":                   {config.Flat, "workers = 1\nworkers = 2", "f.toml:", "TOML"},
		"too long":                {config.Flat, strings.Repeat("# hello\n", 9000), "has 72000 bytes", ""},
		"a line break in a value": {config.Flat, `table = "a\nb"`, "control character", ""},
		"an inline table":         {config.Profiled, `default_profile = {x = 1}`, "want a text", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := config.Parse("f.toml", []byte(c.text), c.shape)
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(exit.HintOf(err), c.hint) || exit.CodeOf(err) != exit.Usage {
				t.Errorf("%v, hint %q, code %d", err, exit.HintOf(err), exit.CodeOf(err))
			}
		})
	}
}

func TestProfilesThatAreNotThere(t *testing.T) {
	t.Parallel()
	user := parse(t, "u.toml", "[profile.prod]\nworkers = 1\n", config.Profiled)
	_, err := config.Resolve(config.Sources{User: user, FlagProfile: "prd"})
	if err == nil || !strings.Contains(err.Error(), `no profile "prd"`) || exit.HintOf(err) != "did you mean: prod" {
		t.Errorf("%v, %q", err, exit.HintOf(err))
	}
	if _, err = config.Resolve(config.Sources{FlagProfile: "prod"}); err == nil {
		t.Error("a profile without a file is taken")
	}
	s, err := config.Resolve(config.Sources{User: user})
	if err != nil || s.Profile != "" || s.List != nil {
		t.Errorf("a file without [profile.default] gives %+v, %v", s, err)
	}
}

// Load reads what Set has written, from where Find says.
func TestSetAndLoad(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	env := getenv(map[string]string{"XDG_CONFIG_HOME": home})
	p := config.Find(env)
	if p.User != filepath.Join(home, "starburst", "config.toml") {
		t.Fatal(p)
	}
	for _, s := range [][2]string{{"stack", "prod"}, {"workers", "2"}, {"workers", "3"}} {
		if err := config.Set(p.User, "default", s[0], s[1]); err != nil {
			t.Fatal(err)
		}
	}
	if err := config.Set(p.User, "test", "stack", `quo"ted\`); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(p.User)
	if want := "[profile.default]\nstack = \"prod\"\nworkers = \"3\"\n\n[profile.test]\nstack = \"quo\\\"ted\\\\\"\n"; err != nil || string(text) != want {
		t.Errorf("%s, %v", text, err)
	}
	s, err := config.Load(env, "")
	if err != nil || s.Get("workers") != "3" || s.Profile != "default" {
		t.Errorf("%+v, %v", s, err)
	}
	if s, err = config.Load(env, "test"); err != nil || s.Get("stack") != `quo"ted\` {
		t.Errorf("%+v, %v", s, err)
	}
	if err := config.Set(p.User, "default", config.KeyDefaultProfile, "test"); err != nil {
		t.Fatal(err)
	}
	if s, err = config.Load(env, ""); err != nil || s.Profile != "test" {
		t.Errorf("%+v, %v", s, err)
	}
	if err := config.Set(p.User, "default", "stak", "x"); exit.HintOf(err) != "did you mean: stack" {
		t.Errorf("%v", err)
	}
	if err := config.Set(p.User, "default", "workers", "x"); err == nil {
		t.Error("a wrong value is written")
	}
}

func TestSetKeepsTheRest(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "config.toml")
	before := "# mine\ndefault_profile = \"b\" # which\n\n[profile.a] # first\nworkers = 1 # one\nslots = 2\n# end of a\n\n[profile.b]\nstack = \"x\""
	if err := os.WriteFile(path, []byte(before), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, s := range [][3]string{{"a", "workers", "7"}, {"a", "table", "t"}, {"b", "stack", "y"}, {"c", "stack", "z"}} {
		if err := config.Set(path, s[0], s[1], s[2]); err != nil {
			t.Fatal(err)
		}
	}
	want := "# mine\ndefault_profile = \"b\" # which\n\n[profile.a] # first\nworkers = \"7\" # one\nslots = 2\ntable = \"t\"\n# end of a\n\n[profile.b]\nstack = \"y\"\n\n[profile.c]\nstack = \"z\"\n"
	got, err := os.ReadFile(path)
	if d := cmp.Diff(want, string(got)); d != "" || err != nil {
		t.Error(d, err)
	}
}

// What is set is read back, and what was there before stays, whatever the order.
func TestSetIsReadBack(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		path := filepath.Join(dir, "f.toml")
		if err := os.RemoveAll(path); err != nil {
			t.Fatal(err)
		}
		want := map[string]map[string]string{}
		for range rapid.IntRange(1, 12).Draw(t, "sets") {
			profile := rapid.SampledFrom([]string{"a", "b", "c-d"}).Draw(t, "profile")
			key := rapid.SampledFrom([]string{"stack", "table", "bucket", "fleet"}).Draw(t, "key")
			value := rapid.StringMatching(`[ -~é]{1,20}`).Draw(t, "value")
			if err := config.Set(path, profile, key, value); err != nil {
				t.Fatal(err)
			}
			if want[profile] == nil {
				want[profile] = map[string]string{}
			}
			want[profile][key] = value
		}
		f, err := config.Read(path, config.Profiled)
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]map[string]string{}
		for p, entries := range f.Profiles {
			got[p] = map[string]string{}
			for k, e := range entries {
				got[p][k] = e.Text
			}
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Error(d)
		}
	})
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("default_profile = \"a\"\n[profile.a]\nworkers = 1\nservices = [\"a\", \"b\"] # x\n"))
	f.Add([]byte("workers = 1\n\"table\" = 'x'\n[[a]]\nb.c = {d = 1}"))
	f.Fuzz(func(t *testing.T, text []byte) {
		for _, shape := range []config.Shape{config.Flat, config.Profiled} {
			file, err := config.Parse("f", text, shape)
			if err != nil {
				continue
			}
			if _, err := config.Resolve(config.Sources{User: file, Project: file}); err != nil && file.Profile.Text == "" {
				t.Error(err)
			}
		}
	})
}
