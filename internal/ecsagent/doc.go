// Package ecsagent speaks with the agent beside an ECS task: what the task is and
// since when it is billed (task metadata endpoint version 4), and whether ECS may
// stop it when its service shrinks (task scale-in protection endpoint).
//
//	agent, in := ecsagent.FromEnv(os.Getenv, nil)
//	if in {
//		t, err := agent.Task(ctx)
//		err = agent.Protect(ctx, time.Hour)
//		…
//	}
//
// The agent is part of the platform, so that a worker must do without it when it
// does not answer: a worker that waits for its own price does no work.
package ecsagent
