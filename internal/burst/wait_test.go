package burst

import (
	"bytes"
	"context"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/starburst-go/starburst/internal/report"
	"github.com/starburst-go/starburst/internal/view"
	"github.com/starburst-go/starburst/producer"
)

// said collects what a session says, from whatever goroutine.
type said struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (s *said) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.buf.Write(p)
}

func (s *said) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.buf.String()
}

// Whoever waits for a short job gets two lines about it, and a report that is complete though it is made at once.
func TestAJobThatWasFollowedLeavesItsEndAndAReport(t *testing.T) {
	t.Parallel()
	var out said
	s := open(t, Config{Display: view.NewDisplay(&out), LastLine: true})
	job, err := s.Submit(t.Context(), producer.Spec{Handler: "double", Source: producer.Range{From: 1, To: 200, Step: 1}})
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range s.Follow(t.Context(), job) {
		if err != nil {
			t.Fatal(err)
		}
	}
	var md strings.Builder
	if err := s.Report(t.Context(), job.ID, report.Markdown, "", &md); err != nil {
		t.Fatal(err)
	}
	if !s.begun.allSettled() {
		t.Error("a report has the session wait for its workers again")
	}
	if text := md.String(); !strings.Contains(text, "200 ok, 0 failed") || !strings.Contains(text, "as if on Fargate") || strings.Contains(text, "0 worked for it") {
		t.Errorf("the report: %s", text)
	}
	want := regexp.MustCompile(`^double: 200 tasks done in \S+ m?s(, about \S+ as if on Fargate)?\nmore:  starburst report --state ` + s.State() + " " + job.ID + "\n$")
	if !want.MatchString(out.String()) {
		t.Errorf("it says %q", out.String())
	}
}

func TestAWaitThatIsGivenUpLeavesNothing(t *testing.T) {
	t.Parallel()
	var out said
	s := open(t, Config{Display: view.NewDisplay(&out), LastLine: true})
	job, err := s.Submit(t.Context(), producer.Spec{Handler: "double", Source: producer.Range{From: 1, To: 20, Step: 1}})
	if err != nil {
		t.Fatal(err)
	}
	for range s.Follow(t.Context(), job) {
		break
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, err := range s.Follow(ctx, job) {
		if err == nil {
			t.Error("a result after the end of the context")
		}
	}
	if out.String() != "" {
		t.Errorf("it says %q", out.String())
	}
}
