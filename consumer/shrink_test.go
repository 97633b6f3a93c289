package consumer

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/starburst-go/starburst/codec"
	"github.com/starburst-go/starburst/store"
)

// TestOutcomesTooLargeForAnItemEndAllTheSame records in a table that takes 1,000
// bytes of values, arguments and stacks.
func TestOutcomesTooLargeForAnItemEndAllTheSame(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		// args and values are the sizes of each task's; a value of 0 is a failure.
		args, values []int
		// want is each task's kind of failure, with "-" when its argument is lost; "" for a success.
		want []string
	}{
		{"all fits", []int{10, 10}, []int{400, 0}, []string{"", "error"}},
		{"a value is too large", []int{10, 10, 10}, []int{100, 2000, 0}, []string{"", "result", "error"}},
		{"an argument of a failed task is too large", []int{10, 2000, 10}, []int{100, 0, 0}, []string{"", "error-", "error"}},
		{"a value that is too large, with such an argument", []int{2000, 10}, []int{3000, 100}, []string{"result-", ""}},
		{"many arguments", []int{600, 600, 600, 600, 600, 10}, []int{0, 0, 0, 0, 0, 100}, []string{"error-", "error-", "error-", "error-", "error", ""}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			m := codec.Message{Handler: "h", Job: "j"}
			for _, n := range tt.args {
				raw, err := codec.Marshal(make([]byte, n))
				if err != nil {
					t.Fatal(err)
				}
				m.Args = append(m.Args, raw)
			}
			raw, err := codec.AppendMessage(nil, &m)
			if err != nil {
				t.Fatal(err)
			}
			body := base64.StdEncoding.EncodeToString(raw) // zstd's pool of coders must not be made in the bubble
			synctest.Test(t, func(t *testing.T) {
				b := setup(Registry{"h": func(_ context.Context, task Task) ([]byte, error) {
					if n := tt.values[task.Index]; n > 0 {
						return codec.Marshal(make([]byte, n))
					}
					return nil, &Error{Kind: store.FailError, Final: true, Err: errors.New("no")}
				}}, body)
				puts := 0
				b.results.putErr = func(res store.Result) (error, bool) {
					puts++
					size := 0
					for _, s := range res.Settled {
						size += len(s.Value)
						if s.Failure != nil {
							size += len(s.Failure.Argument) + len(s.Failure.Stack)
						}
					}
					if size > 1000 {
						return fmt.Errorf("put: %w", &store.TooLargeError{What: "the results", Size: size, Limit: 1000}), false
					}
					return nil, false
				}
				b.runUntil(t, time.Minute, b.drained)
				var got []string
				for _, res := range b.results.items {
					for _, s := range res.Settled {
						kind := ""
						if f := s.Failure; f != nil {
							kind = string(f.Kind)
							if f.Argument == nil {
								kind += "-"
							}
						}
						got = append(got, kind)
					}
				}
				if fmt.Sprint(got) != fmt.Sprint(tt.want) || puts > 4 {
					t.Errorf("outcomes %q after %d puts, want %q", got, puts, tt.want)
				}
			})
		})
	}
}
