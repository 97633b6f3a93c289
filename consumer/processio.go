package consumer

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/starburst-go/starburst/codec"
)

// input is what the program reads from standard input.
func (p Program) input(t Task) (io.Reader, error) {
	switch p.Stdin {
	case Msgpack:
		return bytes.NewReader(t.Arg), nil
	case JSON:
		b, err := codec.MsgpackToJSON(t.Arg)
		return bytes.NewReader(append(b, '\n')), err
	case Text:
		text, err := argumentText(t.Arg)
		return strings.NewReader(text + "\n"), err
	}
	return nil, nil //nolint:nilnil // exec's nil is an empty standard input
}

// result is what the program wrote: to the file, if it made one, else to standard output.
func (p Program) result(file string, stdout []byte) ([]byte, error) {
	out, found, err := readOutput(file)
	if err != nil {
		return nil, err
	}
	if !found {
		out = stdout
	}
	if p.Result == JSON {
		raw, err := codec.JSONToMsgpack(out)
		if err != nil {
			return nil, BadResult("program "+p.Argv[0], err)
		}
		return raw, nil
	}
	if p.Result == Msgpack {
		if err := codec.Guard(out, codec.MaxValueDepth); err != nil {
			return nil, BadResult("program "+p.Argv[0], err)
		}
		return out, nil
	}
	return codec.Marshal(strings.TrimSuffix(strings.TrimSuffix(string(out), "\n"), "\r"))
}

// readOutput reads the file that STARBURST_OUTPUT names, if the program has made it.
func readOutput(name string) (b []byte, found bool, err error) {
	f, err := os.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, fmt.Errorf("read the program's output: %w", err)
	}
	defer f.Close() //nolint:errcheck // it was only read
	info, err := f.Stat()
	if err != nil {
		return nil, false, fmt.Errorf("read the program's output: %w", err)
	}
	if !info.Mode().IsRegular() {
		return nil, false, fmt.Errorf("the program's output is not a file but %s", info.Mode())
	}
	b, err = io.ReadAll(io.LimitReader(f, MaxOutput+1))
	switch {
	case err != nil:
		return nil, false, fmt.Errorf("read the program's output: %w", err)
	case len(b) > MaxOutput:
		return nil, false, tooMuch("$STARBURST_OUTPUT")
	}
	return b, true, nil
}

// limitedBuffer keeps up to MaxOutput bytes and notes when there was more.
type limitedBuffer struct {
	bytes.Buffer
	over bool
}

// Write never fails: a program must not be stopped by a broken pipe, it must be
// told apart by what it did.
func (b *limitedBuffer) Write(p []byte) (int, error) {
	if b.Len()+len(p) > MaxOutput {
		b.over = true
		return len(p), nil
	}
	return b.Buffer.Write(p)
}
