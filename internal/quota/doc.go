// Package quota knows how many vCPUs an account's Fargate tasks may have
// together in a Region, how many of them anybody uses, and how to ask for more.
//
//	r, err := quota.New(quota.Config{Limits: serviceQuotasClient, Usage: cloudWatchClient, ECS: ecsClient})
//	…
//	q, err := r.Read(ctx, quota.OnDemand)
//	if left, known := q.Available(); known {
//		workers := int(left / vCPUPerWorker)
//	}
//
// # Unknown is an answer
//
// Neither figure is ever guessed. The default that AWS lists for an account is not what a new account has,
// and a usage that cannot be read is not zero: each Figure says whether it is known, who told it and when, or why
// nobody did. Who scales by a quota that is not known must hold.
//
// # Where the figures come from
//
// The limit is Service Quotas' applied value of L-3032A538 (On-Demand) or L-36FBB829 (Spot). The usage is
// CloudWatch's ResourceCount in AWS/Usage, with the dimensions that the ECS developer guide lists for Fargate
// ("AWS Fargate usage metrics"). An account where nothing runs has no data points there; then, and only then, the tasks of
// all clusters are counted in ECS. That count does not see the pods of EKS, which use the same quota.
//
// An operator who knows better sets STARBURST_VCPU_QUOTA: that many vCPUs are the stack's, whoever else uses what.
package quota
