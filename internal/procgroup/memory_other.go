//go:build !linux

package procgroup

// Resident is not known here.
func Resident(int) int64 { return 0 }

// SacrificeFirst does nothing here.
func SacrificeFirst(int) {}
