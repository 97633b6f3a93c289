package image_test

import (
	"crypto/x509"
	"debug/elf"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/starburst-go/starburst/internal/image"
)

func TestAnImageWithoutABaseHoldsTheProgramAndNothingOfThisMachine(t *testing.T) {
	t.Parallel()
	r := newRegistry(t)
	sent := push(t, plan(t, image.Spec{Name: "montecarlo", Programs: programs(t, "v1"), Args: []string{"-x"}, Env: []string{"A=1"}}), r.host+"/workers")
	if sent.Unchanged || len(sent.Sizes) != 2 || sent.Reference != r.host+"/workers@"+sent.Digest {
		t.Fatalf("%+v", sent)
	}
	for _, a := range []image.Arch{image.ARM64, image.AMD64} {
		img := pulled(t, sent.Reference, a)
		c, err := img.ConfigFile()
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(v1.Config{
			User: "65532:65532", Entrypoint: []string{"/app/montecarlo", "-x"}, WorkingDir: "/", Volumes: map[string]struct{}{"/tmp": {}},
			Env:    []string{"PATH=/usr/local/bin:/usr/bin:/bin:/app", "SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt", "STARBURST_ROLE=worker", "A=1"},
			Labels: c.Config.Labels,
		}, c.Config); d != "" {
			t.Errorf("%s: configuration (-want +got):\n%s", a, d)
		}
		if c.Architecture != string(a) || c.OS != "linux" || c.Config.Labels["org.opencontainers.image.title"] != "montecarlo" || c.Config.Labels[image.LabelFingerprint] == "" {
			t.Errorf("%s: %s/%s with labels %v", a, c.OS, c.Architecture, c.Config.Labels)
		}
		files := unpack(t, img)
		if f := files["app/montecarlo"]; f.Mode != 0o755 || !strings.HasSuffix(string(f.content), "v1") {
			t.Errorf("%s: the program has mode %o and %d bytes", a, f.Mode, len(f.content))
		}
		if f := files["tmp/"]; f.Mode != 0o1777 {
			t.Errorf("%s: /tmp has mode %o, want 1777: only then may the user write there", a, f.Mode)
		}
		if !strings.Contains(string(files["etc/passwd"].content), "nonroot:x:65532:65532:") {
			t.Errorf("%s: no user 65532 in %q", a, files["etc/passwd"].content)
		}
		if pool := x509.NewCertPool(); !pool.AppendCertsFromPEM(files["etc/ssl/certs/ca-certificates.crt"].content) {
			t.Errorf("%s: no certificate authorities", a)
		}
		for name, f := range files {
			if f.Uid != 0 || f.Gid != 0 || f.Uname != "" || f.Gname != "" || !f.ModTime.Equal(time.Unix(0, 0)) {
				t.Errorf("%s: %s belongs to %d %q and is of %v", a, name, f.Uid, f.Uname, f.ModTime)
			}
		}
	}
}

func TestTheSameContentHasTheSameBytesWhereverItIs(t *testing.T) {
	t.Parallel()
	digest := func(content string, when time.Time) (string, string) {
		dir := t.TempDir()
		for _, f := range []string{"main.py", "data/a.csv", ".git/HEAD", "__pycache__/main.pyc"} {
			path := filepath.Join(dir, f)
			if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(content), 0o600), os.Chtimes(path, when, when)); err != nil {
				t.Fatal(err)
			}
		}
		p := plan(t, image.Spec{Programs: programs(t, "x"), Copies: []image.Copy{{From: dir, To: "/app"}}})
		index, err := p.Index(t.Context(), options())
		if err != nil {
			t.Fatal(err)
		}
		d, err := index.Digest()
		if err != nil {
			t.Fatal(err)
		}
		return d.String(), p.Tag()
	}
	d1, t1 := digest("same", time.Unix(1e9, 0))
	d2, t2 := digest("same", time.Unix(2e9, 0))
	if d1 != d2 || t1 != t2 {
		t.Errorf("two builds of the same content differ: %s %s, %s %s", d1, t1, d2, t2)
	}
	if d3, t3 := digest("other", time.Unix(1e9, 0)); d3 == d1 || t3 == t1 {
		t.Errorf("another content has the same name: %s %s", d3, t3)
	}
}

// The tag must change with whatever changes the image.
func TestEveryPartOfASpecNamesTheImage(t *testing.T) {
	t.Parallel()
	same, other := programs(t, "x"), programs(t, "y")
	base := "example.com/python@sha256:" + strings.Repeat("a", 64)
	file := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(file, []byte("1"), 0o600); err != nil {
		t.Fatal(err)
	}
	seen := map[string]int{}
	for i, s := range []image.Spec{
		{Programs: same}, {Programs: other}, {Programs: same, Name: "n"}, {Programs: same, Args: []string{"a", "b"}}, {Programs: same, Args: []string{"a b"}},
		{Programs: same, Env: []string{"A=1"}}, {Programs: same, Labels: map[string]string{"a": "b"}}, {Programs: same, Base: base},
		{Programs: same, WorkDir: "/x"}, {Programs: same, Copies: []image.Copy{{From: file, To: "/app/f"}}}, {Programs: same, Copies: []image.Copy{{From: file, To: "/app/g"}}},
		{Programs: map[image.Arch]string{image.ARM64: same[image.ARM64]}},
	} {
		tag := plan(t, s).Tag()
		if j, ok := seen[tag]; ok {
			t.Errorf("specs %d and %d are both %s", j, i, tag)
		}
		seen[tag] = i
	}
}

func TestAnUnchangedImageIsNeitherBuiltNorSent(t *testing.T) {
	t.Parallel()
	r := newRegistry(t)
	spec := image.Spec{Programs: programs(t, "v1")}
	first := push(t, plan(t, spec), r.host+"/w")
	// Two programs, one layer of certificates, two configurations.
	if first.Blobs != 5 || first.Bytes == 0 {
		t.Errorf("the first push sent %d blobs, %d bytes", first.Blobs, first.Bytes)
	}
	n := r.count()
	again := push(t, plan(t, spec), r.host+"/w")
	if !again.Unchanged || again.Reference != first.Reference || again.Blobs != 0 {
		t.Errorf("the second push: %+v, want %s unchanged", again, first.Reference)
	}
	if asked := r.since(n); slices.ContainsFunc(asked, func(q string) bool {
		return !strings.HasPrefix(q, "GET /v2/ ") && !strings.HasPrefix(q, "HEAD ") && q != "GET /v2/"
	}) {
		t.Errorf("the second push asked %v, want a look only", asked)
	}
	spec.Programs = programs(t, "v2")
	changed := push(t, plan(t, spec), r.host+"/w")
	if changed.Unchanged || changed.Blobs != 4 {
		t.Errorf("a changed program sent %d blobs, want its two layers and two configurations: the certificates are there", changed.Blobs)
	}
	if changed.Bytes >= first.Bytes {
		t.Errorf("a changed program sent %d bytes, the first push %d", changed.Bytes, first.Bytes)
	}
}

func TestOnABase(t *testing.T) {
	t.Parallel()
	r := newRegistry(t)
	// Our own image serves as a base: it has an index with both architectures.
	base := push(t, plan(t, image.Spec{Name: "base", Programs: programs(t, "base"), Env: []string{"LANG=C", "KEEP=1"}}), r.host+"/base").Reference
	dir := t.TempDir()
	if err := errors.Join(os.WriteFile(filepath.Join(dir, "sim.py"), []byte("print()"), 0o600), os.Symlink("sim.py", filepath.Join(dir, "link"))); err != nil {
		t.Fatal(err)
	}
	sent := push(t, plan(t, image.Spec{
		Name: "starburst", Base: base, Programs: programs(t, "worker"), Copies: []image.Copy{{From: dir, To: "/srv/app"}},
		Args: []string{"worker", "--exec", "--", "python3", "sim.py", "{}"}, Env: []string{"LANG=C.UTF-8"},
	}), r.host+"/w")
	img := pulled(t, sent.Reference, image.ARM64)
	c, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	if c.Config.WorkingDir != "/srv/app" || !slices.Contains(c.Config.Env, "LANG=C.UTF-8") || !slices.Contains(c.Config.Env, "KEEP=1") || slices.Contains(c.Config.Env, "LANG=C") {
		t.Errorf("starts in %s with %v", c.Config.WorkingDir, c.Config.Env)
	}
	if want := []string{"/usr/local/bin/starburst", "worker", "--exec", "--", "python3", "sim.py", "{}"}; !slices.Equal(c.Config.Entrypoint, want) {
		t.Errorf("entry point %q, want %q", c.Config.Entrypoint, want)
	}
	if c.Config.User != "65532:65532" {
		t.Errorf("runs as %q", c.Config.User)
	}
	files := unpack(t, img)
	if string(files["srv/app/sim.py"].content) != "print()" || files["srv/app/link"].Linkname != "sim.py" || files["app/base"].Size == 0 {
		t.Errorf("the image lacks the user's files or the base's: %d files", len(files))
	}
	if got, err := image.Architectures(t.Context(), sent.Reference, options()); err != nil || !slices.Equal(got, []image.Arch{image.AMD64, image.ARM64}) {
		t.Errorf("architectures %v, %v", got, err)
	}
	if got, err := image.Resolve(t.Context(), r.host+"/w:"+sent.Tag, options()); err != nil || got != sent.Reference {
		t.Errorf("the tag is %s, %v, want %s", got, err, sent.Reference)
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	arm := executable(t, elf.EM_AARCH64, "", false)
	script := filepath.Join(t.TempDir(), "run.sh")
	if err := os.WriteFile(script, []byte("#!/bin/sh\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name string
		spec image.Spec
		want string
	}{
		{"nothing", image.Spec{}, "needs a program"},
		{"another architecture", image.Spec{Programs: map[image.Arch]string{image.AMD64: arm}}, "is for linux/arm64, not an executable for linux/amd64: build it with GOOS=linux GOARCH=amd64"},
		{"a script", image.Spec{Programs: map[image.Arch]string{image.ARM64: script}}, "no Linux executable"},
		{"a dynamic executable", image.Spec{Programs: map[image.Arch]string{image.ARM64: executable(t, elf.EM_AARCH64, "", true)}}, "CGO_ENABLED=0"},
		{"no such file", image.Spec{Programs: map[image.Arch]string{image.ARM64: "/none"}}, "open the program"},
		{"a base by tag", image.Spec{Programs: map[image.Arch]string{image.ARM64: arm}, Base: "python:3.12"}, "not named by a digest"},
		{"a variable", image.Spec{Programs: map[image.Arch]string{image.ARM64: arm}, Env: []string{"=x"}}, "not NAME=value"},
		{"a copy of nothing", image.Spec{Programs: map[image.Arch]string{image.ARM64: arm}, Copies: []image.Copy{{From: "/none", To: "/app"}}}, "copy /none into the image"},
		{"a copy to the root", image.Spec{Programs: map[image.Arch]string{image.ARM64: arm}, Copies: []image.Copy{{From: script, To: "/"}}}, "name a folder below it"},
	} {
		if _, err := image.NewPlan(tc.spec); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v, want %q", tc.name, err, tc.want)
		}
	}
	if _, err := errors.AsType[*image.ArchError](image.CheckProgram(arm, image.AMD64)); !err {
		t.Error("a wrong architecture is no *ArchError")
	}
	r := newRegistry(t)
	if _, err := image.Resolve(t.Context(), r.host+"/none:x", options()); !image.IsNotFound(err) {
		t.Errorf("an image that is not there: %v", err)
	}
}

func TestParseCopy(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		text string
		want image.Copy
		bad  bool
	}{
		{text: "src", want: image.Copy{From: "src", To: "/app/src"}},
		{text: "./a/src:/srv", want: image.Copy{From: "./a/src", To: "/srv"}},
		{text: `C:\work\src`, want: image.Copy{From: `C:\work\src`, To: "/app/" + filepath.Base(`C:\work\src`)}},
		{text: "src:srv", bad: true},
		{text: ":/srv", bad: true},
	} {
		if got, err := image.ParseCopy(tc.text); (err != nil) != tc.bad || !tc.bad && got != tc.want {
			t.Errorf("%q: %+v, %v", tc.text, got, err)
		}
	}
}

// The toolchain's own program is small enough to be built in a test; nothing of this machine is in it.
func TestCompile(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "hello")
	for name, text := range map[string]string{"go.mod": "module example.com/hello\n\ngo 1.26\n", "main.go": "package main\n\nfunc main() { println(\"hello\") }\n"} {
		if err := errors.Join(os.MkdirAll(dir, 0o755), os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	c := image.Compiler{Cache: t.TempDir()}
	path, err := c.Build(t.Context(), dir, image.AMD64)
	if err != nil {
		t.Fatal(err)
	}
	if err := image.CheckProgram(path, image.AMD64); err != nil || filepath.Base(path) != "hello" {
		t.Errorf("%s: %v", path, err)
	}
	first, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(first), dir) {
		t.Error("the program tells where it was built")
	}
	r := newRegistry(t)
	sent := push(t, plan(t, image.Spec{Name: "hello", Programs: map[image.Arch]string{image.AMD64: path}}), r.host+"/w")
	files := unpack(t, pulled(t, sent.Reference, image.AMD64))
	if bom := string(files[strings.TrimPrefix(image.SBOMPath, "/")].content); !strings.Contains(bom, `"CycloneDX"`) || !strings.Contains(bom, "pkg:golang/std@go") {
		t.Errorf("SBOM %.200q", bom)
	}
	if err := os.WriteFile(filepath.Join(dir, "main.go"), []byte("package main\n\nfunc main() { undefined() }\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Build(t.Context(), dir, image.AMD64); err == nil || !strings.Contains(err.Error(), "undefined: undefined") {
		t.Errorf("a program that does not compile: %v", err)
	}
}
