package dynamodb

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"go.uber.org/goleak"

	"github.com/starburst-go/starburst/internal/localaws/db"
)

// serveEnv makes this test binary a server on the database in the directory it names (see TestKill).
const serveEnv = "STARBURST_TEST_SERVE_DYNAMODB"

func TestMain(m *testing.M) {
	if dir := os.Getenv(serveEnv); dir != "" {
		fmt.Fprintln(os.Stderr, serve(dir))
		os.Exit(1)
	}
	goleak.VerifyTestMain(m)
}

// serve prints its URL and serves until it is killed.
func serve(dir string) error {
	d, err := db.Open(filepath.Join(dir, "state.db"))
	if err != nil {
		return err
	}
	svc, err := New(d, Options{})
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Printf("http://%s\n", l.Addr())
	return http.Serve(l, svc)
}
