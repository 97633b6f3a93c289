package autoscale

import (
	"cmp"
	"context"
	"log/slog"
)

// DryRun is a Fleet that reports the counts of another and changes nothing: it logs
// what would have been asked for.
type DryRun struct {
	Fleet
	// Log receives a line for each change not made. Default: none.
	Log *slog.Logger
}

var _ Fleet = DryRun{}

// SetDesired logs n and returns nil.
func (d DryRun) SetDesired(_ context.Context, n int) error {
	cmp.Or(d.Log, slog.New(slog.DiscardHandler)).Info("dry run: would set the desired count", "want", n)
	return nil
}
