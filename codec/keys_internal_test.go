package codec

import (
	"fmt"
	"strconv"
	"testing"

	"pgregory.net/rapid"
)

// drawKey returns a map key in one of its forms, and a name that is the same for all
// forms of the same key.
func drawKey(t *rapid.T) (raw []byte, name string) {
	n := rapid.IntRange(0, 200).Draw(t, "n")
	form := rapid.IntRange(0, 1).Draw(t, "form")
	switch rapid.IntRange(0, 5).Draw(t, "kind") {
	case 0: // strings that are told apart by their first bytes
		s := strconv.Itoa(n)
		if form == 1 {
			return append([]byte{mpStr8, byte(len(s))}, s...), "str " + s
		}
		return AppendStr(nil, s), "str " + s
	case 1: // by what keyLook does not look at
		s := fmt.Sprintf("a key with a middle of %03d and the same end", n)
		if form == 1 {
			return append([]byte{mpStr16, 0, byte(len(s))}, s...), "str " + s
		}
		return AppendStr(nil, s), "str " + s
	case 2: // zero bytes count
		s := "0" + string(make([]byte, n%9))
		return AppendStr(nil, s), "str " + s
	case 3:
		s := strconv.Itoa(n)
		return AppendBin(nil, []byte(s)), "bin " + s
	case 4: // Python takes 1 and 1.0 for one key
		if form == 1 {
			return appendFloat64(nil, float64(n)), fmt.Sprint("num ", n)
		}
		return appendInt(nil, int64(n)), fmt.Sprint("num ", n)
	default:
		if form == 1 {
			return []byte{mpFixArray | 1, byte(n % 100)}, fmt.Sprint("list ", n%100)
		}
		return []byte{mpNil}, "nil"
	}
}

// Law: a map of up to maxCheckedKeys entries is refused exactly when one of its
// keys is there twice.
func TestDuplicateKeysAreFound(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, maxCheckedKeys).Draw(t, "entries")
		names := map[string]bool{}
		raw, twice := AppendMapLen(nil, n), false
		for range n {
			key, name := drawKey(t)
			twice = twice || names[name]
			names[name] = true
			raw = append(append(raw, key...), mpFixArray|1, 7)
		}
		if err := Guard(raw, MaxDepth); err != nil {
			t.Fatal(err)
		}
		end, err := checkKeys(raw, 0)
		if (err != nil) != twice || err == nil && end != len(raw) {
			t.Fatalf("%x: ends at %d, %v; a key is there twice: %v", raw, end, err, twice)
		}
	})
}

// Law: flatRecord takes only what skip and checkKeys take, and ends where they do;
// and a record of short names and numbers it does take.
func TestFlatRecordsAreWhatTheyWouldBe(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		names := rapid.SliceOfNDistinct(rapid.StringMatching(`[a-z]{0,31}`), 0, 15, rapid.ID[string]).Draw(t, "names")
		raw := AppendMapLen(nil, len(names))
		for _, name := range names {
			raw = appendInt(AppendStr(raw, name), rapid.Int64().Draw(t, "value"))
		}
		if end, ok := flatRecord(raw, 0); !ok || end != len(raw) {
			t.Fatalf("%x is not taken (%d, %v)", raw, end, ok)
		}
		for range rapid.IntRange(1, 3).Draw(t, "changes") {
			raw[rapid.IntRange(0, len(raw)-1).Draw(t, "at")] = rapid.Byte().Draw(t, "byte")
		}
		raw = raw[:rapid.IntRange(0, len(raw)).Draw(t, "length")]
		end, ok := flatRecord(raw, 0)
		if !ok {
			return
		}
		want, _, err := skip(raw, 0, MaxValueDepth)
		if err != nil || end != want {
			t.Fatalf("%x: ends at %d, skip says %d, %v", raw, end, want, err)
		}
		if _, err := checkKeys(raw, 0); err != nil {
			t.Fatalf("%x: %v", raw, err)
		}
	})
}
