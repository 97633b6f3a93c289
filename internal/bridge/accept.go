package bridge

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/starburst-go/starburst/internal/exit"
)

// How long a connection may take to say its token, and a caller to come at all.
const (
	helloTimeout  = 10 * time.Second
	callerTimeout = time.Minute
)

// Address tells a caller where to connect.
type Address struct {
	Port int `json:"port"`
	PID  int `json:"pid"`
}

// Listen opens a port on the loopback interface and writes its Address to the file at
// path, whole or not at all, readable by the user alone.
func Listen(ctx context.Context, path string) (*net.TCPListener, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen for the caller: %w", err)
	}
	tcp, _ := l.(*net.TCPListener)
	port := tcp.Addr().(*net.TCPAddr).Port //nolint:forcetypeassert // of a TCP listener
	b, err := json.Marshal(Address{Port: port, PID: os.Getpid()})
	if err != nil {
		return nil, errors.Join(err, l.Close())
	}
	part := filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+".part")
	if err := os.WriteFile(part, append(b, '\n'), 0o600); err != nil {
		return nil, errors.Join(fmt.Errorf("say where to connect: %w", err), l.Close())
	}
	if err := os.Rename(part, path); err != nil {
		return nil, errors.Join(fmt.Errorf("say where to connect: %w", err), l.Close())
	}
	return tcp, nil
}

// Accept waits, up to a minute, for the caller who knows the token. Others on this machine
// who find the port are turned away. It closes the listener.
func Accept(ctx context.Context, l *net.TCPListener, token string) (net.Conn, error) {
	defer func() { _ = l.Close() }()
	stop := context.AfterFunc(ctx, func() { _ = l.Close() })
	defer stop()
	if err := l.SetDeadline(time.Now().Add(callerTimeout)); err != nil {
		return nil, err
	}
	for {
		conn, err := l.Accept()
		if err != nil {
			return nil, fmt.Errorf("wait for the caller: %w", err)
		}
		if greets(conn, token) {
			return conn, nil
		}
		_ = conn.Close()
	}
}

// greets reads the first frame. A stranger may hold up the caller for helloTimeout, not longer.
func greets(conn net.Conn, token string) bool {
	var hello request
	if conn.SetReadDeadline(time.Now().Add(helloTimeout)) != nil || readFrame(conn, &hello) != nil {
		return false
	}
	return subtle.ConstantTimeCompare([]byte(hello.Token), []byte(token)) == 1 && conn.SetReadDeadline(time.Time{}) == nil
}

// Fail tells the caller why there will be no bridge.
func Fail(conn net.Conn, err error) {
	w := newWriter()
	w.send(map[string]any{"t": "failed", "error": err.Error(), "hint": exit.HintOf(err), "code": int(exit.CodeOf(err))})
	w.close()
	_ = w.run(conn) // the exit code says it, too
}
