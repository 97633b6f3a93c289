package joblog

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"time"
)

// Header is the first line, without its end.
const Header = "Seq\tHost\tStarttime\tJobRuntime\tSend\tReceive\tExitval\tSignal\tCommand"

// Entry is one line.
type Entry struct {
	// Seq is the task's number, from 1.
	Seq int
	// Started and Runtime are told to the millisecond.
	Started time.Time
	Runtime time.Duration
	// Receive is the size of the result, in bytes.
	Receive int
	// Exit is the exit status; −1 when a signal ended the program, its time was up, or it could not be started.
	Exit int
	// Signal that ended the program; 0 for none.
	Signal int
	// Command is what was run.
	Command []string
}

// OK reports whether the task has succeeded.
func (e Entry) OK() bool { return e.Exit == 0 && e.Signal == 0 }

// maxCommand bounds the command of a line, so that a line is written in one piece.
const maxCommand = 2 << 10

// String is the line with its end.
func (e Entry) String() string {
	words := make([]string, len(e.Command))
	for i, w := range e.Command {
		words[i] = quote(w)
	}
	command := strings.Join(words, " ")
	if len(command) > maxCommand {
		command = command[:maxCommand]
	}
	return fmt.Sprintf("%d\t:\t%.3f\t%10.3f\t0\t%d\t%d\t%d\t%s\n",
		e.Seq, float64(e.Started.UnixMilli())/1000, e.Runtime.Seconds(), e.Receive, e.Exit, e.Signal, command)
}

// quote makes a word one that a shell reads as it is, on one line.
func quote(w string) string {
	w = strings.NewReplacer("\n", `\n`, "\t", `\t`, "\r", `\r`).Replace(w)
	if w != "" && !strings.ContainsAny(w, " '\"\\$`|&;<>()*?[]{}#~!") {
		return w
	}
	return "'" + strings.ReplaceAll(w, "'", `'\''`) + "'"
}

// Create makes the file with its header. With keep, what is in the file stays, and the header is only written into an empty one.
func Create(name string, keep bool) error {
	flags := os.O_CREATE | os.O_WRONLY | os.O_APPEND
	if !keep {
		flags |= os.O_TRUNC
	}
	f, err := os.OpenFile(name, flags, 0o644) //nolint:gosec // the user's own file
	if err != nil {
		return fmt.Errorf("open the job log: %w", err)
	}
	defer f.Close() //nolint:errcheck // Sync tells
	if info, err := f.Stat(); err != nil || info.Size() > 0 {
		return err
	}
	if _, err := f.WriteString(Header + "\n"); err != nil {
		return fmt.Errorf("write the job log: %w", err)
	}
	return f.Sync()
}

// Append adds a line, in one write to a file opened for appending: other processes do the same.
func Append(name string, e Entry) error {
	f, err := os.OpenFile(name, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return fmt.Errorf("open the job log: %w", err)
	}
	_, err = f.WriteString(e.String())
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return fmt.Errorf("write the job log: %w", err)
	}
	return nil
}

// maxLine bounds a line that is read, in bytes.
const maxLine = 1 << 20

// Read reads a log. Of several lines about one task the last one counts. A last line without its end, which
// an interrupted machine may leave, is passed over.
func Read(r io.Reader) (map[int]Entry, error) {
	entries := map[int]Entry{}
	br := bufio.NewReaderSize(r, 64<<10)
	for n := 1; ; n++ {
		line, err := br.ReadString('\n')
		if errors.Is(err, io.EOF) {
			return entries, nil
		}
		if err != nil {
			return nil, fmt.Errorf("read the job log: %w", err)
		}
		line = strings.TrimSuffix(line, "\n")
		if len(line) > maxLine {
			return nil, fmt.Errorf("line %d of the job log has %d bytes", n, len(line))
		}
		if line == Header || line == "" {
			continue
		}
		e, err := parse(line)
		if err != nil {
			return nil, fmt.Errorf("line %d of the job log: %w", n, err)
		}
		entries[e.Seq] = e
	}
}

func parse(line string) (e Entry, err error) {
	f := strings.SplitN(line, "\t", 9)
	if len(f) != 9 {
		return e, fmt.Errorf("%d columns, not 9", len(f))
	}
	for _, column := range []struct {
		at   int
		into *int
	}{{0, &e.Seq}, {5, &e.Receive}, {6, &e.Exit}, {7, &e.Signal}} {
		if *column.into, err = strconv.Atoi(strings.TrimSpace(f[column.at])); err != nil {
			return e, fmt.Errorf("column %d: %w", column.at+1, err)
		}
	}
	started, err := strconv.ParseFloat(strings.TrimSpace(f[2]), 64)
	if err != nil {
		return e, fmt.Errorf("column 3: %w", err)
	}
	runtime, err := strconv.ParseFloat(strings.TrimSpace(f[3]), 64)
	if err != nil {
		return e, fmt.Errorf("column 4: %w", err)
	}
	if e.Seq < 1 || !(started >= 0 && started < 1e12) || !(runtime >= 0 && runtime < 1e9) {
		return e, fmt.Errorf("task %d, start %v or run time %v is out of range", e.Seq, started, runtime)
	}
	e.Started, e.Runtime = time.UnixMilli(int64(started*1000+0.5)), time.Duration(runtime*float64(time.Second))
	e.Command = []string{f[8]}
	return e, nil
}

// ReadFile is Read of a file; one that does not exist is empty.
func ReadFile(name string) (map[int]Entry, error) {
	f, err := os.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return map[int]Entry{}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the job log: %w", err)
	}
	defer f.Close() //nolint:errcheck // it was only read
	return Read(f)
}
