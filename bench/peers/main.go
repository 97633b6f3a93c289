// Command peers measures other queue clients and Starburst on the same servers, in
// the same run, on the same work: N small messages are sent, received, each
// answered with a result that is stored once in DynamoDB, and deleted. A peer is done when its queue is empty and its
// table has N results; the command looks for itself.
//
// It wants AWS_ENDPOINT_URL_SQS and AWS_ENDPOINT_URL_DYNAMODB; scripts/peers.sh starts
// ElasticMQ and DynamoDB Local for it and installs the peers of other languages.
package main

import (
	"cmp"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
)

func main() {
	if len(os.Args) == 4 && os.Args[1] == "be" {
		exitOn(be(context.Background(), os.Args[2], os.Args[3]))
		return
	}
	n := flag.Int("n", 10_000, "messages of each peer")
	rounds := flag.Int("rounds", 5, "rounds; the peers take turns in each")
	warmup := flag.Duration("warmup", time.Minute, "how long the servers are warmed up before the first round")
	starburst := flag.String("starburst", "../bin/starburst", "the starburst command")
	python := flag.String("python", "", "Python with the peers of peers/python installed; without it they are left out")
	node := flag.String("node", "", "folder of peers/node with its modules installed; without it they are left out")
	only := flag.String("only", "", "names of the peers to measure, with commas; all without it")
	slow := flag.Int("slow", 10, "a peer in Python gets N divided by this many messages")
	flag.Parse()
	self, err := os.Executable()
	exitOn(err)
	list := peers(self, *starburst, *python, *node, *n, *slow)
	if *only != "" {
		list = slices.DeleteFunc(list, func(p peer) bool { return !slices.Contains(strings.Split(*only, ","), p.name) })
	}
	exitOn(run(context.Background(), list, *rounds, *warmup))
}

func exitOn(err error) {
	if err != nil {
		_, _ = fmt.Fprintln(os.Stderr, "peers:", err)
		os.Exit(1)
	}
}

// figures of one run, in JSON the last line of what a peer prints.
type figures struct {
	N       int     `json:"n"`
	Seconds float64 `json:"seconds"`
	CPU     float64 `json:"cpu_seconds"` // of all its processes in that time
}

func (f figures) rate() float64  { return float64(f.N) / f.Seconds }
func (f figures) micro() float64 { return 1e6 * f.CPU / float64(f.N) }

// peer is one client under test.
type peer struct {
	name string
	n    int
	// produce and consume are its commands; both get the world in their environment.
	produce, consume []string
	// own is set for a client that makes its world itself: it is asked for both in one.
	own func(ctx context.Context, n int) (produced, consumed figures, err error)
}

func peers(self, starburst, python, node string, n, slow int) []peer {
	goPeer := func(name string) peer {
		return peer{name: name, n: n, produce: []string{self, "be", name, "produce"}, consume: []string{self, "be", name, "consume"}}
	}
	list := []peer{{name: "starburst", n: n, own: ours(starburst)}, goPeer("floor"), goPeer("gocloud"), goPeer("watermill")}
	if node != "" {
		list = append(list, peer{name: "sqs-consumer", n: n, produce: []string{"node", node + "/peer.mjs", "produce"}, consume: []string{"node", node + "/peer.mjs", "consume"}})
	}
	if python != "" {
		list = append(list, peer{name: "celery", n: n / slow, produce: []string{python, "peers/python/peer.py", "produce"}, consume: []string{python, "peers/python/peer.py", "consume"}})
	}
	return list
}

func run(ctx context.Context, list []peer, rounds int, warmup time.Duration) error {
	if err := warm(ctx, warmup); err != nil {
		return err
	}
	produced, consumed := map[string][]figures{}, map[string][]figures{}
	for round := range rounds {
		for i := range list {
			p := list[(i+round)%len(list)]
			made, used, err := measure(ctx, p)
			if err != nil {
				return fmt.Errorf("%s: %w", p.name, err)
			}
			_, _ = fmt.Fprintf(os.Stderr, "round %d: %-12s produced %8.0f/s at %4.0f µs, consumed %8.0f/s at %4.0f µs of CPU a message\n",
				round+1, p.name, made.rate(), made.micro(), used.rate(), used.micro())
			produced[p.name], consumed[p.name] = append(produced[p.name], made), append(consumed[p.name], used)
		}
	}
	t := tabwriter.NewWriter(os.Stdout, 2, 8, 2, ' ', tabwriter.AlignRight)
	_, _ = fmt.Fprintln(t, "medians\tproduced/s\tCPU µs\tconsumed/s, results stored\tCPU µs\tCPU µs in all\t")
	for _, p := range list {
		a, b := produced[p.name], consumed[p.name]
		_, _ = fmt.Fprintf(t, "%s\t%.0f\t%.0f\t%.0f\t%.0f\t%.0f\t\n", p.name, median(a, figures.rate), median(a, figures.micro),
			median(b, figures.rate), median(b, figures.micro), median(a, figures.micro)+median(b, figures.micro))
	}
	return t.Flush()
}

func median(list []figures, of func(figures) float64) float64 {
	values := make([]float64, len(list))
	for i, f := range list {
		values[i] = of(f)
	}
	slices.SortFunc(values, cmp.Compare)
	return (values[(len(values)-1)/2] + values[len(values)/2]) / 2
}

// measure runs one peer in a world of its own and looks whether all is done.
func measure(ctx context.Context, p peer) (made, used figures, err error) {
	if p.own != nil {
		return p.own(ctx, p.n)
	}
	w, err := newWorld(ctx)
	if err != nil {
		return made, used, err
	}
	if made, err = command(ctx, p.produce, w.env(p.n)); err != nil {
		return made, used, err
	}
	if used, err = command(ctx, p.consume, w.env(p.n)); err != nil {
		return made, used, err
	}
	return made, used, w.check(ctx, p.n)
}

// runLimit bounds one run of a peer.
const runLimit = 5 * time.Minute

func command(ctx context.Context, args, env []string) (f figures, err error) {
	ctx, cancel := context.WithTimeout(ctx, runLimit)
	defer cancel()
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Env = append(os.Environ(), env...)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return f, fmt.Errorf("%s: %w", strings.Join(args, " "), err)
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &f); err != nil || f.Seconds <= 0 || f.N <= 0 {
		return f, fmt.Errorf("%s: its last line is %q: %w", strings.Join(args, " "), lines[len(lines)-1], err)
	}
	return f, nil
}

// ours measures the starburst command, with one task a message as the peers have. Its producer also makes the job's
// item and reads all results; its workers start within the time.
func ours(starburst string) func(context.Context, int) (figures, figures, error) {
	side := func(ctx context.Context, mode string, n int) (f figures, err error) {
		cmd := exec.CommandContext(ctx, starburst, "bench", "--servers", "--mode", mode, "--chunk", "1", "--tasks", strconv.Itoa(n), "--size", "100", "--workers", "1", "--slots", "32", "-o", "json")
		cmd.Stderr = os.Stderr
		out, err := cmd.Output()
		if err != nil {
			return f, err
		}
		var doc struct {
			Elapsed  float64 `json:"elapsed_s"`
			Producer struct {
				CPU float64 `json:"cpu_us_per_task"`
			} `json:"producer"`
			Worker struct {
				CPU float64 `json:"cpu_us_per_task"`
			} `json:"worker"`
		}
		err = json.Unmarshal(out, &doc)
		return figures{N: n, Seconds: doc.Elapsed, CPU: (doc.Producer.CPU + doc.Worker.CPU) * float64(n) / 1e6}, err
	}
	return func(ctx context.Context, n int) (made, used figures, err error) {
		if made, err = side(ctx, "produce", n); err != nil {
			return made, used, err
		}
		used, err = side(ctx, "consume", n)
		return made, used, err
	}
}
