package codec_test

import (
	"crypto/sha256"
	"strings"
	"testing"

	"github.com/vmihailenco/msgpack/v5"

	"github.com/starburst-go/starburst/codec"
)

func TestWhereAPointerMayLead(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, job, key string
		ok             bool
	}{
		{"under the job's prefix", "j", "in/j/abc", true},
		{"deeper", "j", "in/j/a/b.c", true},
		{"names with dots in them", "j", "in/j/..a/b..c/...", true},
		{"a task without a job", "", "in//abc", false},
		{"another job's arguments", "j", "in/k/abc", false},
		{"a job whose name begins alike", "j", "in/j2/abc", false},
		{"the prefix without its slash", "j", "in/j", false},
		{"the prefix alone", "j", "in/j/", false},
		{"results", "j", "out/j/0/token", false},
		{"a prefix before it", "j", "x/in/j/abc", false},
		{"a leading slash", "j", "/in/j/abc", false},
		{"capitals", "j", "IN/j/abc", false},
		{"a URL", "j", "s3://other/in/j/abc", false},
		{"an ARN", "j", "arn:aws:s3:::other/in/j/abc", false},
		{"upwards", "j", "in/j/../k/abc", false},
		{"upwards at the end", "j", "in/j/..", false},
		{"upwards through a backslash", "j", `in/j/..\k\abc`, false},
		{"in place", "j", "in/j/./abc", false},
		{"an empty element", "j", "in/j//abc", false},
		{"a slash at the end", "j", "in/j/abc/", false},
	} {
		m := codec.Message{Handler: "h", Job: tt.job, Offload: &codec.Offload{Key: tt.key, Len: 1, Count: 1}}
		err := m.CheckOffload()
		if got := reasonOf(t, err); (got == "") != tt.ok || !tt.ok && got != codec.ReasonOffload {
			t.Errorf("%s: job %q, key %q: %v, want it allowed: %v", tt.name, tt.job, tt.key, err, tt.ok)
		}
	}
	if err := (&codec.Message{Handler: "h"}).CheckOffload(); err != nil {
		t.Errorf("without a pointer: %v", err)
	}
}

func TestObjectsAreVerified(t *testing.T) {
	t.Parallel()
	object := codec.EncodeArgs([]msgpack.RawMessage{{0x01}, {0x02}})
	good := codec.Offload{Key: "in/j/a", SHA256: sha256.Sum256(object), Len: int64(len(object)), Count: 2}
	for _, tt := range []struct {
		name   string
		change func(o *codec.Offload, object []byte) []byte
		want   string
	}{
		{"as it was sent", func(_ *codec.Offload, b []byte) []byte { return b }, ""},
		{"a byte more", func(_ *codec.Offload, b []byte) []byte { return append(b, 0) }, "has 4 bytes"},
		{"a byte less", func(_ *codec.Offload, b []byte) []byte { return b[:2] }, "has 2 bytes"},
		{"nothing", func(*codec.Offload, []byte) []byte { return nil }, "has 0 bytes"},
		{"another byte", func(_ *codec.Offload, b []byte) []byte { b[2]++; return b }, "SHA-256"},
		{"another count", func(o *codec.Offload, b []byte) []byte { o.Count = 3; return b }, "holds 2 arguments"},
		{"not an array", func(o *codec.Offload, _ []byte) []byte { return rehash(o, []byte{0xc0}) }, "want an array"},
		{"the five bytes", func(o *codec.Offload, _ []byte) []byte { return rehash(o, unhex(t, "dd7fffffff")) }, "declares"},
		{"bytes after it", func(o *codec.Offload, b []byte) []byte { return rehash(o, append(b, 0xc0)) }, "after the arguments"},
	} {
		o := good
		args, err := o.Open(tt.change(&o, append([]byte(nil), object...)))
		if tt.want == "" {
			if err != nil || len(args) != 2 || string(args[1]) != "\x02" {
				t.Errorf("%s: %x, %v", tt.name, args, err)
			}
			continue
		}
		if args != nil || reasonOf(t, err) != codec.ReasonOffload || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %x, %v, want %q", tt.name, args, err, tt.want)
		}
	}
}

// rehash makes the pointer vouch for other bytes: whoever sends a message can do that.
func rehash(o *codec.Offload, b []byte) []byte {
	o.SHA256, o.Len = sha256.Sum256(b), int64(len(b))
	return b
}
