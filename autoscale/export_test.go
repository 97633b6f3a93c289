package autoscale

// EstimateMean is the life table's mean in seconds, with nothing known before.
func EstimateMean(done, ages *Histogram, total float64) float64 {
	return lifeTable(done, ages, 1, total).mean
}
