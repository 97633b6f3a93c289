// Package starburst bursts embarrassingly parallel work from a laptop to AWS.
//
// Name a function as a handler, map it over a slice, and let Main decide what
// each process of the program is:
//
//	var square = starburst.Handle("square", func(ctx context.Context, x int) (int, error) {
//		return x * x, nil
//	})
//
//	func main() { starburst.Main(run, square) }
//
//	func run(ctx context.Context, s *starburst.Session) error {
//		squares, err := starburst.Map(ctx, s, square, []int{1, 2, 3})
//		if err != nil {
//			return err
//		}
//		fmt.Println(squares) // [1 4 9]
//		return nil
//	}
//
// Started by hand, the program is the caller: without any configuration it
// brings up a queue, a table and a service on the loopback interface and runs
// itself again as worker processes, sized by the autoscaler in waves. With a
// stack configured (STARBURST_QUEUE_URL, STARBURST_TABLE, …) the same calls go
// to AWS, where the same binary is the workers' image.
//
// Each task runs at least once, and its result is recorded exactly once: results
// come back in the order of the arguments, with zero, nil and empty results in
// their places. A task that fails is tried again, up to three times by default;
// what fails for good is reported by a *TaskErrors, with everything else delivered.
//
// Submit starts a job and returns at once; Attach finds it again from another
// process, by its id, also after this machine was switched off.
package starburst
