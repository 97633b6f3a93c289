package ecs

import (
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/starburst-go/starburst/internal/localaws/db"
)

// What was committed is read back the same: everything but the processes.
func TestStateComesBack(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "state.db")
	w := newWorld(3, nil)
	w.clusters["default"].Tags = []tag{{"a", "b"}}
	w.run()
	w.sorted()[0].ProtectedTill = w.now.Add(time.Hour)
	w.desire(1)
	w.exit(1, 3)
	for _, c := range w.clusters {
		w.touch(c.row())
	}
	w.touch(w.families["f"][0].row(), w.v.row(), rowKey{kindTask, "never there"})

	d, err := db.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	s := store{db: d, mu: &sync.Mutex{}, st: w.state}
	if err := s.load(t.Context()); err != nil { // creates the table
		t.Fatal(err)
	}
	if err := s.commit(); err != nil {
		t.Fatal(err)
	}
	back := read(t, d)
	same := cmp.Options{
		cmp.AllowUnexported(state{}), cmpopts.IgnoreFields(state{}, "dirty", "launches", "opt"), cmpopts.EquateEmpty(),
		cmpopts.IgnoreUnexported(task{}),
	}
	if diff := cmp.Diff(w.state, back, same); diff != "" {
		t.Errorf("(-written +read):\n%s", diff)
	}

	// Deletions are written too.
	w.after(DefaultStoppedRetention + time.Second)
	if err := s.commit(); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(w.state, read(t, d), same); diff != "" {
		t.Errorf("after a deletion (-written +read):\n%s", diff)
	}

	// A failed commit keeps what it could not write.
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	w.desire(2)
	if err := s.commit(); err == nil || len(w.dirty) == 0 {
		t.Errorf("committed to a closed database: %v, %d dirty", err, len(w.dirty))
	}
}

func read(t *testing.T, d *db.DB) *state {
	t.Helper()
	s := store{db: d, mu: &sync.Mutex{}, st: newState(Options{}.withDefaults())}
	if err := s.load(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s.st
}

func TestForeignStateIsRefused(t *testing.T) {
	t.Parallel()
	for name, row := range map[string][3]string{
		"a hole in a family":           {kindDefinition, "f:2", `{"Family":"f","Revision":2}`},
		"a service without deployment": {kindService, "c/s", `{"Cluster":"c","Name":"s"}`},
		"an unknown kind":              {"secret", "x", `{}`},
		"no JSON":                      {kindTask, "x", `{`},
		"a huge revision":              {kindDefinition, "f:x", `{"Family":"f","Revision":1e9}`},
	} {
		d, err := db.Open(filepath.Join(t.TempDir(), "state.db"))
		if err != nil {
			t.Fatal(err)
		}
		err = d.Update(t.Context(), func(tx *db.Tx) error {
			_, err := tx.Exec(schema)
			return err
		})
		if err == nil {
			err = d.Update(t.Context(), func(tx *db.Tx) error {
				_, err := tx.Exec(`INSERT INTO ecs_state VALUES (?, ?, ?)`, row[0], row[1], []byte(row[2]))
				return err
			})
		}
		if err != nil {
			t.Fatal(err)
		}
		if s, err := New(d, Options{BaseURL: "http://127.0.0.1", Dir: t.TempDir()}); err == nil {
			t.Errorf("%s: accepted", name)
			s.Close()
		}
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestOptionsAreChecked(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		opt  Options
		want string
	}{
		{Options{Dir: "d"}, "ecs options: BaseURL is empty; tasks need it to reach the endpoint"},
		{Options{BaseURL: "u"}, "ecs options: Dir is empty; the tasks' logs go there"},
		{Options{BaseURL: "u", Dir: "d", LaunchRate: -1}, "ecs options: LaunchRate is -1, must not be negative"},
	} {
		if _, err := New(nil, tc.opt); err == nil || err.Error() != tc.want {
			t.Errorf("got %v, want %s", err, tc.want)
		}
	}
}
