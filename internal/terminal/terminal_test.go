package terminal

import (
	"bytes"
	"os"
	"testing"
)

func TestDecide(t *testing.T) {
	t.Parallel()
	plain, colours, all := Style{}, Style{Color: true}, Style{Color: true, Draw: true}
	for name, c := range map[string]struct {
		terminal bool
		env      map[string]string
		want     Style
	}{
		"a terminal":                            {true, nil, all},
		"a pipe":                                {false, nil, plain},
		"NO_COLOR":                              {true, map[string]string{"NO_COLOR": "1"}, Style{Draw: true}},
		"an empty NO_COLOR says nothing":        {true, map[string]string{"NO_COLOR": ""}, all},
		"a dumb terminal":                       {true, map[string]string{"TERM": "dumb"}, plain},
		"CI":                                    {true, map[string]string{"CI": "true"}, colours},
		"CLICOLOR_FORCE in a pipe":              {false, map[string]string{"CLICOLOR_FORCE": "1"}, colours},
		"CLICOLOR_FORCE=0 says nothing":         {false, map[string]string{"CLICOLOR_FORCE": "0"}, plain},
		"NO_COLOR goes before CLICOLOR_FORCE":   {true, map[string]string{"CLICOLOR_FORCE": "1", "NO_COLOR": "1"}, Style{Draw: true}},
		"--color always goes before NO_COLOR":   {false, map[string]string{EnvColor: "always", "NO_COLOR": "1"}, colours},
		"--color never goes before all":         {true, map[string]string{EnvColor: "never", "CLICOLOR_FORCE": "1"}, Style{Draw: true}},
		"--color auto is as if it was not said": {false, map[string]string{EnvColor: "auto", "CLICOLOR_FORCE": "1"}, colours},
	} {
		if got := decide(c.terminal, func(n string) string { return c.env[n] }); got != c.want {
			t.Errorf("%s: %+v; want %+v", name, got, c.want)
		}
	}
}

func TestWhatIsNoTerminal(t *testing.T) {
	t.Parallel()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _, _ = r.Close(), w.Close() }()
	none := func(string) string { return "" }
	for _, stream := range []any{new(bytes.Buffer), r, w, nil} {
		if Of(stream, none) != (Style{}) || Asks(stream, none) {
			t.Errorf("%T is taken for a terminal", stream)
		}
	}
}
