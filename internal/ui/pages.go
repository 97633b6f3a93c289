package ui

import (
	"bytes"
	"context"
	"embed"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"html/template"
	"io/fs"
	"net/http"
	"strconv"
	"time"

	"github.com/starburst-go/starburst/internal/progress"
	"github.com/starburst-go/starburst/internal/view"
)

//go:embed static
var static embed.FS

//go:embed templates
var sources embed.FS

func parse() (*template.Template, error) {
	t, err := template.New("").Funcs(template.FuncMap{
		"count": progress.Count, "brief": view.Brief, "clock": view.Clock,
	}).ParseFS(sources, "templates/*.html")
	if err != nil {
		return nil, fmt.Errorf("the page's templates: %w", err)
	}
	return t, nil
}

// page is what one address shows.
type page struct {
	// name of its template. "name.part" for each of its parts is another, which is filled in anew when it changes.
	name  string
	parts []string
	make  func(ctx context.Context, r *http.Request) (content, error)
}

// content is what a page shows now.
type content struct {
	Title, Job, Tab string
	// Model fills in the templates, Document is the JSON of the address below /api.
	Model, Document any
	// Charts is the data of the page's drawings; nil when it has none.
	Charts any
	// Slow content changes rarely: it is over.
	Slow bool
}

// problem is an error as a page.
type problem struct {
	Status      int
	Title, Text string
}

func (p problem) Error() string { return p.Title + ": " + p.Text }

// frame is what every page has around it.
type frame struct {
	content
	Name     string
	Path     string
	Where    string
	CSRF     string
	ReadOnly bool
	Parts    map[string]part
}

// part is a piece of a page that is replaced when it changes.
type part struct {
	Name string        `json:"-"`
	Hash string        `json:"hash"`
	HTML template.HTML `json:"html"`
}

func (s *Server) handler() http.Handler {
	mux := http.NewServeMux()
	for pattern, p := range s.pages() {
		mux.HandleFunc("GET "+pattern, s.show(p))
		mux.HandleFunc("GET /api"+pattern, s.api(p))
		mux.HandleFunc("GET /events"+pattern, s.events(p))
	}
	s.actions(mux)
	files, err := fs.Sub(static, "static")
	if err != nil {
		panic(err) // the name is valid
	}
	mux.Handle("GET /static/", http.StripPrefix("/static/", cached(http.FileServerFS(files))))
	mux.Handle("GET /{$}", http.RedirectHandler("/jobs", http.StatusSeeOther))
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		s.fail(w, r, http.StatusNotFound, "There is no such page", "The address may have been cut off when it was copied.")
	})
	return s.guard.wrap(s, mux)
}

// cached lets a browser keep what the program has in it until it asks again with another program.
func cached(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "private, max-age=60")
		next.ServeHTTP(w, r)
	})
}

func (s *Server) pages() map[string]page {
	return map[string]page{
		"/jobs":                 {name: "jobs", parts: []string{"list"}, make: s.jobsPage},
		"/jobs/{job}":           {name: "job", parts: []string{"head", "notice", "cards", "waves", "stragglers", "errors"}, make: s.jobPage},
		"/jobs/{job}/workers":   {name: "workers", parts: []string{"head", "notice", "table"}, make: s.workersPage},
		"/jobs/{job}/failures":  {name: "failures", parts: []string{"head", "notice", "groups"}, make: s.failuresPage},
		"/jobs/{job}/decisions": {name: "decisions", parts: []string{"head", "notice", "table"}, make: s.decisionsPage},
		"/dead":                 {name: "dead", parts: []string{"notice", "list"}, make: s.deadPage},
	}
}

// patience is how long a page waits for what it shows; then it comes without, and the rest follows.
const patience = 400 * time.Millisecond

func (s *Server) show(p page) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), patience)
		defer cancel()
		c, err := p.make(ctx, r)
		if err != nil {
			s.failWith(w, r, err)
			return
		}
		f := s.frame(r, p.name, c)
		if f.Parts, err = s.fill(p, f); err != nil {
			s.failWith(w, r, err)
			return
		}
		s.render(w, http.StatusOK, p.name, f)
	}
}

func (s *Server) frame(r *http.Request, name string, c content) frame {
	path := r.URL.Path
	if q := r.URL.RawQuery; q != "" {
		path += "?" + q
	}
	return frame{content: c, Name: name, Path: path, Where: s.cfg.Where, CSRF: s.guard.csrf, ReadOnly: s.cfg.ReadOnly}
}

// fill makes the parts of a page.
func (s *Server) fill(p page, f frame) (map[string]part, error) {
	parts := make(map[string]part, len(p.parts))
	for _, name := range p.parts {
		id := p.name + "." + name
		if s.templates.Lookup(id) == nil {
			id = "any." + name
		}
		var b bytes.Buffer
		if err := s.templates.ExecuteTemplate(&b, id, f); err != nil {
			return nil, fmt.Errorf("fill in %s: %w", id, err)
		}
		parts[name] = part{Name: name, Hash: hashOf(b.String()), HTML: template.HTML(b.String())} //nolint:gosec // what html/template made
	}
	return parts, nil
}

// hashOf tells texts apart.
func hashOf(text string) string {
	h := fnv.New64a()
	_, _ = h.Write([]byte(text)) // never fails
	return strconv.FormatUint(h.Sum64(), 36)
}

func (s *Server) render(w http.ResponseWriter, status int, name string, f frame) {
	f.Name = name
	var b bytes.Buffer
	if err := s.templates.ExecuteTemplate(&b, name, f); err != nil {
		s.cfg.Log.Error("fill in a page", "page", name, "error", err)
		http.Error(w, "the page cannot be made", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes()) // the reader may have gone
}

// fail answers with a page, or with JSON to who asked for that.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, status int, title, text string) {
	s.failWith(w, r, problem{status, title, text})
}

func (s *Server) failWith(w http.ResponseWriter, r *http.Request, err error) {
	p, known := err.(problem) //nolint:errorlint // ours, and never wrapped
	if !known {
		s.cfg.Log.Warn("make a page", "path", r.URL.Path, "error", err)
		p = problem{http.StatusBadGateway, "The stack does not answer", err.Error()}
	}
	if isAPI(r) {
		writeJSON(w, p.Status, map[string]string{"schema": "starburst.error/v1", "error": p.Title, "why": p.Text})
		return
	}
	f := s.frame(r, "error", content{Title: p.Title, Model: p})
	s.render(w, p.Status, "error", f)
}

func isAPI(r *http.Request) bool {
	return len(r.URL.Path) > 5 && r.URL.Path[:5] == "/api/" || len(r.URL.Path) > 8 && r.URL.Path[:8] == "/events/"
}

func (s *Server) api(p page) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		c, err := p.make(r.Context(), r)
		if err != nil {
			s.failWith(w, r, err)
			return
		}
		writeJSON(w, http.StatusOK, c.Document)
	}
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	b, err := json.Marshal(v)
	if err != nil {
		http.Error(w, "it cannot be written as JSON", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(append(b, '\n')) // the reader may have gone
}
