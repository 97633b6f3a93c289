package store

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// item is a DynamoDB item as the SDK has it. Items are written and read by
// hand: reflection would cost more than the request, and names are schema.
type item map[string]types.AttributeValue

func newItem(k key) item { return item{attrPK: avS(k.pk), attrSK: avS(k.sk)} }

func (k key) attrs() map[string]types.AttributeValue { return newItem(k) }

func avS(v string) types.AttributeValue { return &types.AttributeValueMemberS{Value: v} }
func avB(v []byte) types.AttributeValue { return &types.AttributeValueMemberB{Value: v} }
func avN(v int64) types.AttributeValue {
	return &types.AttributeValueMemberN{Value: strconv.FormatInt(v, 10)}
}
func avBool(v bool) types.AttributeValue        { return &types.AttributeValueMemberBOOL{Value: v} }
func avSS(v ...string) types.AttributeValue     { return &types.AttributeValueMemberSS{Value: v} }
func avMS(t time.Time) types.AttributeValue     { return avN(t.UnixMilli()) }
func avSecond(t time.Time) types.AttributeValue { return avN(t.Unix()) }

// The put methods leave out zero values: a missing attribute reads as zero, and bytes are money.

func (it item) putS(name, v string) {
	if v != "" {
		it[name] = avS(v)
	}
}

func (it item) putN(name string, v int64) {
	if v != 0 {
		it[name] = avN(v)
	}
}

// putNumbers keeps a map of whole numbers.
func (it item) putNumbers(name string, m map[string]int64) {
	if len(m) == 0 {
		return
	}
	values := make(item, len(m))
	for k, n := range m {
		values[k] = avN(n)
	}
	it[name] = &types.AttributeValueMemberM{Value: values}
}

func (it item) putB(name string, v []byte) {
	if len(v) > 0 {
		it[name] = avB(v)
	}
}

func (it item) putBool(name string, v bool) {
	if v {
		it[name] = avBool(v)
	}
}

// putMS keeps a time to the millisecond.
func (it item) putMS(name string, t time.Time) {
	if !t.IsZero() {
		it[name] = avMS(t)
	}
}

// putExp sets the TTL attribute, in Unix seconds as DynamoDB wants it.
func (it item) putExp(t time.Time) {
	if !t.IsZero() {
		it[attrExp] = avSecond(t)
	}
}

// fields reads an item's attributes and remembers the first that had the wrong
// type, so that a reader is a list of fields with one check at its end.
type fields struct {
	it  item
	err error
}

func (f *fields) fail(name, detail string) {
	if f.err == nil {
		f.err = &CorruptError{Key: f.it.key().String(), Detail: fmt.Sprintf("attribute %q %s", name, detail)}
	}
}

func (it item) key() key {
	pk, _ := it[attrPK].(*types.AttributeValueMemberS)
	sk, _ := it[attrSK].(*types.AttributeValueMemberS)
	var k key
	if pk != nil {
		k.pk = pk.Value
	}
	if sk != nil {
		k.sk = sk.Value
	}
	return k
}

func (f *fields) str(name string) string {
	switch v := f.it[name].(type) {
	case nil:
		return ""
	case *types.AttributeValueMemberS:
		return v.Value
	}
	f.fail(name, "is not a string")
	return ""
}

func (f *fields) num(name string) int64 {
	switch v := f.it[name].(type) {
	case nil:
		return 0
	case *types.AttributeValueMemberN:
		n, err := strconv.ParseInt(v.Value, 10, 64)
		if err != nil {
			f.fail(name, "is not a whole number in 64 bits")
		}
		return n
	}
	f.fail(name, "is not a number")
	return 0
}

// numbers reads a map of at most limit whole numbers.
func (f *fields) numbers(name string, limit int) map[string]int64 {
	switch v := f.it[name].(type) {
	case nil:
		return nil
	case *types.AttributeValueMemberM:
		if len(v.Value) > limit {
			f.fail(name, fmt.Sprintf("has %d entries; %d are allowed", len(v.Value), limit))
			return nil
		}
		inner := fields{it: v.Value}
		m := make(map[string]int64, len(v.Value))
		for k := range v.Value {
			m[k] = inner.num(k)
		}
		if inner.err != nil {
			f.fail(name, "holds something that is not a whole number")
		}
		return m
	}
	f.fail(name, "is not a map")
	return nil
}

// count reads a number that must lie in 0..limit.
func (f *fields) count(name string, limit int64) int {
	n := f.num(name)
	if n < 0 || n > limit {
		f.fail(name, fmt.Sprintf("is %d; 0 to %d are allowed", n, limit))
		return 0
	}
	return int(n)
}

func (f *fields) bin(name string) []byte {
	switch v := f.it[name].(type) {
	case nil:
		return nil
	case *types.AttributeValueMemberB:
		return v.Value
	}
	f.fail(name, "is not binary")
	return nil
}

func (f *fields) sha(name string) (sum [32]byte) {
	b := f.bin(name)
	if b != nil && len(b) != len(sum) {
		f.fail(name, "is not a SHA-256")
	}
	copy(sum[:], b)
	return sum
}

func (f *fields) boolean(name string) bool {
	switch v := f.it[name].(type) {
	case nil:
		return false
	case *types.AttributeValueMemberBOOL:
		return v.Value
	}
	f.fail(name, "is not a boolean")
	return false
}

func (f *fields) ms(name string) time.Time {
	if n := f.num(name); n != 0 {
		return time.UnixMilli(n).UTC()
	}
	return time.Time{}
}

func (f *fields) exp() time.Time {
	if n := f.num(attrExp); n != 0 {
		return time.Unix(n, 0).UTC()
	}
	return time.Time{}
}

func (f *fields) set(name string) []string {
	switch v := f.it[name].(type) {
	case nil:
		return nil
	case *types.AttributeValueMemberSS:
		return v.Value
	}
	f.fail(name, "is not a string set")
	return nil
}

// expired reports whether the item's TTL has passed at now. DynamoDB deletes
// expired items within days and returns them until then.
func (it item) expired(now time.Time) bool {
	f := fields{it: it}
	exp := f.exp()
	return !exp.IsZero() && !exp.After(now)
}

// used returns the placeholders of names that occur in an expression; DynamoDB refuses unused ones.
func used(names map[string]string, expression string) map[string]string {
	out := make(map[string]string, len(names))
	for placeholder, name := range names {
		if strings.Contains(expression, placeholder) {
			out[placeholder] = name
		}
	}
	return out
}
