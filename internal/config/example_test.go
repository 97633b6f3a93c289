package config_test

import (
	"fmt"

	"github.com/starburst-go/starburst/internal/config"
)

func Example() {
	user, err := config.Parse("config.toml", []byte("[profile.default]\nstack = \"prod\"\nworkers = 8\n"), config.Profiled)
	if err != nil {
		fmt.Println(err)
		return
	}
	settings, err := config.Resolve(config.Sources{
		User:   user,
		Getenv: func(name string) string { return map[string]string{"STARBURST_WORKERS": "2"}[name] },
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, s := range settings.List {
		fmt.Println(s.Key, s.Value, s.Origin)
	}
	// Output:
	// stack prod profile default in config.toml:2
	// workers 2 environment STARBURST_WORKERS
}
