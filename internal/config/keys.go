package config

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/starburst-go/starburst/internal/prices"
	"github.com/starburst-go/starburst/internal/quota"
	"github.com/starburst-go/starburst/internal/scaling"
	"github.com/starburst-go/starburst/internal/stack"
	"github.com/starburst-go/starburst/internal/terminal"
)

// Key is a setting: its name in files, the variable of the same meaning, and what it is.
type Key struct {
	Name, Env string
	// Usage says in half a sentence what it is.
	Usage string
	// names is true for what names a stack, ofStack for all that belongs to one.
	names, ofStack bool
	check          func(text string) error
	// path is true for the name of a file or folder, which is relative to the file that it stands in.
	path bool
}

// The names of settings that the program itself asks for.
const (
	KeyStack     = "stack"
	KeyTerraform = "terraform"
	KeyRegion    = "region"
	KeyColor     = "color"
)

// KeyDefaultProfile is no setting: it chooses the profile, and stands in front of them.
const KeyDefaultProfile = "default_profile"

// The variables of settings that no other package names.
const (
	EnvTerraform  = "STARBURST_TERRAFORM"
	EnvColor      = terminal.EnvColor
	envStack      = "STARBURST_STACK" // internal/deploy's, which is not for programs that only use the library
	envRegion     = "AWS_REGION"
	envAWSProfile = "AWS_PROFILE"
)

// Keys returns all settings, in the order in which they are shown.
func Keys() []Key {
	return []Key{
		{Name: KeyStack, Env: envStack, Usage: "a stack's name: its queue, table and services are looked up in AWS", names: true, ofStack: true},
		{Name: KeyTerraform, Env: EnvTerraform, Usage: "Terraform's folder or outputs, instead of a name", names: true, ofStack: true, path: true},
		{Name: KeyRegion, Env: envRegion, Usage: "the AWS Region"},
		{Name: "aws_profile", Env: envAWSProfile, Usage: "the AWS SDK's profile, for credentials"},
		{Name: "queue_url", Env: stack.EnvQueueURL, Usage: "the queue", names: true, ofStack: true},
		{Name: "dlq_url", Env: stack.EnvDLQURL, Usage: "its dead-letter queue", ofStack: true},
		{Name: "table", Env: stack.EnvTable, Usage: "the table of jobs and results", names: true, ofStack: true},
		{Name: "bucket", Env: stack.EnvBucket, Usage: "where large arguments and results are", ofStack: true},
		{Name: "fleet", Env: stack.EnvFleet, Usage: "the workers that serve the queue", ofStack: true},
		{Name: "cluster", Env: stack.EnvCluster, Usage: "their ECS cluster", ofStack: true},
		{Name: "service", Env: stack.EnvService, Usage: "their ECS service", ofStack: true},
		{Name: "services", Env: stack.EnvServices, Usage: "all services, where there are several", ofStack: true},
		{Name: "fallback_service", Env: stack.EnvFallback, Usage: "the services on On-Demand beside Spot", ofStack: true},
		{Name: "max_message_bytes", Env: stack.EnvMaxMessage, Usage: "the queue's largest message", ofStack: true, check: whole},
		{Name: "workers", Env: "STARBURST_WORKERS", Usage: "most worker processes on this machine", check: whole},
		{Name: "slots", Env: scaling.EnvSlots, Usage: "tasks at once per worker", check: whole},
		{Name: "state", Env: "STARBURST_STATE", Usage: "the local state's name"},
		{Name: "max_cost_per_hour", Env: scaling.EnvMaxCostPerHour, Usage: "most dollars of the fleet in an hour", check: dollars},
		{Name: "max_cost_per_day", Env: scaling.EnvMaxCostPerDay, Usage: "most dollars of the fleet in 24 hours", check: dollars},
		{Name: "vcpu_quota", Env: quota.EnvVCPU, Usage: "vCPUs the fleet may use", check: number},
		{Name: "network", Env: "STARBURST_NETWORK", Usage: "how the workers reach AWS, for costs"},
		{Name: "prices", Env: prices.EnvOverrides, Usage: "a file of prices of one's own", path: true},
		{Name: KeyColor, Env: EnvColor, Usage: "auto, always or never", check: color},
	}
}

// find returns the key of a name.
func find(name string) (Key, bool) {
	keys := Keys()
	i := slices.IndexFunc(keys, func(k Key) bool { return k.Name == name })
	if i < 0 {
		return Key{}, false
	}
	return keys[i], true
}

// Names returns the names of all settings.
func Names() (names []string) {
	for _, k := range Keys() {
		names = append(names, k.Name)
	}
	return names
}

// maxValue bounds a value, in bytes: the longest queue URL or path is far shorter.
const maxValue = 4096

// Check refuses a value that the setting cannot have.
func (k Key) Check(text string) error {
	switch {
	case text == "":
		return fmt.Errorf("%s is empty: leave the line out instead", k.Name)
	case len(text) > maxValue:
		return fmt.Errorf("%s has %d bytes, at most %d are read", k.Name, len(text), maxValue)
	case strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f }):
		return fmt.Errorf("%s contains a control character", k.Name)
	case k.check == nil:
		return nil
	}
	if err := k.check(text); err != nil {
		return fmt.Errorf("%s is %q: %w", k.Name, text, err)
	}
	return nil
}

func whole(text string) error {
	if n, err := strconv.Atoi(text); err != nil || n < 1 {
		return errors.New("want a whole number above 0")
	}
	return nil
}

func number(text string) error {
	if f, err := strconv.ParseFloat(text, 64); err != nil || f < 0 {
		return errors.New("want a number, 0 or more")
	}
	return nil
}

func dollars(text string) error {
	_, err := scaling.ParseDollars(text)
	return err
}

func color(text string) error {
	if !slices.Contains([]string{"auto", "always", "never"}, text) {
		return errors.New("want auto, always or never")
	}
	return nil
}

// secret are parts of names under which people keep what must not be in these files.
var secret = []string{"secret", "token", "password", "access_key", "credential"}

func isSecret(name string) bool {
	name = strings.ToLower(name)
	return slices.ContainsFunc(secret, func(part string) bool { return strings.Contains(name, part) })
}
