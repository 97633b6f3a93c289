package store

import (
	"context"
	"fmt"
	"net/url"
	"time"

	"github.com/starburst-go/starburst/codec"
)

// record is a result item as the readers keep it: the index decoded, the outcomes not yet.
type record struct {
	id codec.Identity
	index
	// finished is when its worker was done with the message.
	finished time.Time
	// packed outcomes, or the token and sum of the object that holds them; neither when nothing is settled.
	packed []byte
	token  string
	s3     string
	sum    [32]byte
	// size is about what the record occupies, in bytes.
	size int
	// from is there for readers of tasks, who ask for it.
	from origin
}

// Attributes that a reader of outcomes, and one that only counts, ask for.
var (
	outcomeAttrs = []string{attrPK, attrSK, attrExp, "ix", "d", "s3", "sha", "tok"}
	countAttrs   = []string{attrPK, attrSK, attrExp, "ix", "t1"}
)

// decodeRecord reads an item whose identity is id.
func (s *Store) decodeRecord(it item, id codec.Identity) (*record, error) {
	f := fields{it: it}
	r := &record{id: id, packed: f.bin("d"), token: f.str("tok"), s3: f.str("s3"), sum: f.sha("sha"), finished: f.ms("t1")}
	if it["w"] != nil { // few ask for it
		r.from = origin{worker: f.str("w"), started: f.ms("t0"), attempt: f.count("a", maxAttempts)}
	}
	ix := f.bin("ix")
	if f.err != nil {
		return nil, f.err
	}
	r.size = len(r.packed) + len(ix) + 200
	raw, err := s.zstd.unpack(ix)
	if err == nil {
		r.index, err = decodeIndex(raw)
	}
	if err != nil {
		return nil, &CorruptError{Key: it.key().String(), Detail: "its index", Err: err}
	}
	return r, nil
}

// blobKey is where the outcomes of a message are stored when they do not fit
// the item. The token keeps the attempts of two workers apart.
func blobKey(job Job, loose string, m codec.Identity, token string) string {
	under := url.PathEscape(job.ID)
	if job.ID == "" {
		under = "~/" + url.PathEscape(loose)
	}
	return "out/" + under + "/" + string(m) + "/" + url.PathEscape(token)
}

// packedOf returns the record's packed outcomes, fetching them when they are an object.
func (s *Store) packedOf(ctx context.Context, job Job, loose string, r *record) ([]byte, error) {
	if r.s3 == "" {
		return r.packed, nil
	}
	// The key is not taken on trust: whoever can write an item must not be able to make readers fetch any object.
	want := blobKey(job, loose, r.id, r.token)
	if r.s3 != want {
		return nil, &CorruptError{Key: r.s3, Detail: fmt.Sprintf("message %q may point to %s only", r.id, want)}
	}
	return s.getBlob(ctx, want, r.sum)
}

// outcomes decodes the record's packed outcomes. The values share memory with each other.
func (s *Store) outcomes(r *record, packed []byte) ([]Settled, error) {
	if len(r.ok) == 0 && len(r.failed) == 0 {
		return nil, nil
	}
	raw, err := s.zstd.unpack(packed)
	var settled []Settled
	if err == nil {
		settled, err = decodeOutcomes(raw, r.index)
	}
	if err != nil {
		return nil, &CorruptError{Key: string(r.id), Detail: "its outcomes", Err: err}
	}
	return settled, nil
}

// decodeResult completes the public form from the item's descriptive attributes.
func decodeResult(it item, rec *record, settled []Settled) (Result, error) {
	f := fields{it: it}
	r := Result{
		Identity: rec.id, Settled: settled,
		Handler: f.str("h"), Token: f.str("tok"), Worker: f.str("w"),
		Started: f.ms("t0"), Finished: f.ms("t1"), Attempt: f.count("a", maxAttempts), Expires: f.exp(),
	}
	for _, c := range rec.children {
		r.Children = append(r.Children, Child{Identity: rec.id.Child(c.n), Indices: indicesOf(c.set), Attempt: c.attempt})
	}
	return r, f.err
}
