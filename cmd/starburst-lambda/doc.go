// Command starburst-lambda is the autoscaler as an AWS Lambda function, for a schedule of one minute. `make lambda` builds it as the file
// `bootstrap` (runtime provided.al2023) in dist/starburst-lambda-arm64.zip and dist/starburst-lambda-x86_64.zip.
//
// An invocation looks every ten seconds for 55 s at most while there is work, and ends at once when there is none or another autoscaler
// leads: one leader at a time is held by a lease in the table, so that the schedule may overlap with a `starburst autoscale` elsewhere.
// A leader that dies is replaced within 90 s by the function alone.
//
// Its event is ignored. Its settings are variables of the environment, the same that `starburst autoscale` reads:
//
//	STARBURST_QUEUE_URL         the queue
//	STARBURST_TABLE             the table
//	STARBURST_BUCKET            the bucket, for plans of jobs that do not fit an item (optional)
//	STARBURST_FLEET             the fleet's name (default: default)
//	STARBURST_CLUSTER           the ECS cluster
//	STARBURST_SERVICE           the ECS service, or
//	STARBURST_SERVICES          all services on the usual capacity, separated by commas
//	STARBURST_FALLBACK_SERVICE  services on On-Demand that stand in for Spot (optional)
//	STARBURST_MAX_WORKERS       most workers; required
//	STARBURST_SLOTS             tasks at once per worker (default: 1)
//	STARBURST_MODE              fast, efficiency, deadline, budget or value (default: efficiency)
//	STARBURST_EFFICIENCY        least share of a worker's bill that should be work (default: 0.7)
//	STARBURST_DEADLINE          when everything should be done, such as 2026-11-24T18:00:00Z
//	STARBURST_BUDGET            most dollars that the workers of the unfinished jobs may cost
//	STARBURST_VALUE             dollars that an hour of waiting is worth
//	STARBURST_MAX_WAIT          how long a task may wait for company (default: 0s)
//	STARBURST_MAX_COST_PER_HOUR, STARBURST_MAX_COST_PER_DAY
//	                            most dollars in any hour and in any 24 hours
//	STARBURST_VCPU_QUOTA        vCPUs that the fleet may use; 0 or unset asks Service Quotas
//	STARBURST_WARM, STARBURST_WARM_FOR
//	                            workers that stay when there is nothing to do, and for how long (default: 0, 15m)
//	STARBURST_SUBNETS           the workers' subnets, whose free addresses are a limit (optional)
//	STARBURST_START_UP, STARBURST_STOP_LAG, STARBURST_LAUNCH_RATE, STARBURST_LAUNCH_BURST, STARBURST_EXCLUSIVE
//	                            see `starburst autoscale --help`
//	STARBURST_LOG               debug, info or warn (default: info)
//
// It may: sqs:GetQueueAttributes on the queue; dynamodb:GetItem, PutItem, UpdateItem, Query and BatchGetItem on the table; s3:GetObject
// on the bucket's in/; ecs:DescribeServices and UpdateService on the services, StopTask in the cluster, ListTasks and DescribeTasks, and
// DescribeTaskDefinition; and, to know what is left, servicequotas:GetServiceQuota, cloudwatch:GetMetricData, ec2:DescribeSubnets and, where nothing has
// run yet, ecs:ListClusters, with ListTasks and DescribeTasks for all of them. Without one of these nothing is launched, and the decision says why.
package main
