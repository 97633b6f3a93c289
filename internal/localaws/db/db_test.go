package db

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// setup opens a fresh database with a table kv and returns it with its path.
func setup(t testing.TB, options ...Option) (*DB, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "state?#% .db")
	d, err := Open(path, options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	if err := d.Update(t.Context(), func(tx *Tx) error {
		_, err := tx.Exec(`CREATE TABLE kv(k TEXT PRIMARY KEY, v) WITHOUT ROWID`)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return d, path
}

func put(k string, v any) func(tx *Tx) error {
	return func(tx *Tx) error {
		_, err := tx.Exec(`INSERT INTO kv(k, v) VALUES (?, ?)`, k, v)
		return err
	}
}

func all(t testing.TB, d *DB) map[string]any {
	t.Helper()
	got := map[string]any{}
	if err := d.View(t.Context(), func(c *Conn) error {
		rows, err := c.Query(`SELECT k, v FROM kv`)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var k string
			var v any
			if err := rows.Scan(&k, &v); err != nil {
				return err
			}
			got[k] = v
		}
		return rows.Err()
	}); err != nil {
		t.Fatal(err)
	}
	return got
}

func TestUpdateIsVisibleWhenItReturns(t *testing.T) {
	t.Parallel()
	d, _ := setup(t)
	var wg sync.WaitGroup
	want := map[string]any{}
	for i := range 200 {
		k := strconv.Itoa(i)
		want[k] = int64(i)
		wg.Go(func() {
			if err := d.Update(t.Context(), put(k, i)); err != nil {
				t.Error(err)
			}
			if _, ok := all(t, d)[k]; !ok {
				t.Errorf("%s is not visible after its commit", k)
			}
		})
	}
	wg.Wait()
	if diff := cmp.Diff(want, all(t, d)); diff != "" {
		t.Error(diff)
	}
}

func TestValuesRoundTrip(t *testing.T) {
	t.Parallel()
	d, _ := setup(t)
	want := map[string]any{"int": int64(1) << 62, "float": 0.5, "text": "ü\x00b", "blob": []byte{0, 255}, "null": nil}
	for k, v := range want {
		if err := d.Update(t.Context(), put(k, v)); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(want, all(t, d)); diff != "" {
		t.Error(diff)
	}
	if err := d.Update(t.Context(), put("time", time.Now())); err == nil {
		t.Error("an argument type that SQLite has no class for was accepted")
	}
}

// hold stops the writer until the returned function is called, so that a test
// decides which members share a group.
func hold(d *DB) (release func()) {
	entered, leave := make(chan struct{}), make(chan struct{})
	go d.Update(context.Background(), func(*Tx) error { close(entered); <-leave; return nil })
	<-entered
	return func() { close(leave) }
}

func TestGroup(t *testing.T) {
	t.Parallel()
	boom := errors.New("boom")
	cases := []struct {
		name   string
		second func(tx *Tx) error
		errs   [3]bool // which of the three members fail
		want   map[string]any
	}{
		{"all members succeed together", put("b", 2), [3]bool{}, map[string]any{"a": int64(1), "b": int64(2), "c": int64(3)}},
		{"a member that fails before writing fails alone", func(*Tx) error { return boom }, [3]bool{1: true},
			map[string]any{"a": int64(1), "c": int64(3)}},
		{"a single failed statement wrote nothing and fails alone", put("a", 2), [3]bool{1: true},
			map[string]any{"a": int64(1), "c": int64(3)}},
		{"a member that fails half way takes those before it with it", func(tx *Tx) error {
			return errors.Join(put("b", 2)(tx), boom)
		}, [3]bool{true, true, false}, map[string]any{"c": int64(3)}},
		{"a panic is an error of the group, not the end of the process", func(*Tx) error { panic("x") },
			[3]bool{true, true, false}, map[string]any{"c": int64(3)}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			d, _ := setup(t)
			release := hold(d)
			var done [3]chan error
			for i, w := range []func(tx *Tx) error{put("a", 1), c.second, put("c", 3)} {
				done[i] = make(chan error, 1)
				before := d.w.count()
				go func() { done[i] <- d.Update(context.Background(), w) }()
				for d.w.count() == before {
					time.Sleep(50 * time.Microsecond) // the order in the group matters
				}
			}
			release()
			for i := range done {
				if err := <-done[i]; (err != nil) != c.errs[i] {
					t.Errorf("member %d: error %v, want one: %v", i, err, c.errs[i])
				}
			}
			if diff := cmp.Diff(c.want, all(t, d)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestQueueKeepsOrderAndSurvivesClose(t *testing.T) {
	t.Parallel()
	var reported []error
	path := filepath.Join(t.TempDir(), "q.db")
	d, err := Open(path, OnError(func(err error) { reported = append(reported, err) }))
	if err != nil {
		t.Fatal(err)
	}
	d.Queue(func(tx *Tx) error { _, err := tx.Exec(`CREATE TABLE kv(k TEXT PRIMARY KEY, v)`); return err })
	d.Queue(put("a", 1))
	if err := d.Update(t.Context(), func(tx *Tx) error {
		var v int
		found, err := tx.Row(`SELECT v FROM kv WHERE k=?`, []any{"a"}, &v)
		if err == nil && (!found || v != 1) {
			err = fmt.Errorf("queued write not seen by a later update: %v %d", found, v)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	d.Queue(put("a", 2)) // refused by the key: must be reported
	d.Queue(put("b", 2))
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	if len(reported) != 1 {
		t.Errorf("reported %v, want the one refused write", reported)
	}
	if err := d.Update(t.Context(), put("c", 1)); !errors.Is(err, ErrClosed) {
		t.Errorf("update after close: %v", err)
	}
	if err := d.View(t.Context(), func(*Conn) error { return nil }); !errors.Is(err, ErrClosed) {
		t.Errorf("view after close: %v", err)
	}

	again, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if diff := cmp.Diff(map[string]any{"a": int64(1), "b": int64(2)}, all(t, again)); diff != "" {
		t.Error(diff)
	}
}

func TestQueueAloneIsCommittedSoon(t *testing.T) {
	t.Parallel()
	d, _ := setup(t)
	ran := make(chan struct{})
	d.Queue(func(*Tx) error { close(ran); return nil })
	<-ran // without any Update
}

func TestContextBoundsTheWaitOnly(t *testing.T) {
	t.Parallel()
	d, _ := setup(t)
	release := hold(d)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := d.Update(ctx, put("a", 1)); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	release()
	if err := d.Update(t.Context(), put("b", 1)); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]any{"a": int64(1), "b": int64(1)}, all(t, d)); diff != "" {
		t.Error(diff)
	}
}

func TestSnapshotSeesOneState(t *testing.T) {
	t.Parallel()
	d, _ := setup(t)
	count := func(c *Conn) (n int) {
		if _, err := c.Row(`SELECT count(*) FROM kv`, nil, &n); err != nil {
			t.Error(err)
		}
		return n
	}
	if err := d.Snapshot(t.Context(), func(c *Conn) error {
		first := count(c)
		if err := d.Update(t.Context(), put("a", 1)); err != nil {
			return err
		}
		if second := count(c); first != 0 || second != 0 {
			t.Errorf("snapshot moved from %d to %d rows", first, second)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}

func TestNestedQueriesOfOneText(t *testing.T) {
	t.Parallel()
	d, _ := setup(t)
	for _, k := range []string{"a", "b"} {
		if err := d.Update(t.Context(), put(k, 1)); err != nil {
			t.Fatal(err)
		}
	}
	pairs := 0
	if err := d.View(t.Context(), func(c *Conn) error {
		outer, err := c.Query(`SELECT k FROM kv`)
		if err != nil {
			return err
		}
		defer outer.Close()
		for outer.Next() {
			inner, err := c.Query(`SELECT k FROM kv`)
			if err != nil {
				return err
			}
			for inner.Next() {
				pairs++
			}
			if err := inner.Close(); err != nil {
				return err
			}
		}
		return outer.Err()
	}); err != nil {
		t.Fatal(err)
	}
	if pairs != 4 {
		t.Errorf("%d pairs of 2 rows", pairs)
	}
}

func BenchmarkUpdate(b *testing.B) {
	for _, callers := range []int{1, 8, 64} {
		b.Run(fmt.Sprintf("callers=%d", callers), func(b *testing.B) {
			d, _ := setup(b)
			body := make([]byte, 200)
			b.SetParallelism(callers)
			b.ReportAllocs()
			var mu sync.Mutex
			n := 0
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					mu.Lock()
					n++
					k := fmt.Sprintf("%010d", n)
					mu.Unlock()
					if err := d.Update(context.Background(), put(k, body)); err != nil {
						b.Fatal(err)
					}
				}
			})
		})
	}
}
