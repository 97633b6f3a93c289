//go:build !unix

package consumer

import "time"

// processCPU returns zero where the system does not tell.
func processCPU() time.Duration { return 0 }
