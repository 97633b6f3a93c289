package store

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/google/uuid"

	"github.com/starburst-go/starburst/codec"
)

// planInline is the most bytes of an irregular plan that META holds itself; an item ends at 400 KB (DynamoDB).
const planInline = 256 << 10

// CreateJob writes the job's META item and lists the job. When the id is taken
// the error is a *JobExistsError, except that an expired job is replaced.
// Fields left empty become: State Open, Shards ShardsFor(the plan's messages), MaxAttempts 1.
// Times are kept to the millisecond, Expires to the second.
func (s *Store) CreateJob(ctx context.Context, j Job) error {
	if j.State == "" {
		j.State = Open
	}
	if j.Shards == 0 {
		j.Shards = ShardsFor(j.Plan.Roots(j.N))
	}
	j.MaxAttempts = max(j.MaxAttempts, 1)
	if err := j.check(); err != nil {
		return fmt.Errorf("create job: %w", err)
	}
	op := fmt.Sprintf("create job %q", j.ID)

	// Asked first so that the usual resume writes nothing.
	switch old, err := s.Job(ctx, j.ID); {
	case err == nil:
		return &JobExistsError{Existing: old}
	case !errors.Is(err, ErrNotFound):
		return fmt.Errorf("%s: %w", op, err)
	}
	it, err := s.encodeJob(ctx, j)
	if err != nil {
		return fmt.Errorf("%s: %w", op, err)
	}
	// The index goes first: an entry without its META is skipped by Jobs, a META without its entry would never be seen.
	if err := s.indexJob(ctx, j); err != nil {
		return fmt.Errorf("%s: %w", op, err)
	}
	token := uuid.NewString()
	it["tok"] = avS(token)
	err = s.patient(ctx, op, func() error {
		_, err := s.api.PutItem(ctx, &dynamodb.PutItemInput{
			TableName: s.table, Item: it,
			ConditionExpression:                 aws.String("attribute_not_exists(pk) OR #exp <= :now"),
			ExpressionAttributeNames:            map[string]string{"#exp": attrExp},
			ExpressionAttributeValues:           item{":now": avSecond(s.now())},
			ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
		})
		return err
	})
	if taken, ok := errors.AsType[*types.ConditionalCheckFailedException](err); ok {
		f := fields{it: taken.Item}
		if f.str("tok") == token {
			return nil // an earlier attempt landed although its answer was lost
		}
		old, err := s.Job(ctx, j.ID)
		if err != nil {
			return fmt.Errorf("%s: %w", op, err)
		}
		return &JobExistsError{Existing: old}
	}
	return err
}

func (j Job) check() error {
	if err := checkJobID(j.ID); err != nil {
		return err
	}
	if err := checkName("handler", j.Handler); err != nil {
		return err
	}
	if err := checkName("fleet", j.Fleet); err != nil {
		return err
	}
	switch {
	case j.N < 1 || j.N > codec.MaxIndex+1:
		return fmt.Errorf("job %q has %d tasks; 1 to %d are allowed", j.ID, j.N, codec.MaxIndex+1)
	case j.Shards < 1 || j.Shards > MaxShards:
		return fmt.Errorf("job %q: %d shards; 1 to %d are allowed", j.ID, j.Shards, MaxShards)
	case j.Timeout < 0 || j.MaxCostPico < 0 || j.Confirmed < 0 || j.Confirmed > j.N:
		return fmt.Errorf("job %q: timeout, cost cap and confirmed count cannot be negative, nor more be confirmed than there are tasks", j.ID)
	case j.Created.IsZero():
		return fmt.Errorf("job %q: the time of creation is missing", j.ID)
	}
	return j.Plan.check(j.N)
}

// Job returns the job; an error that wraps ErrNotFound when there is none or it has expired.
func (s *Store) Job(ctx context.Context, id string) (Job, error) {
	if err := checkJobID(id); err != nil {
		return Job{}, err
	}
	op := fmt.Sprintf("read job %q", id)
	var out *dynamodb.GetItemOutput
	err := s.patient(ctx, op, func() (err error) {
		out, err = s.api.GetItem(ctx, &dynamodb.GetItemInput{TableName: s.table, Key: jobKey(id).attrs(), ConsistentRead: aws.Bool(true)})
		return err
	})
	if err != nil {
		return Job{}, err
	}
	if out.Item == nil || item(out.Item).expired(s.now()) {
		return Job{}, fmt.Errorf("job %q: %w (or it has expired)", id, ErrNotFound)
	}
	return s.decodeJob(ctx, out.Item)
}

func planKey(job string, sum [32]byte) string {
	return fmt.Sprintf("in/%s/plan-%x", url.PathEscape(job), sum)
}

func (s *Store) encodeJob(ctx context.Context, j Job) (item, error) {
	it := newItem(jobKey(j.ID))
	it.putS("id", j.ID)
	it.putS("handler", j.Handler)
	it.putS("fleet", j.Fleet)
	it.putN("n", int64(j.N))
	it.putB("sha", j.InputSHA[:])
	it.putN("shards", int64(j.Shards))
	it.putN("attempts", int64(j.MaxAttempts))
	it.putN("timeout_ms", j.Timeout.Milliseconds())
	it.putN("cap_pico", j.MaxCostPico)
	it.putS("label", j.Label)
	it.putMS("created", j.Created)
	it.putExp(j.Expires)
	it["confirmed"] = avN(int64(j.Confirmed)) // always there: SetConfirmed compares with it
	it.putS("state", string(j.State))
	it.putMS("finished", j.Finished)
	it.putMS("retried", j.Retried)
	it.putS("why", j.Why)
	if j.Plan.Sizes == nil {
		it.putN("chunk", int64(j.Plan.Chunk))
		return it, nil
	}
	plan, err := s.zstd.pack(encodeSizes(j.Plan.Sizes))
	if err != nil {
		return nil, err
	}
	if len(plan) <= planInline {
		it.putB("plan", plan)
		return it, nil
	}
	if s.blobs == nil {
		return nil, &TooLargeError{What: "the plan of messages (and no bucket is configured for it)", Size: len(plan), Limit: planInline}
	}
	sum := sha256.Sum256(plan)
	if err := s.putBlob(ctx, s.patient, planKey(j.ID, sum), plan); err != nil {
		return nil, err
	}
	it.putB("plan_sha", sum[:])
	return it, nil
}

func (s *Store) decodeJob(ctx context.Context, it item) (Job, error) {
	f := fields{it: it}
	j := Job{
		ID:          f.str("id"),
		Handler:     f.str("handler"),
		Fleet:       f.str("fleet"),
		N:           f.count("n", codec.MaxIndex+1),
		InputSHA:    f.sha("sha"),
		Shards:      f.count("shards", MaxShards),
		MaxAttempts: f.count("attempts", 1<<31),
		Timeout:     time.Duration(f.count("timeout_ms", int64(1<<63-1)/int64(time.Millisecond))) * time.Millisecond,
		MaxCostPico: f.num("cap_pico"),
		Label:       f.str("label"),
		Created:     f.ms("created"),
		Expires:     f.exp(),
		Confirmed:   f.count("confirmed", codec.MaxIndex+1),
		State:       State(f.str("state")),
		Finished:    f.ms("finished"),
		Retried:     f.ms("retried"),
		Why:         f.str("why"),
		Plan:        Plan{Chunk: f.count("chunk", codec.MaxTasks)},
	}
	plan, sum := f.bin("plan"), f.sha("plan_sha")
	if f.err != nil {
		return Job{}, f.err
	}
	var err error
	if sum != [32]byte{} {
		if plan, err = s.getBlob(ctx, planKey(j.ID, sum), sum); err != nil {
			return Job{}, fmt.Errorf("read the plan of job %q: %w", j.ID, err)
		}
	}
	if plan != nil {
		raw, err := s.zstd.unpack(plan)
		if err == nil {
			j.Plan.Sizes, err = decodeSizes(raw, j.N)
		}
		if err != nil {
			return Job{}, &CorruptError{Key: it.key().String(), Detail: "the plan", Err: err}
		}
	}
	if err := j.check(); err != nil {
		return Job{}, &CorruptError{Key: it.key().String(), Detail: "not a valid job", Err: err}
	}
	return j, nil
}
