// Package waves runs the autoscaler with real workers: a fleet that is slow to start, launched at a limited rate and held by a
// quota, of which every size, every start and every stop is watched from outside. It has tests only, which take minutes:
//
//	make waves    on the embedded endpoint's ECS, and on moto's with an agent beside it for what moto lacks
//
// The parts are processes of their own that do not know where they run: `starburst autoscale` decides, workers of this
// package's test program nap, and neither has the settings of a laptop. Each worker writes down when it began and ended
// a nap, so that the test can tell whether one was stopped at work.
package waves
