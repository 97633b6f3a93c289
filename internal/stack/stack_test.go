package stack

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/starburst-go/starburst/internal/exit"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestAStackSurvivesItsEnvironment(t *testing.T) {
	want := Stack{
		QueueURL: "http://127.0.0.1:1/0/q", DLQURL: "http://127.0.0.1:1/0/d", Table: "t", Bucket: "b", MaxMessage: 262144,
		Fleet: "f", Cluster: "c", Service: "s", Services: []string{"s", "s2"}, Fallback: []string{"od"}, Endpoint: "http://127.0.0.1:1",
	}
	for _, kv := range want.Env() {
		k, v, _ := strings.Cut(kv, "=")
		t.Setenv(k, v)
	}
	if diff := cmp.Diff(want, FromEnv()); diff != "" {
		t.Errorf("stack from its own environment (-want +got):\n%s", diff)
	}
}

func TestAHalfConfiguredStackIsRefused(t *testing.T) {
	t.Parallel()
	s := Stack{QueueURL: "q"}
	if s.IsZero() || exit.CodeOf(s.Validate()) != exit.Usage || !strings.Contains(s.Validate().Error(), EnvTable) {
		t.Errorf("a stack without a table: zero %v, %v", s.IsZero(), s.Validate())
	}
	if !(Stack{Fleet: "default"}).IsZero() {
		t.Error("a fleet's name alone is no stack")
	}
}

func TestSmallBodiesAreHandedOnInMemory(t *testing.T) {
	t.Parallel()
	var got []byte
	c := inMemory{roundTrip(func(r *http.Request) (*http.Response, error) {
		var err error
		got, err = io.ReadAll(r.Body)
		return nil, err
	})}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://127.0.0.1", strings.NewReader("hello"))
	if err != nil {
		t.Fatal(err)
	}
	body := req.Body
	if _, err := c.Do(req); err != nil || string(got) != "hello" { //nolint:bodyclose // there is no response
		t.Errorf("the next client read %q, %v", got, err)
	}
	if req.Body != body {
		t.Error("the request itself was changed")
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) Do(r *http.Request) (*http.Response, error) { return f(r) }
