package simulate

import (
	"math"

	"github.com/starburst-go/starburst/cost"
)

// rate is what a second of Fargate costs in the embedded price book's us-east-1: simulations compare, they do not quote.
func rate() cost.Rate {
	return cost.Rate{VCPU: 11_244_000, GB: 1_235_000, Disk: 30_800, MinSeconds: 60}
}

func scaled(r cost.Rate, by float64) cost.Rate {
	times := func(p cost.PicoUSD) cost.PicoUSD { return picoUSD(float64(p) * by) }
	r.VCPU, r.GB, r.Disk = times(r.VCPU), times(r.GB), times(r.Disk)
	return r
}

func picoUSD(x float64) cost.PicoUSD { return cost.PicoUSD(math.Round(x)) }

// perSecond is the price of a worker-second.
func (s *Scenario) perSecond() cost.PicoUSD {
	return cost.FargateBill(s.Fargate, s.Size, epoch, epoch.Add(seconds(3600))).Total() / 3600
}
