package localaws

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// InUseError says that another process serves the directory.
type InUseError struct {
	// Dir is the state directory.
	Dir string
	// PID and URL are those of the process that serves it; 0 and "" when it has
	// not written them yet.
	PID int
	URL string
}

// Error names the process and what to do.
func (e *InUseError) Error() string {
	who := "another process"
	if e.PID != 0 {
		who = fmt.Sprintf("process %d", e.PID)
	}
	if e.URL != "" {
		who += " at " + e.URL
	}
	return fmt.Sprintf("local endpoint: the state in %s is served by %s: use that endpoint, end it, or choose another directory", e.Dir, who)
}

// errLocked is what the platform's tryLock returns when another process holds the lock.
var errLocked = errors.New("locked by another process")

// dirLock is a lock on a directory. The kernel releases it when the process
// ends, however it ends.
type dirLock struct{ file *os.File }

// holder is what the lock file says about who holds the lock.
type holder struct {
	PID int    `json:"pid"`
	URL string `json:"url,omitempty"`
}

func lockDir(dir string) (*dirLock, error) {
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("local endpoint: open the lock of %s: %w", dir, err)
	}
	if err := tryLock(f); err != nil {
		if errors.Is(err, errLocked) {
			var h holder
			_ = json.NewDecoder(io.LimitReader(f, 4096)).Decode(&h) // it may not be written yet
			err = &InUseError{Dir: dir, PID: h.PID, URL: h.URL}
		} else {
			err = fmt.Errorf("local endpoint: lock %s: %w", dir, err)
		}
		return nil, errors.Join(err, f.Close())
	}
	l := &dirLock{f}
	if err := l.announce(""); err != nil {
		return nil, errors.Join(err, l.release())
	}
	return l, nil
}

// holderSize is what is written of a holder: more than any needs, so that the next one's text covers it. The file is not cut to
// length first: file systems take a cut and a write for the replacement of a precious file, and bring it to the disk.
const holderSize = 256

// announce writes who holds the lock, for the error of who wants it.
func (l *dirLock) announce(url string) error {
	text := bytes.Repeat([]byte{' '}, holderSize)
	b, err := json.Marshal(holder{PID: os.Getpid(), URL: url})
	if err == nil {
		copy(text, b)
		text[holderSize-1] = '\n'
		_, err = l.file.WriteAt(text, 0)
	}
	if err != nil {
		return fmt.Errorf("local endpoint: write the lock file: %w", err)
	}
	return nil
}

// release unlocks. The file stays: removing it would let two processes lock two
// files of one name.
func (l *dirLock) release() error { return l.file.Close() }
