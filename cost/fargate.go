package cost

import "time"

// Size is what a worker reserves; Fargate bills the reservation, not the use.
type Size struct {
	// VCPUMilli is in thousandths of a vCPU: 250 is a quarter.
	VCPUMilli int64 `json:"vcpu_milli"`
	// MemoryMiB is in MiB; a billed "GB" is 1,024 of them.
	MemoryMiB int64 `json:"memory_mib"`
	// DiskGiB is the whole ephemeral disk. The first IncludedDiskGiB are free; 0 means just those.
	DiskGiB int64 `json:"disk_gib,omitempty"`
}

// IncludedDiskGiB is the ephemeral disk that every Fargate task has at no charge (Fargate pricing page).
const IncludedDiskGiB = 20

// Rate is what one second of a worker costs, by resource.
type Rate struct {
	VCPU, GB, Disk PicoUSD
	// OS is a licence fee per vCPU-second (Windows only).
	OS PicoUSD
	// MinSeconds is the shortest billed life: 60, for Windows 300.
	MinSeconds int64
}

// Bill is the price of one worker's life by resource. Each part is rounded to the pico-dollar.
type Bill struct {
	// Seconds billed, after the minimum.
	Seconds            int64
	VCPU, GB, Disk, OS PicoUSD
	// PublicIPv4 is the address charge; FargateBill leaves it 0.
	PublicIPv4 PicoUSD
}

// Total is the sum of the parts.
func (b Bill) Total() PicoUSD {
	return add(add(add(add(b.VCPU, b.GB), b.Disk), b.OS), b.PublicIPv4)
}

// Bounds on what a ledger may claim, so that a corrupt one cannot overflow the
// products: a hundred years, and sizes far beyond any instance.
const (
	maxBilledSeconds = 100 * 366 * 24 * 3600
	maxResource      = 1 << 30
)

// BilledSeconds is max(minimum, ceil(stop − start)) where start is the beginning of
// the image pull (Fargate pricing page: "from the time you start to download your
// container image until the task terminates, rounded up to the nearest second").
// A worker that never pulled (zero start) or "stopped" before its pull bills nothing.
func BilledSeconds(start, stop time.Time, minimum int64) int64 {
	if start.IsZero() || stop.Before(start) {
		return 0
	}
	life := stop.Sub(start)
	seconds := int64(life / time.Second)
	if life%time.Second > 0 {
		seconds++
	}
	return min(max(minimum, seconds), maxBilledSeconds)
}

// FargateBill prices one worker from the start of its image pull to its end. For a
// worker that still runs, stop is now.
func FargateBill(rate Rate, size Size, start, stop time.Time) Bill {
	t := BilledSeconds(start, stop, rate.MinSeconds)
	return Bill{
		Seconds: t,
		VCPU:    mulDiv(rate.VCPU, t*bounded(size.VCPUMilli), 1000),
		GB:      mulDiv(rate.GB, t*bounded(size.MemoryMiB), 1024),
		Disk:    mulDiv(rate.Disk, t*bounded(size.DiskGiB-IncludedDiskGiB), 1),
		OS:      mulDiv(rate.OS, t*bounded(size.VCPUMilli), 1000),
	}
}

func bounded(resource int64) int64 { return min(max(0, resource), maxResource) }
