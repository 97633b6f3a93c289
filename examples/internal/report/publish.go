package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/starburst-go/starburst"
)

// FolderVariable names the environment variable with the folder below which
// examples put their results, one sub-folder each. `make demo` sets it to
// gather all four in one place.
const FolderVariable = "EXAMPLE_RESULTS_DIR"

// Run is what results.json holds: how the run was made, what came out in sum,
// and the result of each task, in task order.
type Run[T any] struct {
	Example string        `json:"example"`
	Seed    uint64        `json:"seed"`
	Started time.Time     `json:"started"`
	Elapsed time.Duration `json:"-"` // written as elapsed_seconds
	Summary any           `json:"summary"`
	Results []T           `json:"-"` // written last, one a line
}

// MakeFolder creates the folder that Folder chooses. Call it before the work, so
// that an hour of it does not end with "permission denied".
func MakeFolder(out, parent, example string, started time.Time) (string, error) {
	dir := Folder(out, parent, example, started)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", starburst.WrongUsage(fmt.Errorf("create the folder for the results: %w", err), "choose another one with -out DIR")
	}
	return dir, nil
}

// Folder chooses where a run's files go: out (the -out flag) when given, else
// a folder named after the example below parent (FolderVariable's value), else
// below ./example-results-<UTC time>.
func Folder(out, parent, example string, started time.Time) string {
	if out != "" {
		return out
	}
	if parent == "" {
		parent = "example-results-" + started.UTC().Format("20060102T150405Z")
	}
	return filepath.Join(parent, example)
}

// JobFile is the page below dir that Starburst writes about the job itself: charts, workers, the bill.
func JobFile(dir string) string { return filepath.Join(dir, "job.html") }

// Publish prints text on stdout, writes it to dir/report.txt and the run to
// dir/results.json, and says on stderr where they are. The folder dir exists;
// an older run's files in it are replaced. The text is printed first: a full disk must not cost the answer.
func Publish[T any](stdout, stderr io.Writer, dir string, run Run[T], text string) error {
	if _, err := io.WriteString(stdout, text); err != nil {
		return fmt.Errorf("print the report: %w", err)
	}
	results, err := run.encode()
	if err != nil {
		return fmt.Errorf("encode results.json: %w", err)
	}
	for name, content := range map[string][]byte{"results.json": results, "report.txt": []byte(text)} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o644); err != nil {
			return fmt.Errorf("write the results: %w", err)
		}
	}
	_, _ = fmt.Fprintf(stderr, "written: %s and report.txt beside it\n", filepath.Join(dir, "results.json"))
	return nil
}

// encode writes the JSON by hand at one place only: one result a line keeps
// 10,000 results greppable and the head of the file readable, where
// MarshalIndent would spread each over six lines.
func (r Run[T]) encode() ([]byte, error) {
	head, err := json.MarshalIndent(struct {
		Run[T]
		Seconds float64 `json:"elapsed_seconds"`
	}{r, r.Elapsed.Seconds()}, "", "  ")
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	b.Write(bytes.TrimSuffix(head, []byte("\n}")))
	b.WriteString(",\n  \"results\": [")
	line := json.NewEncoder(&b) // ends each value with a newline, which is taken back
	for i := range r.Results {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString("\n    ")
		if err := line.Encode(&r.Results[i]); err != nil {
			return nil, fmt.Errorf("result %d: %w", i, err)
		}
		b.Truncate(b.Len() - 1)
	}
	b.WriteString("\n  ]\n}\n")
	return b.Bytes(), nil
}
