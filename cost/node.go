package cost

// Node is a machine that several tasks share, such as an EC2 instance. A Fargate
// worker has its machine to itself and needs none of this.
type Node struct {
	// VCPUMilli and MemoryMiB are what the machine has.
	VCPUMilli, MemoryMiB int64
}

// NodeTask is one task's reservation on a node and what it really used; the larger counts.
type NodeTask struct {
	VCPUMilli, MemoryMiB         int64
	UsedVCPUMilli, UsedMemoryMiB int64
}

// vcpuWeight is how many GB of memory a vCPU is worth: 9, the ratio of Fargate's
// two prices (AWS split cost allocation data, "relative unit weights").
const vcpuWeight = 9

// NodeShare is one task's part of a node's bill.
type NodeShare struct {
	// Used pays for the capacity allocated to the task, Unused is its part of what nobody took.
	Used, Unused PicoUSD
}

// Total is the sum of the parts.
func (s NodeShare) Total() PicoUSD { return s.Used + s.Unused }

// SplitNode divides a node's bill among its tasks as AWS split cost allocation data
// does: vCPU and memory are priced 9 : 1, a task is allocated the larger of what it
// reserved and what it used, and each resource's unused part is spread in proportion
// to that resource's allocation. When more is allocated than the node has, a task's
// part is its share of all that is allocated. The shares add up to the bill to the
// pico-dollar; without tasks there are none and the bill is idle.
func SplitNode(bill PicoUSD, n Node, tasks []NodeTask) []NodeShare {
	vcpu, memory := make([]int64, len(tasks)), make([]int64, len(tasks))
	var vcpuSum, memorySum int64
	for i, t := range tasks {
		vcpu[i] = bounded(max(t.VCPUMilli, t.UsedVCPUMilli))
		memory[i] = bounded(max(t.MemoryMiB, t.UsedMemoryMiB))
		vcpuSum += vcpu[i]
		memorySum += memory[i]
	}
	// In units of 1/1000 vCPU and 1/1024 GB: 9·milli/1000 against MiB/1024.
	weights := []int64{vcpuWeight * bounded(n.VCPUMilli) * 1024, bounded(n.MemoryMiB) * 1000}
	pools := apportion(bill, weights)
	if len(tasks) == 0 || pools == nil {
		return nil
	}
	shares := make([]NodeShare, len(tasks))
	spread(pools[0], bounded(n.VCPUMilli), vcpu, vcpuSum, shares)
	spread(pools[1], bounded(n.MemoryMiB), memory, memorySum, shares)
	return shares
}

// spread divides one resource's pool: what is allocated first, then the rest in proportion to it; among all
// alike when nobody is allocated any.
func spread(pool PicoUSD, capacity int64, allocated []int64, sum int64, shares []NodeShare) {
	unused := PicoUSD(0)
	if sum < capacity {
		if parts := apportion(pool, []int64{sum, capacity - sum}); parts != nil {
			pool, unused = parts[0], parts[1]
		}
	}
	weight := allocated
	if sum == 0 {
		weight = make([]int64, len(allocated))
		for i := range weight {
			weight[i] = 1
		}
		pool, unused = 0, pool+unused
	}
	used, rest := apportion(pool, weight), apportion(unused, weight)
	for i := range shares {
		shares[i].Used += used[i]
		shares[i].Unused += rest[i]
	}
}
