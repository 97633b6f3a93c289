package ecs

// UsedVCPU returns the vCPUs of the tasks that are not stopped, on Fargate Spot or not: what CloudWatch's
// usage metrics tell of an account. Definitions without a size count as 1 vCPU.
func (s *Service) UsedVCPU(spot bool) float64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return float64(s.state.used(spot)) / 1024
}
