package store

import (
	"context"
	"time"
)

// StopJob cancels the job for a reason that is no person's, such as its cost cap.
// The first end stands: of a job that has ended it changes nothing and returns no error.
func (s *Store) StopJob(ctx context.Context, id, why string, at time.Time) error {
	_, _, err := s.changeJob(ctx, id, change{
		op: "stop", set: "SET #s = :want, #f = :at, #w = :why", condition: "#s IN (:open, :sealed)",
		names: map[string]string{"#s": "state", "#f": "finished", "#w": "why"},
		values: item{
			":want": avS(string(Cancelled)), ":at": avMS(at), ":why": avS(why), ":open": avS(string(Open)), ":sealed": avS(string(Sealed)),
		},
	})
	return err
}

// ResumeJob opens a job again that StopJob has stopped, with another cost cap in
// pico-dollars (0 for none); its producer then sends what has no result. Any other job is a *StateError.
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
	return &StateError{Job: id, Have: State(f.str("state")), Want: Open}
}
