package ecsagent_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/starburst-go/starburst/internal/ecsagent"
)

// protector is an agent whose protection endpoint answers as given and notes what it was asked.
func protector(t *testing.T, answer string, status int) (*ecsagent.Agent, *[]string) {
	t.Helper()
	var asked []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		asked = append(asked, r.Method+" "+r.URL.Path+" "+string(body))
		w.WriteHeader(status)
		_, _ = fmt.Fprint(w, answer)
	}))
	t.Cleanup(server.Close)
	env := map[string]string{"ECS_CONTAINER_METADATA_URI_V4": server.URL + "/v4/x", "ECS_AGENT_URI": server.URL + "/api/x"}
	a, _ := ecsagent.FromEnv(func(name string) string { return env[name] }, server.Client())
	return a, &asked
}

// Answers as the ECS developer guide shows them.
const (
	isProtected  = `{"protection":{"ExpirationDate":"2026-11-24T10:00:00Z","ProtectionEnabled":true,"TaskArn":"arn"},"requestID":"1"}`
	notProtected = `{"protection":{"ExpirationDate":null,"ProtectionEnabled":false,"TaskArn":"arn"}}`
	notOfService = `{"failure":{"Arn":"arn","Detail":null,"Reason":"TASK_NOT_VALID"}}`
	denied       = `{"error":{"Arn":"arn","Code":"AccessDeniedException","Message":"no permission"},"requestID":"1"}`
)

func TestProtectionIsAskedForAsTheAgentWantsIt(t *testing.T) {
	t.Parallel()
	until := time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)
	on, askedOn := protector(t, isProtected, http.StatusOK)
	if err := on.Protect(t.Context(), time.Hour+time.Second); err != nil {
		t.Error(err)
	}
	if got, err := on.Protection(t.Context()); err != nil || !got.Equal(until) {
		t.Errorf("%v, %v; want protection until %v", got, err, until)
	}
	if err := on.Unprotect(t.Context()); err == nil {
		t.Error("an agent that goes on protecting is believed to have ended it")
	}
	off, askedOff := protector(t, notProtected, http.StatusOK)
	if err := off.Unprotect(t.Context()); err != nil {
		t.Error(err)
	}
	if got, err := off.Protection(t.Context()); err != nil || !got.IsZero() {
		t.Errorf("%v, %v; want no protection", got, err)
	}
	if err := off.Protect(t.Context(), 0); err == nil {
		t.Error("an agent that does not protect is believed to")
	}
	want := []string{
		`PUT /api/x/task-protection/v1/state {"ExpiresInMinutes":60,"ProtectionEnabled":true}`,
		`GET /api/x/task-protection/v1/state `,
		`PUT /api/x/task-protection/v1/state {"ProtectionEnabled":false}`,
		`PUT /api/x/task-protection/v1/state {"ProtectionEnabled":false}`,
		`GET /api/x/task-protection/v1/state `,
		`PUT /api/x/task-protection/v1/state {"ExpiresInMinutes":1,"ProtectionEnabled":true}`,
	}
	if diff := cmp.Diff(want, append(*askedOn, *askedOff...)); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
}

func TestRefusalsOfProtectionSayWhy(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		answer, code string
		status       int
		final        bool
	}{
		{notOfService, "TASK_NOT_VALID", http.StatusOK, true},
		{denied, "AccessDeniedException", http.StatusBadRequest, false},
		{"try later", "", http.StatusTooManyRequests, false},
		{"{}", "", http.StatusOK, false},
		{"<html>", "", http.StatusOK, false},
	} {
		a, _ := protector(t, c.answer, c.status)
		err := a.Protect(t.Context(), time.Hour)
		refusal, refused := errors.AsType[*ecsagent.ProtectionError](err)
		if err == nil || refused != (c.code != "") || refused && (refusal.Code != c.code || refusal.Final() != c.final) {
			t.Errorf("%d %s: %v; want the code %q", c.status, c.answer, err, c.code)
		}
	}
	env := map[string]string{"ECS_CONTAINER_METADATA_URI_V4": "http://127.0.0.1/v4"}
	a, _ := ecsagent.FromEnv(func(name string) string { return env[name] }, nil)
	if err := a.Protect(t.Context(), time.Hour); !errors.Is(err, ecsagent.ErrNoProtection) {
		t.Errorf("%v; want %v", err, ecsagent.ErrNoProtection)
	}
}

// A worker must not wait for an agent that says nothing.
func TestAnAgentThatHangsIsLeftAfterFiveSeconds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		// A connection in memory: bubbles cannot wait for a socket.
		here, there := net.Pipe()
		defer there.Close()
		go func() { _, _ = io.Copy(io.Discard, there) }()
		client := &http.Client{Transport: &http.Transport{
			DisableKeepAlives: true,
			DialContext:       func(context.Context, string, string) (net.Conn, error) { return here, nil },
		}}
		env := map[string]string{"ECS_CONTAINER_METADATA_URI_V4": "http://a/v4", "ECS_AGENT_URI": "http://a/api"}
		a, _ := ecsagent.FromEnv(func(name string) string { return env[name] }, client)
		begun := time.Now()
		if err := a.Protect(t.Context(), time.Hour); !errors.Is(err, context.DeadlineExceeded) || time.Since(begun) != 5*time.Second {
			t.Errorf("%v after %v; want it to be left after 5 s", err, time.Since(begun))
		}
	})
}
