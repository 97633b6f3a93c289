package report_test

import (
	"bytes"
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/starburst-go/starburst/examples/internal/report"
	"github.com/starburst-go/starburst/internal/exit"
)

type outcome struct {
	Final float64 `json:"final"`
}

func run(results ...outcome) report.Run[outcome] {
	return report.Run[outcome]{
		Example: "montecarlo",
		Seed:    42,
		Started: time.Date(2026, 7, 25, 10, 15, 30, 0, time.UTC),
		Elapsed: 1500 * time.Millisecond,
		Summary: map[string]float64{"mean": 2},
		Results: results,
	}
}

func TestFolder(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 7, 25, 12, 15, 30, 0, time.FixedZone("CEST", 2*3600))
	cases := []struct{ name, out, parent, want string }{
		{"-out wins and is taken as it is", "here", "demo", "here"},
		{"below the parent each example has its own folder", "", "demo", filepath.Join("demo", "montecarlo")},
		{"by default the folder is named after the time, in UTC", "", "", filepath.Join("example-results-20260725T101530Z", "montecarlo")},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if got := report.Folder(c.out, c.parent, "montecarlo", at); got != c.want {
				t.Errorf("Folder = %q, want %q", got, c.want)
			}
		})
	}
}

func TestPublishWritesBothFiles(t *testing.T) {
	t.Parallel()
	dir, err := report.MakeFolder(filepath.Join(t.TempDir(), "new", "folder"), "", "montecarlo", time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	var stdout, stderr bytes.Buffer
	if err := report.Publish(&stdout, &stderr, dir, run(outcome{1}, outcome{3}), "the report\n"); err != nil {
		t.Fatal(err)
	}
	want := `{
  "example": "montecarlo",
  "seed": 42,
  "started": "2026-07-25T10:15:30Z",
  "summary": {
    "mean": 2
  },
  "elapsed_seconds": 1.5,
  "results": [
    {"final":1},
    {"final":3}
  ]
}
`
	if diff := cmp.Diff(want, read(t, dir, "results.json")); diff != "" {
		t.Errorf("results.json (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff("the report\n", read(t, dir, "report.txt")); diff != "" {
		t.Errorf("report.txt (-want +got):\n%s", diff)
	}
	if stdout.String() != "the report\n" {
		t.Errorf("stdout holds %q, want the report and nothing else", stdout.String())
	}
	if !strings.Contains(stderr.String(), filepath.Join(dir, "results.json")) {
		t.Errorf("stderr does not say where the files are: %q", stderr.String())
	}
}

func TestPublishFailures(t *testing.T) {
	t.Parallel()
	t.Run("a folder that cannot be made is wrong usage, with the flag to correct it", func(t *testing.T) {
		t.Parallel()
		file := filepath.Join(t.TempDir(), "file")
		if err := os.WriteFile(file, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := report.MakeFolder(filepath.Join(file, "sub"), "", "montecarlo", time.Time{})
		var pathError *fs.PathError
		if !errors.As(err, &pathError) || exit.CodeOf(err) != exit.Usage || !strings.Contains(exit.HintOf(err), "-out DIR") {
			t.Errorf("error = %v (hint %q), want a path error that points to -out DIR", err, exit.HintOf(err))
		}
	})
	t.Run("a folder that has gone: the report is printed all the same", func(t *testing.T) {
		t.Parallel()
		var stdout, stderr bytes.Buffer
		err := report.Publish(&stdout, &stderr, filepath.Join(t.TempDir(), "gone"), run(), "the report\n")
		if !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("error = %v, want a missing folder", err)
		}
		if stdout.String() != "the report\n" {
			t.Errorf("stdout = %q", stdout.String())
		}
	})
	t.Run("a result that JSON cannot hold is named by its index", func(t *testing.T) {
		t.Parallel()
		var stdout, stderr bytes.Buffer
		err := report.Publish(&stdout, &stderr, t.TempDir(), run(outcome{1}, outcome{math.NaN()}), "")
		if err == nil || !strings.Contains(err.Error(), "result 1") {
			t.Errorf("error = %v, want one that names result 1", err)
		}
	})
}

func read(t *testing.T, dir, name string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}
