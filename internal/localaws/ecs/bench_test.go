//go:build unix

package ecs

import (
	"testing"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/service/ecs"
)

// BenchmarkScale measures UpdateService to two running processes, and back to
// none: process starts and ends are in it.
func BenchmarkScale(b *testing.B) {
	l := setup(b, nil)
	l.create(b, "worker", 0)
	var out, in time.Duration
	for b.Loop() {
		begun := time.Now()
		l.scale(b, "worker", 2)
		for len(l.pids()) < 2 {
			time.Sleep(50 * time.Microsecond)
		}
		out += time.Since(begun)
		begun = time.Now()
		l.scale(b, "worker", 0)
		for l.live() > 0 {
			time.Sleep(50 * time.Microsecond)
		}
		in += time.Since(begun)
	}
	b.ReportMetric(float64(out.Microseconds())/1e3/float64(b.N), "ms-out")
	b.ReportMetric(float64(in.Microseconds())/1e3/float64(b.N), "ms-in")
}

// BenchmarkDescribe measures the call that an autoscaler makes at every tick.
func BenchmarkDescribe(b *testing.B) {
	l := setup(b, nil)
	l.create(b, "worker", 2)
	l.counts(b, "worker", 2)
	for b.Loop() {
		if _, err := l.DescribeServices(b.Context(), &sdk.DescribeServicesInput{Services: []string{"worker"}}); err != nil {
			b.Fatal(err)
		}
	}
}
