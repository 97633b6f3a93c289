package localaws

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net"
	"strings"

	"github.com/starburst-go/starburst/internal/localaws/ecs"
)

const (
	// DefaultAddr lets the kernel choose the port.
	DefaultAddr = "127.0.0.1:0"
	// DefaultRegion is the region in ARNs.
	DefaultRegion = "us-east-1"
	// DefaultAccount is the account in ARNs and queue URLs.
	DefaultAccount = "000000000000"
)

// Config configures Start.
type Config struct {
	// Dir holds the state. It is created if it does not exist, and locked while
	// the server runs. Required.
	Dir string
	// Addr is the loopback host and port to listen on; port 0 lets the kernel
	// choose. Default: DefaultAddr.
	Addr string
	// Region appears in ARNs. Clients may name any region. Default: DefaultRegion.
	Region string
	// Account is twelve digits, for ARNs and queue URLs. Default: DefaultAccount.
	Account string
	// ECS tunes how tasks start and stop. Region, Account, BaseURL, Dir,
	// VCPUQuota, OnStopping and Log are set by Start.
	ECS ecs.Options
	// VCPUQuota is the most vCPUs that tasks may have, On-Demand and on Spot each: what Service Quotas
	// answers, and what ECS places tasks by. Default: 0, no limit.
	VCPUQuota float64
	// Log receives what no caller can be told. Default: discarded.
	Log *slog.Logger
}

func (c Config) withDefaults() Config {
	c.Addr = cmp.Or(c.Addr, DefaultAddr)
	c.Region = cmp.Or(c.Region, DefaultRegion)
	c.Account = cmp.Or(c.Account, DefaultAccount)
	c.Log = cmp.Or(c.Log, slog.New(slog.DiscardHandler))
	return c
}

// isAccount reports whether s has twelve digits.
func isAccount(s string) bool { return len(s) == 12 && strings.Trim(s, "0123456789") == "" }

func (c Config) validate() error {
	if c.Dir == "" {
		return errors.New("local endpoint: Dir is empty; its state has to be somewhere")
	}
	host, _, err := net.SplitHostPort(c.Addr)
	if err != nil {
		return fmt.Errorf("local endpoint: Addr %q is not host:port: %w", c.Addr, err)
	}
	if !isLoopback(host) {
		return fmt.Errorf("local endpoint: Addr %q is not a loopback address; there is no authentication, so nobody else may reach it", c.Addr)
	}
	if !(c.VCPUQuota >= 0) || math.IsInf(c.VCPUQuota, 0) {
		return fmt.Errorf("local endpoint: VCPUQuota is %v, must not be negative", c.VCPUQuota)
	}
	if !isAccount(c.Account) {
		return fmt.Errorf("local endpoint: Account %q is not twelve digits", c.Account)
	}
	return nil
}

// isLoopback reports whether host is a name of this machine's loopback:
// "localhost", a name under it (RFC 6761), or a loopback address.
func isLoopback(host string) bool {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	ip := net.ParseIP(strings.Trim(host, "[]"))
	return ip != nil && ip.IsLoopback()
}
