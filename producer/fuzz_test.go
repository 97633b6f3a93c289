package producer_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/starburst-go/starburst/codec"
	"github.com/starburst-go/starburst/producer"
)

// FuzzFiles holds what any file must give: the same twice, arguments that a message
// can carry, and at most one error, which names a line.
func FuzzFiles(f *testing.F) {
	for i, seed := range []string{
		"", "\n", "1\n{\"a\":[1,2.5,null]}\r\n", "{", "\xef\xbb\xbf1", "a,b\n1,x\n", "a,b\n\"x\n\"\"y\",-0\n", "a,a\n", "a\n\"", "x\xff\n", "a\n1e5\n\n2\n",
	} {
		f.Add([]byte(seed), uint8(i))
	}
	formats := []producer.Format{producer.JSONL, producer.CSV, producer.Lines}
	f.Fuzz(func(t *testing.T, content []byte, format uint8) {
		source := fileOf(t, content, formats[int(format)%len(formats)])
		var passes [2][][]byte
		var errs [2]string
		for pass := range passes {
			for raw, err := range source.Args() {
				if errs[pass] != "" {
					t.Fatal("the sequence goes on after its error")
				}
				if err != nil {
					errs[pass] = err.Error()
					var in *producer.InputError
					if !errors.As(err, &in) || in.Line < 1 {
						t.Fatalf("error %v", err)
					}
					continue
				}
				m := &codec.Message{Handler: "h", Args: append([]rawMessage(nil), raw)}
				if _, err := codec.AppendMessage(nil, m); err != nil && codec.Guard(raw, codec.MaxValueDepth) == nil {
					t.Fatalf("argument %x: %v", raw, err)
				}
				passes[pass] = append(passes[pass], slices.Clone(raw))
			}
		}
		if d := cmp.Diff(passes[0], passes[1]); d != "" || errs[0] != errs[1] {
			t.Fatalf("the second pass differs:\n%s%s\n%s", d, errs[0], errs[1])
		}
	})
}
