package ecs

import (
	"syscall"
	"time"
)

// loop plans and acts, until the service is closed: when something happened, or
// when the moment has come that the last plan named. It is the only one that
// starts and signals processes (but for StopTasks' last resort).
func (s *Service) loop() {
	timer := time.NewTimer(0)
	defer timer.Stop()
	var stopping bool
	var logsChecked time.Time
	for {
		select {
		case <-s.ctx.Done():
			return
		case <-s.wake:
		case <-timer.C:
		}
		now := time.Now()
		s.mu.Lock()
		todo := s.state.plan(now)
		live, nowStopping, closing := s.state.live(), s.state.stopping() > 0, s.state.closing
		running := s.running()
		s.mu.Unlock()

		if nowStopping != stopping { // before the SIGTERMs: workers wait in long polls
			stopping = nowStopping
			s.opt.OnStopping(stopping)
		}
		s.act(todo)
		if closing && live == 0 {
			closeOnce(s.quiet)
		}
		if len(running) > 0 {
			if now.Sub(logsChecked) >= checkLogsEvery {
				logsChecked = now
				s.cutLogs(running)
			}
			todo.wakeAt(logsChecked.Add(checkLogsEvery))
		}
		switch {
		case todo.more:
			s.plan()
		case !todo.next.IsZero():
			timer.Reset(time.Until(todo.next))
		}
	}
}

func closeOnce(c chan struct{}) {
	select {
	case <-c:
	default:
		close(c)
	}
}

// running returns the ids of the tasks that have a process. The caller holds mu.
func (s *Service) running() (ids []string) {
	for id, t := range s.state.tasks {
		if t.proc != nil {
			ids = append(ids, id)
		}
	}
	return ids
}

func (s *Service) cutLogs(ids []string) {
	for _, id := range ids {
		if err := s.logs.cut(id); err != nil {
			s.opt.Log.Warn("task log", "task", id, "err", err)
		}
	}
}

// act commits what was planned, then does it: after a kill -9 the next endpoint
// must know which tasks it may find, and which were to be stopped.
func (s *Service) act(todo steps) {
	if err := s.store.commit(); err != nil {
		s.opt.Log.Error("task state is not stored; nothing is started until it is", "err", err)
		time.AfterFunc(time.Second, s.plan)
		return
	}
	s.signal(todo.term, syscall.SIGTERM)
	s.signal(todo.kill, syscall.SIGKILL)
	s.launch(todo.start)
	for _, id := range todo.gone {
		if err := s.logs.remove(id); err != nil {
			s.opt.Log.Warn("remove task log", "task", id, "err", err)
		}
	}
}

func (s *Service) signal(tasks []*task, sig syscall.Signal) {
	for _, t := range tasks {
		s.mu.Lock()
		p := t.proc
		if sig == syscall.SIGKILL {
			t.killSent = true
		} else {
			t.termAt = time.Now()
		}
		s.mu.Unlock()
		if p == nil {
			continue // it has ended meanwhile
		}
		if err := p.signal(sig); err != nil {
			s.opt.Log.Error("stop task", "task", t.ID, "err", err)
		}
	}
}

// launch starts the tasks' processes, commits their pids together, and only
// then reports them as RUNNING.
func (s *Service) launch(tasks []*task) {
	var begun []*task
	for _, t := range tasks {
		s.mu.Lock()
		c, wanted := s.command(t), t.Desired == statusRunning
		s.mu.Unlock()
		if !wanted {
			continue
		}
		p, err := s.startLogged(t.ID, c)
		s.mu.Lock()
		if err != nil {
			s.state.notBegun(t, err, time.Now())
		} else {
			t.PID, t.Identity, t.proc = p.pid, p.identity, p
			s.state.touch(t.row())
			begun = append(begun, t)
		}
		s.mu.Unlock()
	}
	if len(tasks) == 0 {
		return
	}
	if err := s.store.commit(); err != nil {
		// A process that no later endpoint would know of must not run.
		s.opt.Log.Error("stop tasks whose process ids are not stored", "tasks", len(begun), "err", err)
		s.signal(begun, syscall.SIGKILL)
	}
	s.mu.Lock()
	for _, t := range begun {
		s.state.began(t, time.Now())
		s.watch(t.ID, t.proc)
	}
	s.mu.Unlock()
	s.plan() // stores RUNNING, settles the services, plans failed starts again
}

// command makes the process of a task. The caller holds mu.
func (s *Service) command(t *task) command {
	d, err := s.state.definition(t.Definition)
	if err != nil {
		d = &definition{} // cannot be: definitions are never removed
	}
	args := d.Run.Command
	if len(t.Overrides.Command) > 0 {
		args = t.Overrides.Command
	}
	argv := append(append([]string{}, d.Run.EntryPoint...), args...)
	return command{argv: argv, env: s.state.environment(t, d), dir: d.Run.WorkingDir}
}

func (s *Service) startLogged(id string, c command) (*process, error) {
	log, err := s.logs.create(id)
	if err != nil {
		return nil, err
	}
	defer func() { _ = log.Close() }() // the task has its own copy
	c.log = log
	return start(c)
}

// watch waits for the process in a goroutine of its own and reports its end.
func (s *Service) watch(id string, p *process) {
	s.wg.Go(func() {
		exit, err := p.wait(s.ctx)
		if err != nil {
			return // closed: the task lives on
		}
		now := time.Now()
		// A worker that dies at once has usually said why.
		const tailBytes = 800
		reason := ""
		if tail := s.logs.tail(id, tailBytes); tail != "" {
			reason = reasonExited + ". Last output: " + tail
		}
		s.mu.Lock()
		if t := s.state.tasks[id]; t != nil {
			if exit != nil && *exit == 0 || now.Sub(t.StartedAt) >= s.opt.QuickDeath {
				reason = ""
			}
			s.state.exited(t, exit, reason, now)
		}
		s.mu.Unlock()
		s.plan()
	})
}
