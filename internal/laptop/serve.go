package laptop

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/starburst-go/starburst/internal/localaws"
	"github.com/starburst-go/starburst/internal/oplog"
)

// greeting is the line an endpoint process writes to standard output once: its
// URL, or why it could not start.
type greeting struct {
	URL string `json:"url,omitempty"`
	Err string `json:"error,omitempty"`
	// InUse is set when another process has the state directory open.
	InUse bool `json:"inUse,omitempty"`
}

// serveGrace bounds the end of an endpoint process: its tasks are asked to end,
// then killed.
const serveGrace = 10 * time.Second

// Serve is the endpoint process: it serves the state in dir at addr until
// standard input ends (the parent is gone or wants it so) or a SIGTERM comes.
// It is what Start runs.
func Serve(ctx context.Context, dir, addr string, stdin io.Reader, stdout io.Writer) error {
	ctx, cancel := signal.NotifyContext(ctx, syscall.SIGTERM)
	defer cancel()
	platform, err := PlatformFromEnv(os.Getenv)
	if err != nil {
		return say(stdout, greeting{Err: err.Error()})
	}
	config := localaws.Config{Dir: dir, Addr: addr, Log: oplog.New(os.Stderr, oplog.Options{Component: "endpoint", Level: slog.LevelWarn, Local: true})}
	platform.Set(&config)
	srv, err := localaws.Start(ctx, config)
	if err != nil {
		var inUse *localaws.InUseError
		// The parent reports it, or tries another state.
		return say(stdout, greeting{Err: err.Error(), InUse: errors.As(err, &inUse)})
	}
	if err := say(stdout, greeting{URL: srv.URL()}); err != nil {
		return err
	}
	go func() {
		_, _ = io.Copy(io.Discard, bufio.NewReader(stdin))
		cancel()
	}()
	<-ctx.Done()
	closeCtx, done := context.WithTimeout(context.WithoutCancel(ctx), serveGrace)
	defer done()
	return srv.Close(closeCtx)
}

func say(w io.Writer, g greeting) error {
	b, err := json.Marshal(g)
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintf(w, "%s\n", b); err != nil {
		return fmt.Errorf("tell the parent where the endpoint is: %w", err)
	}
	return nil
}
