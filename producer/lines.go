package producer

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"
)

// MaxLine is the longest line of an input file, in bytes: a JSON line, or a CSV
// record with all its lines. One argument of that size already fills an SQS message;
// larger ones belong into files of their own that the arguments name.
const MaxLine = 1 << 20

var errLineTooLong = fmt.Errorf("longer than %d bytes; put large data into a file or object and pass its name", MaxLine)

// line is one line of a text file without its end.
type line struct {
	number int
	text   []byte // valid until the next line
}

// textLines yields the lines that are not blank. A byte order mark is skipped,
// lines may end in LF or CRLF, the last one in nothing.
func textLines(name string, r io.Reader) iter.Seq2[line, error] {
	return func(yield func(line, error) bool) {
		br := bufio.NewReaderSize(r, 64<<10)
		skipBOM(br)
		var long []byte
		for n := 1; ; n++ {
			text, err := readLine(br, &long)
			if err != nil && !errors.Is(err, io.EOF) {
				yield(line{}, &InputError{Source: name, Line: n, Err: err})
				return
			}
			if len(bytes.TrimSpace(text)) > 0 && !yield(line{n, text}, nil) {
				return
			}
			if err != nil {
				return
			}
		}
	}
}

// readLine returns the next line; long is its buffer for lines that do not fit br's own.
func readLine(br *bufio.Reader, long *[]byte) ([]byte, error) {
	text, err := br.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		*long = (*long)[:0]
		for errors.Is(err, bufio.ErrBufferFull) && len(*long) <= MaxLine {
			*long = append(*long, text...)
			text, err = br.ReadSlice('\n')
		}
		*long = append(*long, text...)
		text = *long
	}
	text = bytes.TrimSuffix(bytes.TrimSuffix(text, []byte("\n")), []byte("\r"))
	if len(text) > MaxLine {
		return nil, errLineTooLong
	}
	return text, err
}

// skipBOM drops the byte order mark that some editors and spreadsheets put in front of UTF-8.
func skipBOM(br *bufio.Reader) {
	if head, _ := br.Peek(3); string(head) == "\xef\xbb\xbf" {
		_, _ = br.Discard(3)
	}
}
