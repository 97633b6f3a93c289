//go:build unix

package localaws

import (
	"errors"
	"io"
	"net"
	"testing"
)

// pair returns both ends of a connection.
func pair(t *testing.T) (server *watchedConn, client *net.TCPConn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	s, err := watchedListener{l}.Accept()
	if err != nil {
		t.Fatal(err)
	}
	return s.(*watchedConn), c.(*net.TCPConn)
}

func TestWhatCountsAsUnread(t *testing.T) {
	t.Parallel()
	answer := []byte("answer")
	one := make([]byte, 1)
	cases := []struct {
		name   string
		client func(c *net.TCPConn) error // after the server has written
		early  bool                       // before it writes, instead
		undone bool
	}{
		{"closed with unread bytes", func(c *net.TCPConn) error { return c.Close() }, false, true},
		{"closed before the answer came", func(c *net.TCPConn) error { return c.Close() }, true, true},
		{"cut", func(c *net.TCPConn) error { _ = c.SetLinger(0); return c.Close() }, false, true},
		{"read and closed", func(c *net.TCPConn) error {
			if _, err := io.ReadFull(c, make([]byte, len(answer))); err != nil {
				return err
			}
			return c.Close()
		}, false, false},
		{"read, and something else asked before the end", func(c *net.TCPConn) error {
			if _, err := c.Write(one); err != nil {
				return err
			}
			return c.CloseWrite()
		}, false, false},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			server, client := pair(t)
			defer client.Close()
			undone := 0
			server.OnUnread(func() { undone++ })
			if tc.early {
				if err := tc.client(client); err != nil {
					t.Fatal(err)
				}
				if _, err := server.Read(one); !errors.Is(err, io.EOF) {
					t.Fatalf("read %v, want the orderly end", err)
				}
			}
			if _, err := server.Write(answer); err != nil {
				t.Fatal(err)
			}
			if !tc.early {
				if err := tc.client(client); err != nil {
					t.Fatal(err)
				}
				_, _ = server.Read(one) // as the HTTP server does for the next request
			}
			_ = server.Close()
			if (undone == 1) != tc.undone || undone > 1 {
				t.Errorf("undone %d times, want it undone: %v", undone, tc.undone)
			}
		})
	}
}
