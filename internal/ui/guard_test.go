package ui

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/starburst-go/starburst/internal/exit"
)

func TestOnlyTheLoopbackInterfaceIsServed(t *testing.T) {
	t.Parallel()
	for _, addr := range []string{"0.0.0.0:0", ":0", "[::]:0", "192.0.2.1:0", "example.org:0", "127.0.0.1", "127.0.0.1:99999"} {
		page, err := Listen(t.Context(), addr, Config{Store: setup()})
		if err == nil {
			page.Close()
		}
		if exit.CodeOf(err) != exit.Usage || exit.HintOf(err) == "" {
			t.Errorf("%s: %v; want it refused with a hint", addr, err)
		}
	}
	page, err := Listen(t.Context(), "localhost:0", Config{Store: setup()})
	if err != nil {
		t.Fatal(err)
	}
	page.Close()
}

// Each request is as the page's own but for what the case changes.
func TestWhoIsLetIn(t *testing.T) {
	t.Parallel()
	b := start(t, Config{Store: setup()})
	port := b.base[strings.LastIndexByte(b.base, ':'):]
	for _, c := range []struct {
		because string
		path    string
		change  func(*http.Request)
		want    int
	}{
		{"the page's own", "/jobs", func(*http.Request) {}, 200},
		{"by another of its names", "/jobs", func(r *http.Request) { r.Host = "localhost" + port }, 200},
		{"no cookie", "/jobs", func(r *http.Request) { r.Header.Set("Cookie", "") }, 401},
		{"no cookie, JSON", "/api/jobs", func(r *http.Request) { r.Header.Set("Cookie", "") }, 401},
		{"no cookie, stream", "/events/jobs", func(r *http.Request) { r.Header.Set("Cookie", "") }, 401},
		{"somebody's cookie", "/jobs", func(r *http.Request) { r.Header.Set("Cookie", b.page.guard.cookie+"=guess") }, 401},
		{"the token instead of the cookie", "/jobs?token=" + b.page.guard.token, func(r *http.Request) { r.Header.Set("Cookie", "") }, 401},
		{"a wrong token", "/?token=guess", func(r *http.Request) { r.Header.Set("Cookie", "") }, 401},
		{"a name of somebody's that points here", "/jobs", func(r *http.Request) { r.Host = "evil.example" + port }, 421},
		{"a name of somebody's, with the token", "/?token=" + b.page.guard.token, func(r *http.Request) { r.Host = "evil.example" + port }, 421},
		{"another port", "/jobs", func(r *http.Request) { r.Host = "127.0.0.1:1" }, 421},
		{"no port", "/jobs", func(r *http.Request) { r.Host = "127.0.0.1" }, 421},
		{"another site's script", "/api/jobs", func(r *http.Request) { r.Header.Set("Origin", "https://evil.example") }, 403},
		{"a page without a site", "/api/jobs", func(r *http.Request) { r.Header.Set("Origin", "null") }, 403},
		{"another method", "/jobs", func(r *http.Request) { r.Method = http.MethodDelete; r.Header.Set("Origin", b.base) }, 405},
	} {
		r := b.request(http.MethodGet, c.path, nil)
		session := b.http.Jar.Cookies(r.URL)
		r.Header.Set("Cookie", session[0].Name+"="+session[0].Value)
		c.change(r)
		jarless := &http.Client{Transport: b.http.Transport, CheckRedirect: b.http.CheckRedirect}
		res, err := jarless.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		if res.StatusCode != c.want {
			t.Errorf("%s: %d, want %d", c.because, res.StatusCode, c.want)
		}
	}
}

func TestTheTokenBecomesACookie(t *testing.T) {
	t.Parallel()
	b := start(t, Config{Store: setup()})
	answer, body := b.do(b.request(http.MethodGet, "/?token="+b.page.guard.token, nil))
	cookie := answer.header.Get("Set-Cookie")
	for _, want := range []string{"HttpOnly", "SameSite=Strict", "Path=/"} {
		if !strings.Contains(cookie, want) {
			t.Errorf("the cookie %q lacks %s", cookie, want)
		}
	}
	if strings.Contains(cookie, b.page.guard.token) || strings.Contains(body, b.page.guard.token) {
		t.Error("the token goes on")
	}
	if other := start(t, Config{Store: setup()}); other.page.guard.token == b.page.guard.token || other.page.guard.cookie == b.page.guard.cookie {
		t.Error("two pages have one token, or one cookie")
	}
}

func TestHeaders(t *testing.T) {
	t.Parallel()
	b := start(t, Config{Store: setup()})
	for _, path := range []string{"/jobs", "/jobs/j", "/jobs/nosuch", "/nosuch", "/dead", "/api/jobs", "/static/page.css"} {
		answer, body := b.do(b.request(http.MethodGet, path, nil))
		if got := answer.header.Get("Content-Security-Policy"); !strings.HasPrefix(got, "default-src 'self';") || strings.Contains(got, "unsafe") || !strings.Contains(got, "frame-ancestors 'none'") {
			t.Errorf("%s: policy %q", path, got)
		}
		if answer.header.Get("X-Content-Type-Options") != "nosniff" || answer.header.Get("Referrer-Policy") != "same-origin" {
			t.Errorf("%s: headers %v", path, answer.header)
		}
		if strings.Contains(body, " style=") || strings.Contains(body, "<style") || strings.Contains(body, "onclick") {
			t.Errorf("%s has style or script in it, which the policy refuses", path)
		}
	}
}

func TestActionsNeedTheFormsToken(t *testing.T) {
	t.Parallel()
	acted := make(chan string, 10)
	act := func(_ context.Context, job string) (string, error) { acted <- job; return "done", nil }
	b := start(t, Config{Store: setup(), Retry: act, Cancel: act})
	for _, c := range []struct {
		because string
		csrf    string
		change  func(*http.Request)
		want    int
	}{
		{"no token", "", nil, 403},
		{"a guess", "guess", nil, 403},
		{"the cookie's", b.page.guard.session, nil, 403},
		{"another site's form", b.page.guard.csrf, func(r *http.Request) { r.Header.Set("Origin", "https://evil.example") }, 403},
		{"no origin", b.page.guard.csrf, func(r *http.Request) { r.Header.Del("Origin") }, 403},
		{"an origin that hides itself", b.page.guard.csrf, func(r *http.Request) { r.Header.Set("Origin", "null") }, 403},
		{"another page of this machine", b.page.guard.csrf, func(r *http.Request) { r.Header.Set("Origin", "http://127.0.0.1:1") }, 403},
		{"a browser that says cross-site", b.page.guard.csrf, func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") }, 403},
	} {
		if code, body := b.post("/jobs/j/retry", url.Values{"csrf": {c.csrf}}, c.change); code != c.want {
			t.Errorf("%s: %d, want %d: %s", c.because, code, c.want, body)
		}
	}
	select {
	case job := <-acted:
		t.Fatalf("something was done to %s", job)
	default:
	}
	if code, _ := b.post("/jobs/j/retry", nil, nil); code != http.StatusSeeOther {
		t.Errorf("the page's own form: %d", code)
	}
	if job := <-acted; job != "j" {
		t.Errorf("something was done to %s; want j", job)
	}
}

func TestReadOnlyRefusesActions(t *testing.T) {
	t.Parallel()
	act := func(context.Context, string) (string, error) { t.Error("it acted"); return "", nil }
	q := &queue{dead: 3}
	b := start(t, Config{Store: setup(), ReadOnly: true, Retry: act, Cancel: act, Dead: func(context.Context) (DeadLetters, error) { return q, nil }})
	for _, path := range []string{"/jobs/j/retry", "/jobs/j/cancel", "/dead/redrive", "/dead/stop"} {
		if code, body := b.post(path, nil, nil); code != http.StatusForbidden || !strings.Contains(body, "read-only") {
			t.Errorf("%s: %d %s", path, code, body)
		}
	}
	for _, path := range []string{"/jobs/j", "/jobs/j/failures", "/dead"} {
		if _, body := b.get(path); strings.Contains(body, `method="post"`) {
			t.Errorf("%s has a button for what is refused", path)
		}
	}
}

func TestBodiesAreBounded(t *testing.T) {
	t.Parallel()
	b := start(t, Config{Store: setup(), Retry: func(context.Context, string) (string, error) { return "", nil }})
	if code, _ := b.post("/jobs/j/retry", url.Values{"x": {strings.Repeat("x", maxBody)}}, nil); code != http.StatusRequestEntityTooLarge {
		t.Errorf("a large form: %d", code)
	}
	r := b.request(http.MethodGet, "/jobs", nil)
	r.Header.Set("X-Large", strings.Repeat("x", 3*maxHeader))
	if answer, _ := b.do(r); answer.code != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("a large head: %d", answer.code)
	}
	if code, _ := b.get("/jobs/" + strings.Repeat("x", maxID+1)); code != http.StatusNotFound {
		t.Errorf("a long name: %d", code)
	}
}

// Who connects and says nothing is not waited for.
func TestSlowHeadsAreCutOff(t *testing.T) {
	t.Parallel()
	b := start(t, Config{Store: setup()})
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", strings.TrimPrefix(b.base, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }() // the server has
	if _, err := fmt.Fprint(conn, "GET /jobs HTTP/1.1\r\n"); err != nil {
		t.Fatal(err)
	}
	if err := conn.SetReadDeadline(time.Now().Add(12 * headerTimeout)); err != nil {
		t.Fatal(err)
	}
	_, err = bufio.NewReader(conn).ReadString(0)
	if timeout, is := err.(net.Error); is && timeout.Timeout() { //nolint:errorlint // the reader returns it as it is
		t.Error("the connection is still open")
	}
}
