package store

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/starburst-go/starburst/codec"
)

// PutOutcome tells what became of a result.
type PutOutcome int

const (
	// Written tells that the item is there, and this call wrote it.
	Written PutOutcome = iota + 1
	// Mine tells that the item is there with the same token: an earlier attempt of ours landed
	// although its answer was lost. It counts as written, once per token.
	Mine
	// Refused tells that another worker's item is there already. Ours is dropped and
	// counts nothing; the message can be acknowledged once the existing item's children are seen to.
	Refused
)

// String returns the outcome in words.
func (o PutOutcome) String() string {
	switch o {
	case Written:
		return "written"
	case Mine:
		return "mine"
	case Refused:
		return "refused"
	}
	return fmt.Sprintf("PutOutcome(%d)", int(o))
}

// PutResult writes the result item of one message, unless one is there. For
// tasks without a job pass Job{} and a result with ID set.
//
// It asks again after throttling, server errors, lost connections and expired
// credentials until ctx ends: nothing else would save the work done. Whatever
// happens in between, an item is written at most once. Errors: a rule broken by the result is an *InvalidResultError,
// one too large (and no Blobs given) a *TooLargeError.
//
// Messages and stacks of failures are cut to MaxStack bytes of valid UTF-8, times kept to the millisecond.
func (s *Store) PutResult(ctx context.Context, job Job, r Result) (PutOutcome, error) {
	if r.Expires.IsZero() {
		r.Expires = job.Expires
	}
	if err := checkResult(job, r); err != nil {
		return 0, err
	}
	op := "put result " + nameOf(job, r.ID, r.Identity)
	it, blob, err := s.encodeResult(job, r)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", op, err)
	}
	if blob != nil {
		// The object first: an item must never point to nothing.
		if err := s.putBlob(ctx, s.stubborn, blobKey(job, r.ID, r.Identity, r.Token), blob); err != nil {
			return 0, fmt.Errorf("%s: %w", op, err)
		}
	}
	in := &dynamodb.PutItemInput{
		TableName: s.table, Item: it,
		ConditionExpression:                 aws.String("attribute_not_exists(pk)"),
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	}
	if !job.Created.IsZero() {
		// What an expired job of the same id left behind does not count; DynamoDB deletes it within days.
		in.ConditionExpression = aws.String("attribute_not_exists(pk) OR #exp <= :created")
		in.ExpressionAttributeNames = map[string]string{"#exp": attrExp}
		in.ExpressionAttributeValues = item{":created": avSecond(job.Created)}
	}
	err = s.stubborn(ctx, op, func() error {
		_, err := s.api.PutItem(ctx, in)
		return err
	})
	if err == nil {
		return Written, nil
	}
	failed, ok := errors.AsType[*types.ConditionalCheckFailedException](err)
	if !ok {
		return 0, err
	}
	token := fields{it: failed.Item}
	if failed.Item == nil { // an emulator that does not know ALL_OLD
		have, err := s.getItem(ctx, op, it.key(), []string{"tok"})
		if err != nil {
			return 0, err
		}
		token.it = have
	}
	if token.str("tok") == r.Token {
		return Mine, nil
	}
	return Refused, nil
}

func nameOf(job Job, id string, m codec.Identity) string {
	if job.ID == "" {
		return fmt.Sprintf("of task %q", id)
	}
	return fmt.Sprintf("of job %q, message %q", job.ID, m)
}

// checkResult holds r to the rules of its type.
func checkResult(job Job, r Result) error {
	bad := func(index int, format string, args ...any) error {
		return &InvalidResultError{Identity: r.Identity, Index: index, Reason: fmt.Sprintf(format, args...)}
	}
	switch {
	case r.Job != job.ID:
		return bad(-1, "it belongs to job %q, not %q", r.Job, job.ID)
	case job.ID == "" && (r.ID == "" || len(r.ID) > 4*codec.MaxIDLen):
		return bad(-1, "a task without a job needs an id of at most %d characters", codec.MaxIDLen)
	case !r.Identity.Valid():
		return bad(-1, "the identity is not canonical")
	case r.Token == "":
		return bad(-1, "the token is missing")
	case len(r.Settled) == 0 && len(r.Children) == 0:
		return bad(-1, "it settles nothing and names no children")
	}
	last := -1
	for _, o := range r.Settled {
		if o.Index <= last || o.Index > codec.MaxIndex {
			return bad(o.Index, "settled indices must increase within 0..%d", codec.MaxIndex)
		}
		last = o.Index
		v := o.Value
		if o.Failure != nil {
			v = o.Failure.Argument
		}
		if v != nil {
			if err := oneValue(v); err != nil {
				return bad(o.Index, "the value is not one msgpack value: %v", err)
			}
		}
	}
	sets := make([][]Range, 0, len(r.Children)+1)
	for _, c := range r.Children {
		if _, ok := childNumber(r.Identity, c.Identity); !ok {
			return bad(-1, "%q is not a child of it", c.Identity)
		}
		if len(c.Indices) == 0 || c.Attempt < 0 || !increasing(c.Indices) {
			return bad(-1, "child %q: indices must be there and increase, and the attempt cannot be negative", c.Identity)
		}
		sets = append(sets, rangesOf(c.Indices))
	}
	x := indexOf(r)
	all, ok := union(append(sets, x.ok, x.failed)...)
	if !ok {
		return bad(-1, "an index is settled or handed to a child more than once")
	}
	if n := lenOf(all); n > codec.MaxTasks {
		return bad(-1, "it accounts for %d tasks; a message has at most %d", n, codec.MaxTasks)
	}
	return nil
}

func increasing(indices []int) bool {
	last := -1
	for _, i := range indices {
		if i <= last || i > codec.MaxIndex {
			return false
		}
		last = i
	}
	return true
}

// Result returns the item of one message, consistently; ok is false when there
// is none. For tasks without a job there is LooseResult.
func (s *Store) Result(ctx context.Context, job Job, id codec.Identity) (r Result, ok bool, err error) {
	k, err := resultKey(job, id)
	if err != nil {
		return Result{}, false, fmt.Errorf("read result: %w", err)
	}
	return s.readResult(ctx, job, "", k, id)
}

// LooseResult is Result for the task without a job that has the id; its first
// message has the identity "0".
func (s *Store) LooseResult(ctx context.Context, id string, m codec.Identity) (r Result, ok bool, err error) {
	if !m.Valid() || id == "" {
		return Result{}, false, fmt.Errorf("read result of task %q: message identity %q is not canonical, or there is no id", id, m)
	}
	return s.readResult(ctx, Job{}, id, looseKey(id, m), m)
}

func (s *Store) readResult(ctx context.Context, job Job, loose string, k key, m codec.Identity) (r Result, ok bool, err error) {
	op := "read result " + nameOf(job, loose, m)
	it, err := s.getItem(ctx, op, k, nil)
	if err != nil {
		return Result{}, false, err
	}
	if it == nil || !current(it, job) || job.ID == "" && it.expired(s.now()) {
		return Result{}, false, nil
	}
	rec, err := s.decodeRecord(it, m)
	if err != nil {
		return Result{}, false, err
	}
	packed, err := s.packedOf(ctx, job, loose, rec)
	var settled []Settled
	if err == nil {
		settled, err = s.outcomes(rec, packed)
	}
	if err != nil {
		return Result{}, false, fmt.Errorf("%s: %w", op, err)
	}
	r, err = decodeResult(it, rec, settled)
	r.Job, r.ID = job.ID, loose
	return r, err == nil, err
}

// getItem returns the item, consistently, or nil. attrs restricts what is returned.
func (s *Store) getItem(ctx context.Context, op string, k key, attrs []string) (item, error) {
	in := &dynamodb.GetItemInput{TableName: s.table, Key: k.attrs(), ConsistentRead: aws.Bool(true)}
	if attrs != nil {
		proj := s.queryInput(query{attrs: attrs})
		in.ProjectionExpression, in.ExpressionAttributeNames = proj.ProjectionExpression, proj.ExpressionAttributeNames
	}
	var out *dynamodb.GetItemOutput
	err := s.patient(ctx, op, func() (err error) {
		out, err = s.api.GetItem(ctx, in)
		return err
	})
	if err != nil || len(out.Item) == 0 {
		return nil, err
	}
	return out.Item, nil
}

// HasResults tells which of the messages have a result item, consistently.
// Messages without one are not in the map.
func (s *Store) HasResults(ctx context.Context, job Job, ids []codec.Identity) (map[codec.Identity]bool, error) {
	keys := make([]key, 0, len(ids))
	asked := make(map[key]codec.Identity, len(ids))
	for _, id := range ids {
		k, err := resultKey(job, id)
		if err != nil {
			return nil, fmt.Errorf("look for results of job %q: %w", job.ID, err)
		}
		if _, twice := asked[k]; !twice { // a batch must not name a key twice
			asked[k] = id
			keys = append(keys, k)
		}
	}
	items, err := s.batchGet(ctx, keys, []string{attrPK, attrSK, attrExp}, true)
	if err != nil {
		return nil, fmt.Errorf("look for results of job %q: %w", job.ID, err)
	}
	have := make(map[codec.Identity]bool, len(items))
	for _, it := range items {
		if current(it, job) {
			have[asked[it.key()]] = true
		}
	}
	return have, nil
}

// current reports whether the item belongs to this job and not to an expired
// one of the same id: that one's items expired before this job was created.
func current(it item, job Job) bool {
	return job.Created.IsZero() || !it.expired(job.Created)
}

// inlineMax is the most packed bytes of outcomes that an item holds when there
// is a place for larger ones: above, a write unit a KiB costs more than an object (sqs-practice §3).
const inlineMax = 64 << 10

// itemMax is the most packed bytes of outcomes that fit an item at all: 400 KB
// (DynamoDB) less the other attributes, of which "ix" can have some 50 KB.
const itemMax = 320 << 10

// encodeResult returns the item and, when the outcomes go to Blobs, their bytes.
func (s *Store) encodeResult(job Job, r Result) (it item, blob []byte, err error) {
	k := looseKey(r.ID, r.Identity)
	if job.ID != "" {
		if k, err = resultKey(job, r.Identity); err != nil {
			return nil, nil, err
		}
	}
	x := indexOf(r)
	ix, err := encodeIndex(x)
	if err == nil {
		ix, err = s.zstd.pack(ix)
	}
	if err != nil {
		return nil, nil, err
	}
	it = newItem(k)
	it.putS("tok", r.Token)
	it.putS("h", r.Handler)
	it.putS("w", r.Worker)
	it.putMS("t0", r.Started)
	it.putMS("t1", r.Finished)
	it.putN("a", int64(r.Attempt))
	it.putN("ok", int64(lenOf(x.ok)))
	it.putN("er", int64(lenOf(x.failed)))
	it.putB("ix", ix)
	it.putExp(r.Expires)
	if len(r.Settled) == 0 {
		return it, nil, nil
	}
	d, err := encodeOutcomes(r.Settled)
	if err == nil {
		d, err = s.zstd.pack(d)
	}
	switch {
	case err != nil:
		return nil, nil, err
	case len(d) <= inlineMax, s.blobs == nil && len(d) <= itemMax:
		it.putB("d", d)
		return it, nil, nil
	case s.blobs == nil:
		return nil, nil, &TooLargeError{What: "the message's results (and no bucket is configured for them)", Size: len(d), Limit: itemMax}
	}
	sum := sha256.Sum256(d)
	it.putB("sha", sum[:])
	it.putS("s3", blobKey(job, r.ID, r.Identity, r.Token))
	return it, d, nil
}
