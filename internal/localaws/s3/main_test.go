package s3

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

// dirVariable makes the test binary an endpoint on that directory, to be killed.
const dirVariable = "LOCAL_S3_DIR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(dirVariable); dir != "" {
		fmt.Fprintln(os.Stdout, serveEndpoint(dir))
		os.Exit(1)
	}
	goleak.VerifyTestMain(m)
}

func serveEndpoint(dir string) error {
	d, err := db.Open(filepath.Join(dir, "state.db"))
	if err != nil {
		return err
	}
	s, err := New(d, filepath.Join(dir, "objects"), Options{})
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Fprintln(os.Stdout, "http://"+l.Addr().String())
	return http.Serve(l, s)
}
