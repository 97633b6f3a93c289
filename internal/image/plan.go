package image

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// Spec says what is to be in an image.
type Spec struct {
	// Name is the program's, for labels and its place in the image. Default: "worker".
	Name string
	// Programs are executables for Linux, without libraries, one for each architecture that the image is for. Required.
	Programs map[Arch]string
	// Base is the image below, by digest: python@sha256:…. Default: none; the program needs nothing but itself.
	Base string
	// Copies are the user's files, a layer each. They need a base unless the program is all that runs.
	Copies []Copy
	// Args follow the program's name in the entry point.
	Args []string
	// Env are NAME=value for every process in the image; STARBURST_ROLE=worker is there without saying.
	Env []string
	// Labels are added to the usual ones.
	Labels map[string]string
	// WorkDir is where the program starts. Default: "/" without a base, else the first folder copied, else the base's.
	WorkDir string
}

// Plan is an image that has its name already, and is packed when it is asked for.
type Plan struct {
	spec Spec
	// arches are those of the image, in order.
	arches      []Arch
	layers      map[Arch][]*layer
	fingerprint string
}

// formatVersion is part of the fingerprint: raise it when the same Spec gives other bytes.
const formatVersion = 1

// NewPlan reads what goes into the image and names it. Nothing is compressed yet.
func NewPlan(s Spec) (*Plan, error) {
	s.Name = cmp.Or(s.Name, "worker")
	if err := s.validate(); err != nil {
		return nil, err
	}
	p := &Plan{spec: s, layers: map[Arch][]*layer{}}
	common, err := s.commonLayers()
	if err != nil {
		return nil, err
	}
	for _, a := range arches {
		if s.Programs[a] == "" {
			continue
		}
		program, err := s.programLayer(a)
		if err != nil {
			return nil, err
		}
		p.arches = append(p.arches, a)
		// What changes most often comes last.
		p.layers[a] = append(slices.Clone(common), program)
	}
	p.fingerprint, err = p.hash()
	return p, err
}

func (s Spec) validate() error {
	if len(s.Programs) == 0 {
		return errors.New("an image needs a program")
	}
	for a, program := range s.Programs {
		if !slices.Contains(arches, a) {
			return fmt.Errorf("architecture %q is not known", a)
		}
		if err := CheckProgram(program, a); err != nil {
			return err
		}
	}
	if strings.ContainsAny(s.Name, "/\x00") {
		return fmt.Errorf("the program's name %q has a slash", s.Name)
	}
	for _, kv := range s.Env {
		if name, _, ok := strings.Cut(kv, "="); !ok || name == "" {
			return fmt.Errorf("the variable %q is not NAME=value", kv)
		}
	}
	if s.Base != "" {
		_, err := baseOf(s.Base)
		return err
	}
	return nil
}

// commonLayers are the same on all architectures.
func (s Spec) commonLayers() ([]*layer, error) {
	var all []*layer
	if s.Base == "" {
		all = append(all, newLayer("certificates and user", system()))
	}
	for _, c := range s.Copies {
		entries, err := collect(c)
		if err != nil {
			return nil, err
		}
		all = append(all, newLayer(c.To, entries))
	}
	return all, nil
}

func (s Spec) programLayer(a Arch) (*layer, error) {
	program, err := fileFrom(strings.TrimPrefix(s.programPath(), "/"), 0o755, s.Programs[a])
	if err != nil {
		return nil, fmt.Errorf("read the program: %w", err)
	}
	entries := []entry{program}
	list, err := sbom(s.Programs[a])
	if err != nil {
		return nil, err
	}
	if list != nil {
		entries = append(entries, fileOf(strings.TrimPrefix(SBOMPath, "/"), list))
	}
	return newLayer("the program for "+string(a), entries), nil
}

// programPath is where the program is: where a search finds it when it shares the image with others.
func (s Spec) programPath() string {
	if s.Base == "" {
		return "/app/" + s.Name
	}
	return "/usr/local/bin/" + s.Name
}

func (s Spec) workDir() string {
	switch {
	case s.WorkDir != "":
		return s.WorkDir
	case s.Base != "" && len(s.Copies) > 0:
		return path.Clean(s.Copies[0].To)
	}
	return ""
}

// hash is the environment hash: of all that the image is made from.
func (p *Plan) hash() (string, error) {
	type file struct{ Name, Mode, Link, Sum string }
	type content struct {
		Version int
		Spec    any
		Arch    Arch
		Layers  [][]file
	}
	h := sha256.New()
	enc := json.NewEncoder(h)
	for _, a := range p.arches {
		c := content{Version: formatVersion, Arch: a, Spec: []any{p.spec.Name, p.spec.Base, p.spec.Args, p.spec.Env, p.spec.Labels, p.spec.workDir()}}
		for _, l := range p.layers[a] {
			var files []file
			for i := range l.entries {
				e := &l.entries[i]
				files = append(files, file{e.name, e.mode.String(), e.link, hex.EncodeToString(e.sum[:])})
			}
			c.Layers = append(c.Layers, files)
		}
		if err := enc.Encode(c); err != nil {
			return "", fmt.Errorf("name the image: %w", err)
		}
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// Tag is the name of this very content in a repository; with a repository of immutable tags it can never be another.
func (p *Plan) Tag() string { return "sb-" + p.fingerprint[:24] }

// Label names of ours.
const (
	LabelFingerprint = "dev.starburst.fingerprint"
	LabelSBOM        = "dev.starburst.sbom"
)

func (p *Plan) labels() map[string]string {
	l := map[string]string{
		"org.opencontainers.image.title":       p.spec.Name,
		"org.opencontainers.image.description": "Starburst worker",
		LabelFingerprint:                       p.fingerprint,
		LabelSBOM:                              SBOMPath,
	}
	if p.spec.Base != "" {
		l["org.opencontainers.image.base.name"] = p.spec.Base
	}
	maps.Copy(l, p.spec.Labels)
	return l
}

// configure fills in what the image says of itself. A base's own variables stay, unless Env names them.
func (p *Plan) configure(c *v1.Config) {
	s := p.spec
	c.Entrypoint, c.Cmd = append([]string{s.programPath()}, s.Args...), nil
	c.Env = merged(c.Env, append([]string{"STARBURST_ROLE=worker"}, s.Env...))
	if c.Labels == nil {
		c.Labels = map[string]string{}
	}
	maps.Copy(c.Labels, p.labels())
	if c.Volumes == nil {
		c.Volumes = map[string]struct{}{}
	}
	// With a read-only root, ECS gives a volume the mode that it has in the image.
	c.Volumes["/tmp"] = struct{}{}
	c.User = fmt.Sprintf("%d:%d", User, User)
	c.WorkingDir = cmp.Or(s.workDir(), c.WorkingDir, "/")
	if s.Base == "" {
		c.Env = merged([]string{"PATH=/usr/local/bin:/usr/bin:/bin:/app", "SSL_CERT_FILE=/" + certificates}, c.Env)
	}
}

// merged adds variables; a name that is there already gets the new value in its place.
func merged(env, more []string) []string {
	env = slices.Clone(env)
	for _, kv := range more {
		name, _, _ := strings.Cut(kv, "=")
		if i := slices.IndexFunc(env, func(have string) bool { return strings.HasPrefix(have, name+"=") }); i >= 0 {
			env[i] = kv
			continue
		}
		env = append(env, kv)
	}
	return env
}
