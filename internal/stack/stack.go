// Package stack names the AWS things that one deployment uses (queue, table,
// bucket, service) and makes the SDK clients for them. The laptop mode is a
// stack like any other: only the endpoint differs.
package stack

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/starburst-go/starburst/internal/exit"
	"github.com/starburst-go/starburst/internal/meter"
	"github.com/starburst-go/starburst/store"
)

// Environment variables that describe a stack. Workers, autoscalers and callers
// read the same ones.
const (
	EnvQueueURL = "STARBURST_QUEUE_URL"
	EnvDLQURL   = "STARBURST_DLQ_URL"
	EnvTable    = "STARBURST_TABLE"
	EnvBucket   = "STARBURST_BUCKET"
	EnvFleet    = "STARBURST_FLEET"
	EnvCluster  = "STARBURST_CLUSTER"
	EnvService  = "STARBURST_SERVICE"
	// EnvServices names all services on the usual capacity, separated by commas, where several share the fleet;
	// EnvFallback those on On-Demand that stand in when Spot is not to be had.
	EnvServices = "STARBURST_SERVICES"
	EnvFallback = "STARBURST_FALLBACK_SERVICE"
	// EnvMaxMessage is the queue's largest message in bytes, where that is less than SQS's.
	EnvMaxMessage = "STARBURST_MAX_MESSAGE_BYTES"
	EnvLocal      = "STARBURST_LOCAL" // the endpoint, set by the laptop mode only
)

// DefaultName is the name, and the prefix of the names, of a stack made without one.
const DefaultName = "starburst"

// Stack is one deployment.
type Stack struct {
	QueueURL, DLQURL string
	Table            string
	// MaxMessage is the largest message that the queue takes, in bytes; larger arguments go
	// through the bucket. Default: 0, SQS's own limit.
	MaxMessage int
	// Bucket for large arguments and results; empty means they are refused.
	Bucket string
	// Fleet names the workers that serve the queue. Default: "default".
	Fleet string
	// Cluster and Service are what the autoscaler sizes.
	Cluster, Service string
	// Services are all services on the usual capacity, Service the first of them, and Fallback those on On-Demand beside a fleet on Spot.
	Services, Fallback []string
	// Endpoint is the laptop mode's endpoint; empty on AWS.
	Endpoint string
	// Region and Profile are for the SDK. Default: what its own configuration says.
	Region, Profile string
}

// FromEnv reads the stack from the environment. A stack without queue and table
// is empty: see IsZero.
func FromEnv() Stack { return From(os.Getenv) }

// From is FromEnv for what answers like the environment.
func From(getenv func(string) string) Stack {
	s := Stack{
		QueueURL: getenv(EnvQueueURL), DLQURL: getenv(EnvDLQURL),
		Table: getenv(EnvTable), Bucket: getenv(EnvBucket),
		Fleet:   cmp.Or(getenv(EnvFleet), "default"),
		Cluster: getenv(EnvCluster), Service: getenv(EnvService),
		Services: List(getenv(EnvServices)), Fallback: List(getenv(EnvFallback)),
		Endpoint: getenv(EnvLocal),
	}
	if s.Endpoint == "" {
		s.Region, s.Profile = getenv("AWS_REGION"), getenv("AWS_PROFILE")
	}
	s.MaxMessage, _ = strconv.Atoi(getenv(EnvMaxMessage)) // what is no number is SQS's own limit
	if s.Service == "" && len(s.Services) > 0 {
		s.Service = s.Services[0]
	}
	return s
}

// List splits names at commas; spaces and empty names are left out.
func List(names string) (list []string) {
	for name := range strings.SplitSeq(names, ",") {
		if name = strings.TrimSpace(name); name != "" {
			list = append(list, name)
		}
	}
	return list
}

// IsZero reports whether no stack is configured.
func (s Stack) IsZero() bool { return s.QueueURL == "" && s.Table == "" }

// Validate says what is missing.
func (s Stack) Validate() error {
	for _, v := range []struct{ name, value string }{{EnvQueueURL, s.QueueURL}, {EnvTable, s.Table}} {
		if v.value == "" {
			return exit.Errorf(exit.Usage, "%s is not set", v.name).WithHint("run `starburst init --create` and export the lines it prints, or unset the other STARBURST_ variables to use the laptop mode")
		}
	}
	return nil
}

// Env returns the variables that describe the stack, for export lines and for
// the environment of workers.
func (s Stack) Env() []string {
	var env []string
	if s.MaxMessage > 0 {
		env = append(env, EnvMaxMessage+"="+strconv.Itoa(s.MaxMessage))
	}
	for _, v := range []struct{ name, value string }{
		{EnvQueueURL, s.QueueURL}, {EnvDLQURL, s.DLQURL}, {EnvTable, s.Table}, {EnvBucket, s.Bucket},
		{EnvFleet, s.Fleet}, {EnvCluster, s.Cluster}, {EnvService, s.Service},
		{EnvServices, strings.Join(s.Services, ",")}, {EnvFallback, strings.Join(s.Fallback, ",")}, {EnvLocal, s.Endpoint},
	} {
		if v.value != "" {
			env = append(env, v.name+"="+v.value)
		}
	}
	if s.Endpoint != "" {
		env = append(env, LocalEnv(s.Endpoint)...)
	}
	return env
}

// LocalRegion and LocalKey are what the laptop's endpoint is spoken to with; it checks neither.
const (
	LocalRegion = "us-east-1"
	LocalKey    = "starburst-local"
)

// LocalEnv returns the variables that point any AWS SDK at a local endpoint.
func LocalEnv(endpoint string) []string {
	return []string{
		"AWS_ENDPOINT_URL=" + endpoint, "AWS_REGION=" + LocalRegion, "AWS_DEFAULT_REGION=" + LocalRegion,
		"AWS_ACCESS_KEY_ID=" + LocalKey, "AWS_SECRET_ACCESS_KEY=" + LocalKey,
	}
}

// Clients are the SDK clients of one configuration.
type Clients struct {
	SQS *sqs.Client
	DB  *dynamodb.Client
	ECS *ecs.Client
	S3  *s3.Client
	// Meter counts what the calls of the four are billed for.
	Meter *meter.Meter
	// Local is true when S3 is an endpoint on this machine.
	Local bool
	// AWS is what they are made of, for clients that few need. Their calls are not counted.
	AWS aws.Config
}

// Open makes clients from the SDK's usual configuration: environment, shared
// files, roles. With s.Endpoint set nothing of that is read.
func Open(ctx context.Context, s Stack) (*Clients, error) {
	if s.Endpoint != "" {
		return newClients(localConfig(s.Endpoint), true), nil
	}
	options := []func(*config.LoadOptions) error{config.WithHTTPClient(httpClient())}
	if s.Region != "" {
		options = append(options, config.WithRegion(s.Region))
	}
	if s.Profile != "" {
		options = append(options, config.WithSharedConfigProfile(s.Profile))
	}
	cfg, err := config.LoadDefaultConfig(ctx, options...)
	if err != nil {
		return nil, exit.Errorf(exit.Permission, "load the AWS configuration: %w", err)
	}
	if cfg.Region == "" {
		return nil, exit.Errorf(exit.Usage, "no AWS region is configured").WithHint("set AWS_REGION, or a region in ~/.aws/config")
	}
	if err := s.checkRegion(cfg); err != nil {
		return nil, err
	}
	// S3's own endpoint: with only SQS or DynamoDB on this machine, S3 is still AWS.
	local := isLoopback(cmp.Or(os.Getenv("AWS_ENDPOINT_URL_S3"), os.Getenv("AWS_ENDPOINT_URL")))
	return newClients(cfg, local), nil
}

func isLoopback(url string) bool {
	_, host, _ := strings.Cut(url, "://")
	return strings.HasPrefix(host, "127.") || strings.HasPrefix(host, "localhost") || strings.HasPrefix(host, "[::1]")
}

func localConfig(endpoint string) aws.Config {
	return aws.Config{
		Region: LocalRegion, BaseEndpoint: &endpoint, HTTPClient: httpClient(),
		Credentials: credentials.NewStaticCredentialsProvider(LocalKey, LocalKey, ""),
	}
}

func newClients(cfg aws.Config, local bool) *Clients {
	queue, table := short(cfg.HTTPClient, queueTimeout), short(cfg.HTTPClient, tableTimeout)
	cfg.HTTPClient = inMemory{cfg.HTTPClient}
	m := new(meter.Meter)
	uncounted := cfg
	cfg.APIOptions = append(slices.Clone(cfg.APIOptions), m.Register)
	return &Clients{
		Local: local, Meter: m, AWS: uncounted,
		SQS: sqs.NewFromConfig(cfg, func(o *sqs.Options) {
			// The SDK's check fails a whole receive for one bad body and hides the
			// other nine; the consumer checks each message itself.
			o.DisableMessageChecksumValidation = true
			o.HTTPClient = queue
		}),
		DB:  dynamodb.NewFromConfig(cfg, func(o *dynamodb.Options) { o.HTTPClient = table }),
		ECS: ecs.NewFromConfig(cfg),
		S3:  s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = local }),
	}
}

// String names the stack for people.
func (s Stack) String() string {
	if s.Endpoint != "" {
		return "laptop " + s.Endpoint
	}
	return fmt.Sprintf("queue %s, table %s", s.QueueURL, s.Table)
}

// Store returns the stack's table, with its bucket for what does not fit an item.
func (s Stack) Store(c *Clients) *store.Store {
	if b := s.Blobs(c); b != nil {
		return store.New(c.DB, s.Table, store.WithBlobs(b))
	}
	return store.New(c.DB, s.Table)
}

// Blobs returns the stack's bucket, or nil when it has none.
func (s Stack) Blobs(c *Clients) store.Blobs {
	if s.Bucket == "" {
		return nil
	}
	return &store.S3Blobs{API: c.S3, Bucket: s.Bucket}
}
