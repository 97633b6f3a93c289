package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// be plays one side of a peer written in Go.
func be(ctx context.Context, name, side string) error {
	w, err := inherited(ctx)
	if err != nil {
		return err
	}
	sides := map[string]func(context.Context, world) error{
		"floor produce": floorProduce, "floor consume": floorConsume,
		"gocloud produce": gocloudProduce, "gocloud consume": gocloudConsume,
		"watermill produce": watermillProduce, "watermill consume": watermillConsume,
	}
	f := sides[name+" "+side]
	if f == nil {
		return fmt.Errorf("there is no %s %s", name, side)
	}
	start, before := time.Now(), cpu()
	if err := f(ctx, w); err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(figures{N: w.n, Seconds: time.Since(start).Seconds(), CPU: (cpu() - before).Seconds()})
}

// cpu is what this process has used so far.
func cpu() time.Duration {
	var r unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &r); err != nil {
		return 0
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}
