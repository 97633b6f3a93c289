package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/starburst-go/starburst/internal/burst"
	"github.com/starburst-go/starburst/internal/faults"
	"github.com/starburst-go/starburst/internal/laptop"
	"github.com/starburst-go/starburst/internal/role"
	"github.com/starburst-go/starburst/internal/stack"
	"github.com/starburst-go/starburst/internal/usage"
	"github.com/starburst-go/starburst/store"
)

// site is where a run happens: an open session, and what stands around it.
type site struct {
	cfg      Config
	dir      string // of the run's own
	session  *burst.Session
	endpoint string           // the URL of the bench's own endpoint; "" with foreign servers
	own      *laptop.Endpoint // when the session does not have it
	proxies  []*faults.Proxy
	fleet    *fleet // nil when the autoscaler has the workers
}

// open brings everything up except for a fixed fleet.
func open(ctx context.Context, c Config) (*site, error) {
	dir, err := os.MkdirTemp("", "starburst-bench-")
	if err != nil {
		return nil, err
	}
	s := &site{cfg: c, dir: dir}
	// A state of its own: the measured endpoint has no history.
	if err = os.Setenv("XDG_STATE_HOME", dir); err == nil {
		if c.Fixed {
			err = s.openFixed(ctx)
		} else {
			err = s.openScaled(ctx)
		}
	}
	if err != nil {
		err = errors.Join(err, s.close(ctx))
		s.remove()
		return nil, err
	}
	return s, nil
}

// openScaled opens the laptop mode as any program has it.
func (s *site) openScaled(ctx context.Context) (err error) {
	s.session, err = burst.Open(ctx, burst.Config{
		State: "bench", Workers: s.cfg.Workers, Slots: s.cfg.Slots, Handlers: []string{Handler},
		Command: append([]string{s.cfg.Self}, s.cfg.WorkerArgs...), Env: append(s.cfg.handlerEnv(), EnvDir+"="+s.dir), Endpoint: []string{s.cfg.Self},
	})
	if err == nil {
		s.endpoint = s.session.Stack().Endpoint
	}
	return err
}

// openFixed makes a queue and a table of the run's own where the environment says, and opens a session without autoscaler on them.
func (s *site) openFixed(ctx context.Context) error {
	if err := s.pointSDK(ctx); err != nil {
		return err
	}
	clients, err := stack.Open(ctx, stack.Stack{})
	if err != nil {
		return err
	}
	name := fmt.Sprintf("bench-%d-%d", os.Getpid(), time.Now().UnixMilli())
	st, err := stack.Create(ctx, clients, stack.Stack{Fleet: "bench"}, stack.Options{Name: name, NoBucket: s.cfg.Servers && !clients.Local})
	if err != nil {
		return err
	}
	if err := st.Store(clients).PutHandler(ctx, st.Fleet, store.HandlerInfo{Name: Handler, Seen: time.Now(), Language: "go", Build: role.Build()}); err != nil {
		return err
	}
	s.session, err = burst.Open(ctx, burst.Config{Stack: st, Workers: s.cfg.Workers, Slots: s.cfg.Slots})
	return err
}

// pointSDK makes the SDK of this process and of the workers speak to the servers, by way of the proxies that make calls late.
func (s *site) pointSDK(ctx context.Context) error {
	if !s.cfg.Servers {
		dir, err := laptop.Dir("bench")
		if err != nil {
			return err
		}
		if s.own, err = laptop.StartEndpoint(ctx, dir, []string{s.cfg.Self}, []string{role.Env + "=" + role.Endpoint}); err != nil {
			return err
		}
		s.endpoint = s.own.URL()
		if err := setenv(stack.LocalEnv(s.endpoint)); err != nil {
			return err
		}
	}
	for _, v := range []struct {
		variable string
		delay    Delay
	}{{"AWS_ENDPOINT_URL_SQS", s.cfg.SQS}, {"AWS_ENDPOINT_URL_DYNAMODB", s.cfg.DynamoDB}} {
		upstream := s.endpoint
		if s.cfg.Servers {
			upstream = os.Getenv(v.variable)
		}
		if v.delay.Median == 0 {
			if !s.cfg.Servers {
				_ = os.Unsetenv(v.variable) // fails for impossible names only
			}
			continue
		}
		if upstream == "" {
			return fmt.Errorf("calls can only be made late on the way to a server on this machine: %s is not set", v.variable)
		}
		p, err := faults.Start(faults.Config{Upstream: upstream, Plan: v.delay.plan()})
		if err != nil {
			return err
		}
		s.proxies = append(s.proxies, p)
		if err := os.Setenv(v.variable, p.URL()); err != nil {
			return err
		}
	}
	return nil
}

func setenv(lines []string) error {
	for _, l := range lines {
		name, value, _ := strings.Cut(l, "=")
		if err := os.Setenv(name, value); err != nil {
			return err
		}
	}
	return nil
}

// start starts the fixed fleet.
func (s *site) start(ctx context.Context) (err error) {
	env := append(s.session.Stack().Env(), s.cfg.handlerEnv()...)
	env = append(env, role.Env+"="+role.Worker, role.EnvSlots+"="+strconv.Itoa(s.cfg.Slots), EnvDir+"="+s.dir)
	s.fleet, err = startFleet(ctx, append([]string{s.cfg.Self}, s.cfg.WorkerArgs...), env, s.cfg.Workers)
	return err
}

// servers tells what the servers have used so far: the own endpoint, or the processes that were named.
func (s *site) servers(ctx context.Context) (stats, error) {
	if s.endpoint != "" {
		return askStats(ctx, s.endpoint)
	}
	var sum stats
	for _, pid := range s.cfg.ServerPIDs {
		u, err := usage.Of(pid)
		if err != nil {
			return sum, err
		}
		sum.CPUMS += u.CPU.Milliseconds()
		sum.PeakRSS += u.PeakRSS
	}
	return sum, nil
}

// closeGrace is how long the end of a run may take.
const closeGrace = 30 * time.Second

func (s *site) close(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeGrace)
	defer cancel()
	var errs []error
	if s.fleet != nil {
		s.fleet.stop()
	}
	if s.session != nil {
		if s.cfg.Servers {
			errs = append(errs, s.clear(ctx))
		}
		errs = append(errs, s.session.Close(ctx))
	}
	for _, p := range s.proxies {
		errs = append(errs, p.Close())
	}
	if s.own != nil {
		errs = append(errs, s.own.Close(ctx))
	}
	return errors.Join(errs...)
}

// clear deletes the queues and the table of the run from servers that go on.
func (s *site) clear(ctx context.Context) error {
	st, c := s.session.Stack(), s.session.Clients()
	_, queue := c.SQS.DeleteQueue(ctx, &sqs.DeleteQueueInput{QueueUrl: &st.QueueURL})
	_, dlq := c.SQS.DeleteQueue(ctx, &sqs.DeleteQueueInput{QueueUrl: &st.DLQURL})
	_, table := c.DB.DeleteTable(ctx, &dynamodb.DeleteTableInput{TableName: &st.Table})
	if err := errors.Join(queue, dlq, table); err != nil {
		return fmt.Errorf("delete what the run has made (%s): %w", st, err)
	}
	return nil
}

// leavings is what the workers of the autoscaler have left behind of their usage; it is there once they have ended.
func (s *site) leavings() (usage.Usage, error) {
	files, err := filepath.Glob(filepath.Join(s.dir, "usage-*.json"))
	if err != nil {
		return usage.Usage{}, err
	}
	return sumOfFiles(files)
}

func (s *site) remove() { _ = os.RemoveAll(s.dir) } // a temporary directory
