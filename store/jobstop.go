package store

import (
	"context"
	"time"
)

// StopJob cancels the job because it has reached its cost cap, in pico-dollars. A job that
// was resumed with another cap meanwhile is left alone, and the first end of a job stands. It
// reports whether the job is cancelled now.
func (s *Store) StopJob(ctx context.Context, id, why string, capPico int64, at time.Time) (cancelled bool, err error) {
	held, have, err := s.changeJob(ctx, id, change{
		op: "stop", set: "SET #s = :want, #f = :at, #w = :why", condition: "#s IN (:open, :sealed) AND #c = :cap",
		names: map[string]string{"#s": "state", "#f": "finished", "#w": "why", "#c": "cap_pico"},
		values: item{
			":want": avS(string(Cancelled)), ":at": avMS(at), ":why": avS(why), ":cap": avN(capPico),
			":open": avS(string(Open)), ":sealed": avS(string(Sealed)),
		},
	})
	if held || err != nil {
		return held, err
	}
	f := fields{it: have}
	return State(f.str("state")) == Cancelled, f.err
}

// ResumeJob opens a job again that StopJob has stopped, with another cost cap in
// pico-dollars (0 for none); its producer then sends what has no result. It may be repeated. Any
// other job is a *StateError.
func (s *Store) ResumeJob(ctx context.Context, id string, capPico int64) error {
	held, have, err := s.changeJob(ctx, id, change{
		op: "resume", set: "SET #s = :open, #c = :cap REMOVE #f, #w", condition: "#s = :cancelled AND attribute_exists(#w)",
		names:  map[string]string{"#s": "state", "#c": "cap_pico", "#f": "finished", "#w": "why"},
		values: item{":open": avS(string(Open)), ":cap": avN(capPico), ":cancelled": avS(string(Cancelled))},
	})
	if held || err != nil {
		return err
	}
	f := fields{it: have}
	is := State(f.str("state"))
	if is == Open && f.num("cap_pico") == capPico {
		return f.err // by an earlier call whose answer got lost
	}
	return &StateError{Job: id, Have: is, Want: Open}
}
