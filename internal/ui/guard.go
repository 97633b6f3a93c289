package ui

import (
	"crypto/rand"
	"crypto/subtle"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// guard lets in who knows the token, and only as this page.
//
// Another page in the same browser can send requests to this machine, too: hence the cookie that only this site sends (SameSite), the
// Host (a name of somebody's that points here), the Origin, and the token of forms. Other users of the machine can connect: hence the token.
type guard struct {
	token, session, csrf string
	addr                 string
	hosts                []string
	cookie               string
	readOnly             bool
}

func newGuard(addr net.Addr, readOnly bool) (*guard, error) {
	_, port, err := net.SplitHostPort(addr.String())
	if err != nil {
		return nil, fmt.Errorf("the page's address %s: %w", addr, err)
	}
	hosts := []string{addr.String()}
	for _, h := range []string{"127.0.0.1", "localhost", "::1"} {
		hosts = append(hosts, net.JoinHostPort(h, port))
	}
	// Cookies do not tell ports apart: two pages of one machine have two names.
	return &guard{token: rand.Text(), session: rand.Text(), csrf: rand.Text(), addr: addr.String(), hosts: hosts, cookie: "starburst_" + port, readOnly: readOnly}, nil
}

func (g *guard) url() string { return "http://" + g.addr + "/?token=" + g.token }

// policy allows what this site serves, and nothing that is written into the page.
const policy = "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'"

// wrap guards a handler.
func (g *guard) wrap(s *Server, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "same-origin") // no-referrer would make the Origin of forms null
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		switch {
		case !slices.Contains(g.hosts, r.Host):
			http.Error(w, "this is not a name of the page", http.StatusMisdirectedRequest)
		case !g.ownOrigin(r):
			http.Error(w, "the request comes from another site", http.StatusForbidden)
		case r.URL.Path == "/" && same(r.URL.Query().Get("token"), g.token):
			g.admit(w)
			s.render(w, http.StatusOK, "enter", frame{content: content{Title: "Starburst"}})
		case strings.HasPrefix(r.URL.Path, "/static/"): // the same in every copy of the program
			next.ServeHTTP(w, r)
		case !g.known(r):
			s.render(w, http.StatusUnauthorized, "locked", frame{content: content{Title: "Not open"}})
		case r.Method != http.MethodGet && r.Method != http.MethodHead && !g.mayAct(s, w, r):
		default:
			next.ServeHTTP(w, r)
		}
	})
}

// admit makes a cookie of the token. A page that goes on by itself follows: a redirect would not bring the cookie along when somebody
// comes from a link elsewhere.
func (g *guard) admit(w http.ResponseWriter) {
	http.SetCookie(w, &http.Cookie{Name: g.cookie, Value: g.session, Path: "/", HttpOnly: true, SameSite: http.SameSiteStrictMode}) //nolint:gosec // http on the loopback interface: Secure would keep it from being sent
}

func (g *guard) known(r *http.Request) bool {
	c, err := r.Cookie(g.cookie)
	return err == nil && same(c.Value, g.session)
}

// ownOrigin reports whether a request comes from this page: browsers say so with those that change something.
func (g *guard) ownOrigin(r *http.Request) bool {
	if site := r.Header.Get("Sec-Fetch-Site"); r.Method == http.MethodPost && site != "" && site != "same-origin" {
		return false
	}
	origin := r.Header.Get("Origin")
	if origin == "" {
		return r.Method != http.MethodPost
	}
	u, err := url.Parse(origin)
	return err == nil && u.Scheme == "http" && u.Host == r.Host
}

// mayAct judges a request that changes something, and answers those that may not.
func (g *guard) mayAct(s *Server, w http.ResponseWriter, r *http.Request) bool {
	switch {
	case r.Method != http.MethodPost:
		http.Error(w, "GET and POST are what is understood", http.StatusMethodNotAllowed)
	case g.readOnly:
		s.fail(w, r, http.StatusForbidden, "The page is read-only", "It was started with --read-only: nothing can be changed from here.")
	case r.ParseForm() != nil:
		s.fail(w, r, http.StatusRequestEntityTooLarge, "The form cannot be read", "It is larger than "+strconv.Itoa(maxBody)+" bytes, or no form.")
	case !same(r.PostForm.Get("csrf"), g.csrf):
		s.fail(w, r, http.StatusForbidden, "The form is an old one", "It was loaded from an earlier run of the page. Load it again.")
	default:
		return true
	}
	return false
}

func same(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }
