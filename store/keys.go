package store

import (
	"errors"
	"fmt"
	"hash/fnv"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/starburst-go/starburst/codec"
)

// Names of the key attributes and of the TTL attribute.
const (
	attrPK  = "pk"
	attrSK  = "sk"
	attrExp = "exp"
)

// How many partitions the keys that many workers write or read are spread
// over. They are part of the schema: changing one strands the items written before.
const (
	indexShards   = 4  // I#: one write a job
	ledgerShards  = 16 // L#: one write a worker every few seconds
	controlCopies = 16 // K#: a read a worker every 5 s; one partition serves 3,000 reads/s (DynamoDB)
	badShards     = 8  // B#
)

// key is an item's primary key.
type key struct{ pk, sk string }

func (k key) String() string { return k.pk + " / " + k.sk }

func jobKey(id string) key { return key{"J#" + id, "META"} }

func indexPK(month string, shard int) string { return fmt.Sprintf("I#%s#%d", month, shard) }

// indexKey lists a job under the month it was created in.
func indexKey(id string, created time.Time) key {
	return key{indexPK(created.UTC().Format("200601"), spread(id, indexShards)), timeKey(created) + "#" + id}
}

// timeKey renders a time so that the order of the texts is the order of the times.
func timeKey(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

func resultPK(job string, shard int) string { return "R#" + job + "#" + strconv.Itoa(shard) }

// rootSK renders a root's first index in ten digits, so that items sort by it.
func rootSK(first int) string { return fmt.Sprintf("%010d", first) }

// resultKey places a message's item: children live with their root, and right behind it.
func resultKey(job Job, id codec.Identity) (key, error) {
	if job.ID == "" {
		return key{}, errors.New("the job is missing")
	}
	first, err := id.Root()
	if err != nil {
		return key{}, err
	}
	if !id.Valid() {
		return key{}, fmt.Errorf("message identity %q is not canonical", id)
	}
	_, rest, _ := strings.Cut(string(id), ".")
	sk := rootSK(first)
	if rest != "" {
		sk += "." + rest
	}
	return key{resultPK(job.ID, ShardOf(first, job.Shards)), sk}, nil
}

// identityOf is the inverse of resultKey's sort key.
func identityOf(sk string) (codec.Identity, bool) {
	if len(sk) < 10 {
		return "", false
	}
	first, err := strconv.Atoi(sk[:10])
	if err != nil {
		return "", false
	}
	id := codec.Identity(strconv.Itoa(first) + sk[10:])
	return id, id.Valid()
}

// looseKey places the item of a task without a job. "~" cannot begin a job's id, so the two never meet.
func looseKey(id string, m codec.Identity) key { return key{"R#~" + id, string(m)} }

// markerKey places the marker of the message whose result item has key k.
func markerKey(k key) key { return key{"X" + k.pk[1:], k.sk} }

func ledgerPK(fleet string, shard int) string { return fmt.Sprintf("L#%s#%d", fleet, shard) }
func ledgerKey(fleet, worker string) key {
	return key{ledgerPK(fleet, spread(worker, ledgerShards)), worker}
}
func pointerKey(job, worker string) key { return key{"P#" + job, worker} }
func controlKey(fleet string, replica int) key {
	return key{fmt.Sprintf("K#%s#%d", fleet, replica), "CTL"}
}
func handlerKey(fleet, handler string) key { return key{"H#" + fleet, handler} }
func leaseKey(fleet string) key            { return key{"A#" + fleet, "LEASE"} }
func decisionPK(fleet string, at time.Time) string {
	return "D#" + fleet + "#" + at.UTC().Format("20060102")
}

func badPK(day time.Time, shard int) string {
	return fmt.Sprintf("B#%s#%d", day.UTC().Format("20060102"), shard)
}

// spread maps a name to one of n partitions.
func spread(name string, n int) int {
	h := fnv.New32a()
	_, _ = h.Write([]byte(name)) // never fails (hash.Hash)
	return int(mix(h.Sum32()) % uint32(n))
}

// checkName validates a caller's name that becomes part of a key.
// Sort keys end at 1,024 bytes (DynamoDB); 255 leaves room for what is joined to it.
func checkName(what, name string) error {
	switch {
	case name == "":
		return fmt.Errorf("%s: the name is empty", what)
	case len(name) > 255:
		return fmt.Errorf("%s %.40q…: the name has %d bytes; the limit is 255", what, name, len(name))
	case !utf8.ValidString(name):
		return fmt.Errorf("%s %q: the name is not valid UTF-8", what, name)
	}
	return nil
}

func checkJobID(id string) error {
	if len(id) > codec.MaxJobLen {
		return fmt.Errorf("job %.40q…: the id has %d bytes; the limit is %d", id, len(id), codec.MaxJobLen)
	}
	if strings.HasPrefix(id, "~") {
		return fmt.Errorf("job %q: an id cannot begin with ~, which marks tasks without a job", id)
	}
	return checkName("job", id)
}
