package image

import (
	"cmp"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// Copy puts a file or folder of the user's into the image, as a layer of its own.
type Copy struct {
	// From is on this machine, To its absolute path in the image. A folder's
	// content goes below To; .git, __pycache__, node_modules/.cache and .venv stay out.
	From, To string
}

// ParseCopy reads FROM:TO, or FROM alone, which goes to /app/NAME.
func ParseCopy(text string) (Copy, error) {
	i := strings.LastIndexByte(text, ':')
	if i < 0 || i == 1 && strings.HasPrefix(text[2:], `\`) { // C:\work is one path
		return Copy{From: text, To: "/app/" + filepath.Base(text)}, nil
	}
	c := Copy{From: text[:i], To: text[i+1:]}
	if c.From == "" || !path.IsAbs(c.To) {
		return Copy{}, fmt.Errorf("%q: want FROM:TO, with an absolute path in the image after the colon", text)
	}
	return c, nil
}

// entry is a file of a layer.
type entry struct {
	name string // without a slash in front
	mode fs.FileMode
	from string // the file on this machine; "" takes data
	data []byte
	link string // the target of a symbolic link
	size int64
	sum  [sha256.Size]byte // of the content
}

// open returns the content.
func (e *entry) open() (io.ReadCloser, error) {
	if e.from == "" {
		return io.NopCloser(strings.NewReader(string(e.data))), nil
	}
	return os.Open(e.from)
}

// fileOf is a file that is made here and that everybody may read.
func fileOf(name string, data []byte) entry {
	return entry{name: name, mode: 0o644, data: data, size: int64(len(data)), sum: sha256.Sum256(data)}
}

func folder(name string, mode fs.FileMode) entry { return entry{name: name, mode: mode | fs.ModeDir} }

// fileFrom reads size and sum of a file of this machine.
func fileFrom(name string, mode fs.FileMode, from string) (entry, error) {
	f, err := os.Open(from)
	if err != nil {
		return entry{}, err
	}
	defer func() { _ = f.Close() }() // it was only read
	h := sha256.New()
	n, err := io.Copy(h, f)
	if err != nil {
		return entry{}, fmt.Errorf("read %s: %w", from, err)
	}
	e := entry{name: name, mode: mode, from: from, size: n}
	h.Sum(e.sum[:0])
	return e, nil
}

// left out wherever they are: they hold no part of a program, and change by themselves.
var leftOut = map[string]bool{".git": true, "__pycache__": true, ".venv": true, ".DS_Store": true, ".Rproj.user": true, ".terraform": true}

// maxFiles bounds a copy: whoever names / by mistake learns of it at once.
const maxFiles = 200_000

// collect lists what a Copy puts into the image.
func collect(c Copy) ([]entry, error) {
	to := strings.TrimPrefix(path.Clean(c.To), "/")
	if to == "" {
		return nil, fmt.Errorf("copy %s to /: name a folder below it", c.From)
	}
	var all []entry
	err := filepath.WalkDir(c.From, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if leftOut[d.Name()] && p != c.From {
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		rel, err := filepath.Rel(c.From, p)
		if err != nil {
			return err
		}
		e, err := entryOf(path.Join(to, filepath.ToSlash(rel)), p, d)
		if err == nil {
			all = append(all, e)
		}
		if len(all) > maxFiles {
			err = fmt.Errorf("more than %d files", maxFiles)
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("copy %s into the image: %w", c.From, err)
	}
	return withParents(all), nil
}

// entryOf describes a file by what matters in the image: whether it can be run, not who owns it here.
func entryOf(name, from string, d fs.DirEntry) (entry, error) {
	info, err := d.Info()
	if err != nil {
		return entry{}, err
	}
	switch mode := info.Mode(); {
	case mode.IsDir():
		return folder(name, 0o755), nil
	case mode&fs.ModeSymlink != 0:
		link, err := os.Readlink(from)
		return entry{name: name, mode: fs.ModeSymlink | 0o777, link: filepath.ToSlash(link), sum: sha256.Sum256([]byte(link))}, err
	case !mode.IsRegular():
		return entry{}, fmt.Errorf("%s is neither a file nor a folder nor a link", from)
	case mode&0o111 != 0:
		return fileFrom(name, 0o755, from)
	}
	return fileFrom(name, 0o644, from)
}

// withParents sorts entries and adds the folders above them.
func withParents(all []entry) []entry {
	have := map[string]bool{}
	for i := range all {
		have[all[i].name] = true
	}
	for i := range slices.Clone(all) {
		for dir := path.Dir(all[i].name); dir != "."; dir = path.Dir(dir) {
			if !have[dir] {
				have[dir] = true
				all = append(all, folder(dir, 0o755))
			}
		}
	}
	slices.SortFunc(all, func(a, b entry) int { return cmp.Compare(a.name, b.name) })
	return all
}

var errEmptyLayer = errors.New("a layer without files")
