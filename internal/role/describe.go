package role

import (
	"context"
	"os"
	"time"

	"github.com/starburst-go/starburst/consumer"
	"github.com/starburst-go/starburst/internal/ecsagent"
)

// deadMan is design §8's: nobody has watched the money for 15 minutes.
const deadMan = 15 * time.Minute

// describe fills in what the ECS agent knows of this worker: the size that is billed,
// and since when. Its name becomes that of the task, by which the bill is settled
// when the task has ended.
func describe(ctx context.Context, cfg *consumer.Config) error {
	agent, in := ecsagent.FromEnv(os.Getenv, nil)
	if !in {
		return nil
	}
	cfg.DeadMan, cfg.Guard = deadMan, agent
	t, err := agent.Task(ctx)
	if err != nil {
		return err
	}
	if cfg.Name == "" {
		cfg.Name = t.ID
	}
	cfg.Cost.VCPUMilli, cfg.Cost.MemoryMiB, cfg.Cost.DiskGiB = t.VCPUMilli, t.MemoryMiB, t.DiskGiB
	if t.LaunchType != "" {
		cfg.Cost.Provider = t.LaunchType // FARGATE also on Spot: only the end tells
	}
	if !t.PullStarted.IsZero() {
		cfg.Cost.Launched = t.PullStarted
	}
	return nil
}

// arch is what ECS calls Go's name of an architecture.
func arch(goarch string) string {
	if goarch == "arm64" {
		return "ARM64"
	}
	return "X86_64"
}
