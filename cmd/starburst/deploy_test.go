package main

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"encoding/json"
	"io"
	"log"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/registry"

	"github.com/starburst-go/starburst/internal/exit"
)

// startRegistry starts a registry of images for the test and returns its host.
func startRegistry(t *testing.T) string {
	t.Helper()
	s := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	t.Cleanup(s.Close)
	return strings.TrimPrefix(s.URL, "http://")
}

// succeeds runs the command and returns its output; it fails the test unless the exit code is 0.
func succeeds(t *testing.T, args ...string) output {
	t.Helper()
	got := starburst(t.Context(), "", args...)
	if got.code != exit.OK {
		t.Fatalf("starburst %v: %d, %s%s", args, got.code, got.stdout, got.stderr)
	}
	return got
}

// A stack's whole life, on the endpoint of this machine: nothing deployed, deployed, greeted, ended.
func TestAStackFromDeployToDown(t *testing.T) {
	startDev(t, "sleep", "{}")
	host := startRegistry(t)
	// The endpoint starts its own command whatever is in the image.
	self := linuxProgram(t, elf.EM_X86_64)

	first := succeeds(t, "deploy", "--to", host+"/workers", self)
	if !strings.Contains(first.stderr, "said hello") || !strings.Contains(first.stdout, "task-definition/") {
		t.Errorf("deploy: %s%s", first.stdout, first.stderr)
	}
	again := succeeds(t, "deploy", "--to", host+"/workers", self)
	if !strings.Contains(again.stderr, "unchanged: the registry has") || !strings.Contains(again.stderr, "unchanged: the services have") || again.stdout != first.stdout {
		t.Errorf("deploy of the same program: %s%s, want %s", again.stdout, again.stderr, first.stdout)
	}

	var g greeting
	if err := json.Unmarshal([]byte(succeeds(t, "hello", "--json", "--within", "2m").stdout), &g); err != nil || g.All <= 0 || g.First > g.All || g.Cost == "" {
		t.Errorf("hello: %+v, %v", g, err)
	}
	if got := starburst(t.Context(), "", "hello", "--within", "1ms"); got.code != exit.TimedOut || !strings.Contains(got.stderr, "starburst doctor") {
		t.Errorf("hello without time: %d, %s", got.code, got.stderr)
	}

	well := succeeds(t, "doctor")
	if strings.Contains(well.stdout, "✗") || !strings.Contains(well.stdout, "✓ queue") || !strings.Contains(well.stdout, "starburst.hello") {
		t.Errorf("doctor:\n%s", well.stdout)
	}

	job := strings.TrimSpace(succeeds(t, "submit", "exec", "--range", "5:7", "--chunk", "1").stdout)
	if got := starburst(t.Context(), "", "down"); got.code != exit.Refused || !strings.Contains(got.stderr, job) {
		t.Errorf("down with a job running: %d, %s", got.code, got.stderr)
	}
	down := succeeds(t, "down", "--yes", "--revisions")
	if !strings.Contains(down.stdout, "revisions deregistered") || !strings.Contains(down.stdout, "services at zero") || !strings.Contains(down.stdout, "still costs") || !strings.Contains(down.stderr, "terraform destroy") || !strings.Contains(down.stderr, "scale set --reset") {
		t.Errorf("down: %s%s", down.stdout, down.stderr)
	}
}

// linuxProgram writes the smallest file that is an executable for the machine.
func linuxProgram(t *testing.T, machine elf.Machine) string {
	t.Helper()
	var b bytes.Buffer
	if err := binary.Write(&b, binary.LittleEndian, elf.Header64{
		Ident: [16]byte{0x7f, 'E', 'L', 'F', byte(elf.ELFCLASS64), byte(elf.ELFDATA2LSB), byte(elf.EV_CURRENT)},
		Type:  uint16(elf.ET_EXEC), Machine: uint16(machine), Version: 1, Ehsize: 64, Phentsize: 56, Phoff: 64, Shentsize: 64,
	}); err != nil {
		t.Fatal(err)
	}
	return writeFile(t, "program", b.String())
}
