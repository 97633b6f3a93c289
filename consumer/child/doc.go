// Package child runs tasks in long-lived processes of any language, which speak
// the worker protocol (docs/worker-protocol.md).
//
// A Pool has a child per slot. Its handlers hand tasks over, several at once
// where they are fast, and turn what comes back, or the child's death, into the outcome of one task:
//
//	pool, err := child.Start(ctx, child.Config{Command: []string{"python3", "worker.py"}, Slots: 2})
//	…
//	defer pool.Close(ctx)
//	worker, err := consumer.New(consumer.Config{Handlers: pool.Registry(), Slots: 2, …})
//
// Whatever a child does costs at most an attempt of the task that it runs.
//
//	frame.go     frames: lengths, limits, reading
//	encode.go    the frames to a child
//	decode.go    the frames from a child
//	process.go   one child: start, reading, death
//	starter.go   the thread that children die with
//	output.go    what a child prints
//	session.go   the tasks of one message in one child
//	slots.go     who has which child; restarts and their back-off
//	pool.go      all children of a worker
//	measure.go   how fast a child is
//	selftest.go  plays the vectors against any implementation
package child
