package deploy

import (
	"context"
	"fmt"

	"github.com/starburst-go/starburst/internal/exit"
	"github.com/starburst-go/starburst/store"
)

// keep tells the autoscaler that one worker is wanted although there is nothing to do: it would take away the one that
// is started to say hello before that has begun.
func (d *deployment) keep(ctx context.Context) error {
	if d.Scale == nil || !d.cold() {
		return nil
	}
	d.why = "starburst deploy of " + lastPart(d.revision)
	var none bool
	err := d.Scale.UpdateControl(ctx, d.Site.Stack().Fleet, func(c *store.Control) {
		if none = c.Scale.SetMax && c.Scale.Max == 0; none || c.Scale.Why == d.why { // it may be asked twice
			return
		}
		d.scale = c.Scale
		c.Scale.Min, c.Scale.By, c.Scale.At, c.Scale.Why = max(1, c.Scale.Min), "starburst deploy", d.Now(), d.why
	})
	switch {
	case err != nil:
		return fmt.Errorf("tell the autoscaler that a worker is wanted: %w", err)
	case none:
		d.why = ""
		return exit.Errorf(exit.Refused, "somebody has set the fleet's most workers to 0").WithHint("starburst scale set --reset; or deploy without waiting for a worker: --no-wait")
	}
	return nil
}

// letGo sets back what keep has set, unless somebody has set something else meanwhile.
func (d *deployment) letGo(ctx context.Context) error {
	if d.why == "" {
		return nil
	}
	if err := d.Scale.UpdateControl(ctx, d.Site.Stack().Fleet, func(c *store.Control) {
		if c.Scale.Why == d.why {
			c.Scale = d.scale
		}
	}); err != nil {
		return fmt.Errorf("the autoscaler still keeps a worker (starburst scale set --min 0): %w", err)
	}
	return nil
}

// cold reports whether a worker has to be started to say hello.
func (d *deployment) cold() bool { return !d.NoWait && d.before[0].DesiredCount == 0 }
