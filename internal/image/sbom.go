package image

import (
	"debug/buildinfo"
	"encoding/json"
	"fmt"
	"runtime/debug"
)

// SBOMPath is where an image lists what its executable is made of, in CycloneDX's JSON.
const SBOMPath = "/usr/share/sbom/starburst.cdx.json"

type bom struct {
	Format     string      `json:"bomFormat"`
	Spec       string      `json:"specVersion"`
	Version    int         `json:"version"`
	Metadata   bomMetadata `json:"metadata"`
	Components []component `json:"components"`
}

type bomMetadata struct {
	Component component `json:"component"`
}

type component struct {
	Type       string     `json:"type"`
	Name       string     `json:"name"`
	Version    string     `json:"version,omitempty"`
	PURL       string     `json:"purl,omitempty"`
	Properties []property `json:"properties,omitempty"`
}

type property struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// sbom lists the modules that the Go toolchain noted in an executable; nil for one that is not Go's.
// It holds no time and no serial number: the same executable has the same list.
func sbom(path string) ([]byte, error) {
	info, err := buildinfo.ReadFile(path)
	if err != nil {
		return nil, nil //nolint:nilerr,nilnil // not a Go program: there is no list, and that is no failure
	}
	b := bom{
		Format: "CycloneDX", Spec: "1.6", Version: 1,
		Metadata:   bomMetadata{component{Type: "application", Name: info.Path, Version: info.Main.Version}},
		Components: []component{{Type: "library", Name: "std", Version: info.GoVersion, PURL: "pkg:golang/std@" + info.GoVersion}},
	}
	for _, m := range info.Deps {
		b.Components = append(b.Components, moduleOf(m))
	}
	out, err := json.MarshalIndent(b, "", " ")
	if err != nil {
		return nil, fmt.Errorf("list the modules of %s: %w", path, err)
	}
	return append(out, '\n'), nil
}

func moduleOf(m *debug.Module) component {
	if m.Replace != nil {
		m = m.Replace
	}
	c := component{Type: "library", Name: m.Path, Version: m.Version}
	if m.Version != "" {
		c.PURL = "pkg:golang/" + m.Path + "@" + m.Version
	}
	if m.Sum != "" {
		c.Properties = []property{{Name: "go:sum", Value: m.Sum}}
	}
	return c
}
