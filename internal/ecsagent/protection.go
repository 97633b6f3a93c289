package ecsagent

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// agentVariable is set by ECS in every container of a task (ECS developer guide, task scale-in protection endpoint).
const agentVariable = "ECS_AGENT_URI"

// protectionTimeout bounds one call about protection. The agent asks ECS, which takes longer than the agent's
// own metadata; a worker that waited for it any longer would be paid for waiting.
const protectionTimeout = 5 * time.Second

// MinProtection and MaxProtection bound how long a task can be protected at a time (ECS API reference, UpdateTaskProtection).
const (
	MinProtection = time.Minute
	MaxProtection = 48 * time.Hour
)

// ProtectionError is ECS's refusal to protect a task, or to end its protection.
type ProtectionError struct {
	// Code is ECS's, such as TASK_NOT_VALID for a task of no service, DEPLOYMENT_BLOCKED, AccessDeniedException for a task
	// role without ecs:UpdateTaskProtection, or ThrottlingException.
	Code, Message string
}

// Error names what may have to be changed.
func (e *ProtectionError) Error() string {
	switch {
	case strings.HasPrefix(e.Code, "AccessDenied"):
		return fmt.Sprintf("ECS answered %s: %s; allow the task role ecs:UpdateTaskProtection and ecs:GetTaskProtection", e.Code, e.Message)
	case e.Message == "":
		return "ECS answered " + e.Code
	}
	return fmt.Sprintf("ECS answered %s: %s", e.Code, e.Message)
}

// Final reports whether asking again is of no use: the task belongs to no service, so that no scale-in can meet it.
func (e *ProtectionError) Final() bool { return e.Code == "TASK_NOT_VALID" }

// ErrNoProtection says that the agent's address for task protection is not known: ECS_AGENT_URI is not set, as in platform
// versions before 1.4.
var ErrNoProtection = errors.New("this task cannot protect itself: " + agentVariable + " is not set")

// protectionAnswer is the agent's answer: one member is set.
type protectionAnswer struct {
	Protection *struct {
		ExpirationDate    time.Time
		ProtectionEnabled bool
	} `json:"protection"`
	Failure *struct{ Reason, Detail string } `json:"failure"`
	Error   *struct{ Code, Message string }  `json:"error"`
}

// Protect keeps ECS from stopping the task when its service's count is lowered or a deployment replaces it, for so long,
// in whole minutes from MinProtection to MaxProtection. It takes 5 s at most, 2 s of which to reach the agent, and asks
// once. A refusal is a *ProtectionError.
func (a *Agent) Protect(ctx context.Context, lasting time.Duration) error {
	minutes := int(min(max(lasting, MinProtection), MaxProtection) / time.Minute)
	_, on, err := a.protection(ctx, http.MethodPut, map[string]any{"ProtectionEnabled": true, "ExpiresInMinutes": minutes})
	if err == nil && !on {
		err = errors.New("the agent answered that it is not")
	}
	if err != nil {
		return fmt.Errorf("protect this ECS task: %w", err)
	}
	return nil
}

// Unprotect ends the task's protection: from then on ECS may stop it.
func (a *Agent) Unprotect(ctx context.Context) error {
	_, on, err := a.protection(ctx, http.MethodPut, map[string]any{"ProtectionEnabled": false})
	if err == nil && on {
		err = errors.New("the agent answered that it still is")
	}
	if err != nil {
		return fmt.Errorf("end the protection of this ECS task: %w", err)
	}
	return nil
}

// Protection asks until when the task is protected; the zero time means that it is not.
func (a *Agent) Protection(ctx context.Context) (until time.Time, err error) {
	until, on, err := a.protection(ctx, http.MethodGet, nil)
	if err != nil {
		return time.Time{}, fmt.Errorf("ask for the protection of this ECS task: %w", err)
	}
	if !on {
		return time.Time{}, nil
	}
	return until, nil
}

func (a *Agent) protection(ctx context.Context, method string, in any) (until time.Time, on bool, err error) {
	if a.agent == "" {
		return until, false, ErrNoProtection
	}
	var body []byte
	if in != nil {
		if body, err = json.Marshal(in); err != nil {
			return until, false, err
		}
	}
	ctx, cancel := context.WithTimeout(ctx, protectionTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, a.agent+"/task-protection/v1/state", bytes.NewReader(body))
	if err != nil {
		return until, false, err
	}
	req.Header.Set("Content-Type", "application/json")
	status, raw, err := a.do(req)
	if err != nil {
		return until, false, err
	}
	var out protectionAnswer
	parsed := json.Unmarshal(raw, &out)
	switch {
	case parsed == nil && out.Failure != nil:
		return until, false, &ProtectionError{out.Failure.Reason, out.Failure.Detail}
	case parsed == nil && out.Error != nil:
		return until, false, &ProtectionError{out.Error.Code, out.Error.Message}
	case status != http.StatusOK:
		return until, false, unexpected(status, raw)
	case parsed != nil:
		return until, false, parsed
	case out.Protection == nil:
		return until, false, fmt.Errorf("the agent's answer %.200q says nothing of protection", raw)
	}
	return out.Protection.ExpirationDate, out.Protection.ProtectionEnabled, nil
}

// agentURL is the address in the environment if a plain HTTP one is there.
func agentURL(value string) string {
	u, err := url.Parse(value)
	if err != nil || u.Scheme != "http" || u.Host == "" {
		return ""
	}
	return strings.TrimSuffix(u.String(), "/")
}
