// Package plan keeps what `starburst plan` found out and the facts that it rests on (the input, the quota, the prices), so that
// whoever runs the job later can see whether they still hold.
//
//	saved := plan.Saved{Input: input, Quota: quota, Prices: plan.PricesOf(book, …), Plan: p}
//	err := saved.Write("plan.json")
//	…
//	saved, err := plan.Read("plan.json")
//	for _, change := range saved.Changes(now) {
//		fmt.Println(change) // "the quota: 64 vCPUs were free, 12 are now"
//	}
//
// [Measure] reads an input through and gives it the identity that a job of it has; [Pick] takes a few tasks of it for a calibration.
package plan
