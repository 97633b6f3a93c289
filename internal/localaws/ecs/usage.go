package ecs

// UsedVCPU returns the vCPUs of the tasks that are not stopped, on Fargate Spot or not: what CloudWatch's
// usage metrics tell of an account. Definitions without a size count as 1 vCPU.
func (s *Service) UsedVCPU(spot bool) float64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	units := 0
	for _, t := range s.state.tasks {
		if t.Last != statusStopped && t.onSpot() == spot {
			units += s.state.cpuUnits(t)
		}
	}
	return float64(units) / 1024
}

// onSpot reports whether the task counts against the Spot quota.
func (t *task) onSpot() bool { return t.Provider == "FARGATE_SPOT" }

// cpuUnits is what the task counts against the quota, 1,024 a vCPU.
func (st *state) cpuUnits(t *task) int {
	if d, err := st.definition(t.Definition); err == nil && d.CPU > 0 {
		return d.CPU
	}
	return 1024
}
