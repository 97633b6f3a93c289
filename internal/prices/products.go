package prices

import "regexp"

// product says which rows of an offer file are the price of a line.
type product struct {
	line string
	// usage is the usage type without the prefix of its region ("USE1-", "EU-").
	usage []string
	// operation, when not empty, must match, too.
	operation string
	// units are how AWS may call the unit, unit is ours.
	units []string
	unit  string
}

// offer is one offer file and what is taken from it.
type offer struct {
	code     string
	products []product
}

var (
	hours     = []string{"hours", "Hrs", "vCPU-Hours", "GB-Hours", "Hours"}
	gigabytes = []string{"GB"}
	gbMonths  = []string{"GB-Mo", "GB-month"}
	calls     = []string{"Requests", "Request", "API Requests", "ReadRequestUnits", "WriteRequestUnits", "ReadRequestUnit", "WriteRequestUnit"}
)

// offers are the files of the AWS Price List that prices come from. Fargate Spot is in none of them.
func offers() []offer {
	return []offer{
		{"AmazonECS", []product{
			{"fargate.x86.vcpu", []string{"Fargate-vCPU-Hours:perCPU"}, "", hours, "vCPU-hour"},
			{"fargate.x86.gb", []string{"Fargate-GB-Hours"}, "", hours, "GB-hour"},
			{"fargate.arm.vcpu", []string{"Fargate-ARM-vCPU-Hours:perCPU"}, "", hours, "vCPU-hour"},
			{"fargate.arm.gb", []string{"Fargate-ARM-GB-Hours"}, "", hours, "GB-hour"},
			{"fargate.disk", []string{"Fargate-EphemeralStorage-GB-Hours"}, "", hours, "GB-hour"},
		}},
		{"AWSQueueService", []product{
			{"sqs.request", []string{"Requests-RBP", "Requests-Tier1"}, "", calls, "request"},
			{"sqs.fifo.request", []string{"Requests-FIFO-RBP", "Requests-FIFO-Tier1"}, "", calls, "request"},
		}},
		{"AmazonDynamoDB", []product{
			{"dynamodb.wru", []string{"WriteRequestUnits"}, "PayPerRequestThroughput", calls, "request"},
			{"dynamodb.rru", []string{"ReadRequestUnits"}, "PayPerRequestThroughput", calls, "request"},
			{"dynamodb.storage", []string{"TimedStorage-ByteHrs"}, "", gbMonths, "GB-month"},
		}},
		{"AmazonS3", []product{
			{"s3.put", []string{"Requests-Tier1"}, "", calls, "request"},
			{"s3.get", []string{"Requests-Tier2"}, "", calls, "request"},
			{"s3.storage", []string{"TimedStorage-ByteHrs"}, "", gbMonths, "GB-month"},
		}},
		{"AmazonVPC", []product{
			{"ipv4", []string{"PublicIPv4:InUseAddress"}, "", hours, "hour"},
			{"endpoint.hour", []string{"VpcEndpoint-Hours"}, "", hours, "hour"},
			{"endpoint.gb", []string{"VpcEndpoint-Bytes"}, "", gigabytes, "GB"},
		}},
		{"AmazonCloudWatch", []product{
			{"logs.ingest", []string{"DataProcessing-Bytes"}, "PutLogEvents", gigabytes, "GB"},
		}},
		{"AWSLambda", []product{
			{"lambda.request", []string{"Request"}, "", calls, "request"},
			{"lambda.gb", []string{"Lambda-GB-Second"}, "", []string{"Lambda-GB-Second", "seconds", "GB-Second"}, "GB-second"},
		}},
		{"AmazonECR", []product{
			{"ecr.storage", []string{"TimedStorage-ByteHrs"}, "", gbMonths, "GB-month"},
		}},
	}
}

// ec2Offer holds the NAT gateway and the machines. Its file has some hundred megabytes.
func ec2Offer() offer {
	return offer{"AmazonEC2", []product{
		{"nat.hour", []string{"NatGateway-Hours"}, "NatGateway", hours, "hour"},
		{"nat.gb", []string{"NatGateway-Bytes"}, "NatGateway", gigabytes, "GB"},
		{"ec2.c7i.xlarge", []string{"BoxUsage:c7i.xlarge"}, "RunInstances", hours, "hour"},
		{"ec2.c7g.xlarge", []string{"BoxUsage:c7g.xlarge"}, "RunInstances", hours, "hour"},
	}}
}

// regionPrefix is what usage types of most regions begin with.
var regionPrefix = regexp.MustCompile(`^[A-Z]{2,4}[0-9]{0,2}-`)
