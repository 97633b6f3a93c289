package deploy

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"time"

	"github.com/starburst-go/starburst/internal/exit"
	"github.com/starburst-go/starburst/internal/stack"
)

// Schema is the version of a Site's JSON that this program knows.
const Schema = 1

// EnvStack names the stack whose Site is read from SSM.
const EnvStack = "STARBURST_STACK"

// Site is a stack as Terraform tells of it. Fields that are zero were not told.
type Site struct {
	Schema      int    `json:"schema"`
	Name        string `json:"name"`
	Region      string `json:"region"`
	Account     string `json:"account"`
	QueueURL    string `json:"queue_url"`
	QueueARN    string `json:"queue_arn"`
	DLQURL      string `json:"dlq_url"`
	DLQARN      string `json:"dlq_arn"`
	Visibility  int    `json:"visibility_seconds"`
	MaxReceives int    `json:"max_receives"`
	Table       string `json:"table"`
	Bucket      string `json:"bucket"`
	Fleet       string `json:"fleet"`
	Cluster     string `json:"cluster"`
	ClusterARN  string `json:"cluster_arn"`
	// Services are first the usual ones, then the fallback on On-Demand.
	Services []Service `json:"services"`
	// Family and Container are of the task definition whose image a deploy replaces.
	Family    string `json:"task_family"`
	Container string `json:"container"`
	// Architecture is ARM64 or X86_64.
	Architecture   string            `json:"architecture"`
	CPUUnits       int               `json:"cpu_units"`
	MemoryMiB      int               `json:"memory_mib"`
	MaxWorkers     int               `json:"max_workers"`
	Repository     string            `json:"repository_url"`
	Subnets        []string          `json:"subnets"`
	PublicIP       bool              `json:"assign_public_ip"`
	LogGroup       string            `json:"log_group"`
	LogPrefix      string            `json:"log_prefix"` // of the workers' log streams; Default: "worker"
	ScalerFunction string            `json:"scaler_function"`
	Alarms         []string          `json:"alarms"`
	Environment    map[string]string `json:"environment"`
}

// Service of a stack.
type Service struct {
	Name     string `json:"name"`
	ARN      string `json:"arn"`
	Capacity string `json:"capacity"` // FARGATE_SPOT or FARGATE
}

// maxSite bounds the JSON: SSM's parameters have at most 8 KiB.
const maxSite = 64 << 10

// ParseSite reads a Site; keys that it does not know are ignored, a schema that it does not know is refused.
func ParseSite(b []byte) (Site, error) {
	var s Site
	if len(b) > maxSite {
		return s, fmt.Errorf("the stack's configuration has %d bytes, at most %d are read", len(b), maxSite)
	}
	if err := json.Unmarshal(b, &s); err != nil {
		return s, fmt.Errorf("the stack's configuration: %w", err)
	}
	switch {
	case s.Schema != Schema:
		return s, exit.Errorf(exit.Usage, "the stack's configuration has schema %d, this starburst knows %d", s.Schema, Schema).WithHint("use the version of starburst that belongs to the Terraform module")
	case s.QueueURL == "" || s.Table == "" || s.Region == "":
		return s, errors.New("the stack's configuration lacks the queue, the table or the Region")
	}
	return s, nil
}

// Stack returns the part that every command needs.
func (s Site) Stack() stack.Stack {
	st := stack.Stack{QueueURL: s.QueueURL, DLQURL: s.DLQURL, Table: s.Table, Bucket: s.Bucket, Fleet: cmp.Or(s.Fleet, "default"), Cluster: s.Cluster}
	for i, sv := range s.Services {
		// Without Spot there is no fallback: all services are on FARGATE.
		if i > 0 && sv.Capacity == "FARGATE" && s.Services[0].Capacity == "FARGATE_SPOT" {
			st.Fallback = append(st.Fallback, sv.Name)
			continue
		}
		st.Services = append(st.Services, sv.Name)
	}
	if len(st.Services) > 0 {
		st.Service = st.Services[0]
	}
	return st
}

// serviceNames are all services.
func (s Site) serviceNames() []string {
	var names []string
	for _, sv := range s.Services {
		names = append(names, sv.Name)
	}
	return names
}

// Parameters reads a parameter of SSM; *awscall.Caller has it.
type Parameters interface {
	Parameter(ctx context.Context, name string) (string, error)
}

// stackName is what Terraform allows as a stack's name, and what can be part of a parameter's.
var stackName = regexp.MustCompile(`^[a-z][a-z0-9-]{0,62}$`)

// FromParameter reads the Site of a stack by its name from SSM.
func FromParameter(ctx context.Context, p Parameters, name string) (Site, error) {
	if !stackName.MatchString(name) {
		return Site{}, exit.Errorf(exit.Usage, "%q is no stack's name: want small letters, digits and hyphens", name)
	}
	text, err := p.Parameter(ctx, "/starburst/"+name+"/config")
	if err != nil {
		return Site{}, fmt.Errorf("read the configuration of stack %s: %w", name, err)
	}
	s, err := ParseSite([]byte(text))
	if err != nil {
		return s, fmt.Errorf("stack %s: %w", name, err)
	}
	return s, nil
}

// terraformFor bounds a call of Terraform: with a state far away it takes seconds.
const terraformFor = 2 * time.Minute

// FromTerraform reads the Site from the outputs of a Terraform configuration: from a folder by asking
// terraform (or OpenTofu's tofu), from a file that `terraform output -json` or `terraform output -json config` wrote.
func FromTerraform(ctx context.Context, path string) (Site, error) {
	info, err := os.Stat(path)
	if err != nil {
		return Site{}, exit.Errorf(exit.Usage, "Terraform's configuration: %w", err)
	}
	if !info.IsDir() {
		b, err := readBounded(path)
		if err != nil {
			return Site{}, err
		}
		return parseOutput(b)
	}
	tool := "terraform"
	if _, err := exec.LookPath(tool); err != nil {
		tool = "tofu"
	}
	ctx, cancel := context.WithTimeout(ctx, terraformFor)
	defer cancel()
	cmd := exec.CommandContext(ctx, tool, "-chdir="+path, "output", "-json", "-no-color")
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		if errors.Is(err, exec.ErrNotFound) {
			return Site{}, exit.Errorf(exit.Usage, "neither terraform nor tofu is installed").WithHint("give a file that `terraform output -json` has written, or the stack's name: --stack NAME")
		}
		return Site{}, fmt.Errorf("%s output in %s: %w: %s", tool, path, err, bytes.TrimSpace(stderr.Bytes()))
	}
	return parseOutput(stdout.Bytes())
}

func readBounded(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // it was only read
	return io.ReadAll(io.LimitReader(f, 16*maxSite))
}

// parseOutput reads the object of all outputs, or the output config alone.
func parseOutput(b []byte) (Site, error) {
	var all struct {
		Config *struct {
			Value json.RawMessage `json:"value"`
		} `json:"config"`
	}
	if err := json.Unmarshal(b, &all); err != nil {
		return Site{}, fmt.Errorf("the outputs of Terraform: %w", err)
	}
	if all.Config != nil {
		return ParseSite(all.Config.Value)
	}
	if bytes.Equal(bytes.TrimSpace(b), []byte("{}")) {
		return Site{}, exit.Errorf(exit.NotFound, "Terraform has no outputs there").WithHint("terraform apply, in that folder")
	}
	return ParseSite(b)
}
