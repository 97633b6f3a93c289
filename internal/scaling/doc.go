// Package scaling makes the autoscaler of a stack, for each of its homes: the process `starburst autoscale`, the Lambda
// function (cmd/starburst-lambda) and the session inside `starburst run`. All have the same settings, from variables of the
// environment; the process has a flag for each.
//
//	settings, err := scaling.FromEnv(os.Getenv)
//	…
//	home, err := scaling.Open(ctx, scaling.Config{Stack: stack.FromEnv(), Settings: settings})
//	err = home.Loop.Run(ctx)
//
// [All] lists the settings with what they mean. Off the laptop the mode is efficiency: a worker is started only if most of its bill
// will be work. What a worker is and costs comes from the service's task definition and the price book; what the account has left from
// Service Quotas, CloudWatch and the subnets. What is not known holds the fleet where it is.
package scaling
