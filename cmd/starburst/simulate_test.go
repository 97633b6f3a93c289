package main

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/starburst-go/starburst/autoscale/simulate"
	"github.com/starburst-go/starburst/internal/exit"
)

func simulated(t *testing.T, args ...string) (exit.Code, string, string) {
	t.Helper()
	got := starburst(t.Context(), "", append([]string{"simulate"}, args...)...)
	return got.code, got.stdout, got.stderr
}

func TestSimulatePrintsARowForEachPolicyOnEachScenario(t *testing.T) {
	t.Parallel()
	code, out, _ := simulated(t, "--scenario", "medium,few", "--policy", "ours,spark", "--runs", "2", "-o", "jsonl")
	if code != exit.OK {
		t.Fatalf("exit code %d", code)
	}
	var got []string
	for d := json.NewDecoder(strings.NewReader(out)); ; {
		var r simulate.Row
		if err := d.Decode(&r); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		if r.Runs != 2 || r.Time <= 0 || r.Money <= 0 || r.Left != 0 {
			t.Errorf("%+v", r)
		}
		got = append(got, r.Scenario+"/"+r.Policy)
	}
	if want := "medium/ours medium/spark few/ours few/spark"; strings.Join(got, " ") != want {
		t.Errorf("got %v, want %s", got, want)
	}
}

func TestSimulateTakesOtherSizesAndDraws(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "out.svg")
	code, out, _ := simulated(t, "--scenario", "burst", "--policy", "ours", "--tasks", "500", "--workers", "20", "--runs", "1", "--plot", file)
	if code != exit.OK || !strings.Contains(out, "burst") {
		t.Fatalf("exit code %d: %s", code, out)
	}
	svg, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for d := xml.NewDecoder(bytes.NewReader(svg)); ; {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatalf("no well-formed SVG: %v", err)
		}
	}
	if !bytes.Contains(svg, []byte("peak 20 workers")) {
		t.Errorf("the legend lacks the peak: %s", svg[len(svg)-400:])
	}
}

func TestSimulateRefusesWhatItDoesNotKnow(t *testing.T) {
	t.Parallel()
	for says, args := range map[string][]string{
		`no scenario "x"`: {"--scenario", "x"}, `no policy "x"`: {"--policy", "x"}, "--runs must": {"--runs", "0"},
		`-o "x" is not`: {"-o", "x", "--scenario", "few"}, "must not be negative": {"--tasks", "-1"},
	} {
		if code, _, stderr := simulated(t, args...); code != exit.Usage || !strings.Contains(stderr, says) {
			t.Errorf("%v: exit code %d, %s; want %q", args, code, stderr, says)
		}
	}
	if code, out, _ := simulated(t, "--list"); code != exit.OK || !strings.Contains(out, "barrier") || !strings.Contains(out, "crash-loop") {
		t.Errorf("--list: exit code %d: %s", code, out)
	}
}
