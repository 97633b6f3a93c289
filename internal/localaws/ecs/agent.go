package ecs

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/starburst-go/starburst/internal/localaws/awsjson"
)

// serveAgent answers what a task asks its agent; path is "<task id>/…".
func (s *Service) serveAgent(w http.ResponseWriter, r *http.Request, path string) {
	id, path, _ := strings.Cut(path, "/")
	s.mu.Lock()
	t := s.state.tasks[id]
	s.mu.Unlock()
	if t == nil {
		http.Error(w, "no such task", http.StatusNotFound)
		return
	}
	const protection = "task-protection/v1/state"
	switch route := r.Method + " " + path; route {
	case "GET v4":
		s.answer(w, func(st *state, _ time.Time) (any, error) { return st.containerMetadata(t), nil })
	case "GET v4/task":
		s.answer(w, func(st *state, _ time.Time) (any, error) { return st.taskMetadata(t), nil })
	case "GET " + protection:
		s.answer(w, func(st *state, now time.Time) (any, error) {
			out, err := st.getProtection(getProtectionInput{t.Cluster, []string{t.ID}}, now)
			return agentAnswer(out), err
		})
	case "PUT " + protection:
		s.protect(w, r, t)
	default:
		http.Error(w, route+" is not supported by the local endpoint", http.StatusNotFound)
	}
}

func (s *Service) protect(w http.ResponseWriter, r *http.Request, t *task) {
	const maxBody = 1 << 16 // bytes
	var in agentProtectionInput
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err == nil {
		err = json.Unmarshal(body, &in)
	}
	s.answer(w, func(st *state, now time.Time) (any, error) {
		if err != nil {
			return nil, invalid("Task protection: %v", err)
		}
		out, err := st.updateProtection(updateProtectionInput{t.Cluster, []string{t.ID}, in.Enabled, in.Minutes}, now)
		return agentAnswer(out), err
	})
}

// answer writes the JSON of what ask returns, or the agent's form of an error.
func (s *Service) answer(w http.ResponseWriter, ask func(*state, time.Time) (any, error)) {
	body, err := apply(s, ask)
	status := http.StatusOK
	if err != nil {
		status = http.StatusInternalServerError
		e := agentError{Code: "ServerException", Message: err.Error()}
		if api := (*awsjson.Error)(nil); errors.As(err, &api) {
			status, e = http.StatusBadRequest, agentError{Code: api.Code, Message: api.Message}
		}
		if body, err = json.Marshal(agentProtection{Error: &e}); err != nil {
			body = []byte("{}")
		}
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body) // a task that has gone away misses its answer
}
