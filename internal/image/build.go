package image

import (
	"context"
	"fmt"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// NoDigestError says that a base is named by what may mean something else tomorrow.
type NoDigestError struct{ Base string }

// Error says how to name it.
func (e *NoDigestError) Error() string {
	return fmt.Sprintf("the base %q is not named by a digest: what a tag means changes, and with it what your tasks run on", e.Base)
}

// baseOf reads a base's name; the error is a *NoDigestError for a tag.
func baseOf(text string) (name.Digest, error) {
	ref, err := name.ParseReference(text)
	if err != nil {
		return name.Digest{}, fmt.Errorf("the base image %q: %w", text, err)
	}
	d, ok := ref.(name.Digest)
	if !ok {
		return d, &NoDigestError{text}
	}
	return d, nil
}

// Index packs the image for all its architectures. A base is asked for at its registry.
func (p *Plan) Index(ctx context.Context, o PushOptions) (v1.ImageIndex, error) {
	index := mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	for _, a := range p.arches {
		img, err := p.image(ctx, a, o)
		if err != nil {
			return nil, fmt.Errorf("build the image for %s: %w", a, err)
		}
		index = mutate.AppendManifests(index, mutate.IndexAddendum{
			Add:        img,
			Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: string(a)}},
		})
	}
	return index, nil
}

func (p *Plan) image(ctx context.Context, a Arch, o PushOptions) (v1.Image, error) {
	img := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	if p.spec.Base != "" {
		ref, err := baseOf(p.spec.Base)
		if err != nil {
			return nil, err
		}
		platform := v1.Platform{OS: "linux", Architecture: string(a)}
		if img, err = remote.Image(ref, append(o.remote(ctx), remote.WithPlatform(platform))...); err != nil {
			return nil, o.explain("read the base image", p.spec.Base, err)
		}
	}
	epoch := v1.Time{Time: time.Unix(0, 0).UTC()}
	var adds []mutate.Addendum
	for _, l := range p.layers[a] {
		adds = append(adds, mutate.Addendum{Layer: l, MediaType: types.OCILayer, History: v1.History{CreatedBy: "starburst image: " + l.what, Created: epoch}})
	}
	img, err := mutate.Append(img, adds...)
	if err != nil {
		return nil, err
	}
	file, err := img.ConfigFile()
	if err != nil {
		return nil, err
	}
	if p.spec.Base != "" && file.Architecture != string(a) {
		return nil, fmt.Errorf("the base %s has no image for linux/%s; it is for %s", p.spec.Base, a, file.Architecture)
	}
	file = file.DeepCopy()
	file.Architecture, file.OS, file.Created = string(a), "linux", epoch
	p.configure(&file.Config)
	return mutate.ConfigFile(img, file)
}

// Size of an image.
type Size struct {
	Arch Arch `json:"arch"`
	// Compressed counts the bytes of all layers as a registry has them; Own those that are not the base's.
	Compressed int64 `json:"compressed_bytes"`
	Own        int64 `json:"own_bytes"`
}

// Sizes counts the bytes of each architecture's image.
func (p *Plan) Sizes(index v1.ImageIndex) ([]Size, error) {
	manifest, err := index.IndexManifest()
	if err != nil {
		return nil, err
	}
	var all []Size
	for i, d := range manifest.Manifests {
		s := Size{Arch: p.arches[i]}
		img, err := index.Image(d.Digest)
		if err != nil {
			return nil, err
		}
		m, err := img.Manifest()
		if err != nil {
			return nil, err
		}
		for _, l := range m.Layers {
			s.Compressed += l.Size
		}
		for _, l := range p.layers[s.Arch] {
			n, err := l.Size()
			if err != nil {
				return nil, err
			}
			s.Own += n
		}
		all = append(all, s)
	}
	return all, nil
}

// WriteLayout writes the image into a folder in OCI's image layout, which other tools read.
func WriteLayout(dir string, index v1.ImageIndex) error {
	if _, err := layout.Write(dir, index); err != nil {
		return fmt.Errorf("write the image into %s: %w", dir, err)
	}
	return nil
}
