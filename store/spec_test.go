package store_test

import (
	"os"
	"regexp"
	"strconv"
	"testing"

	"github.com/starburst-go/starburst/store"
)

// Readers in other languages take the shard rule from docs/wire-format.md.
func TestTheSpecificationHasTheShardsOfThisPackage(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../docs/wire-format.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := regexp.MustCompile(`(?m)^\| (\d+) \| (\d+) \| (\d+) \| (\d+) \|$`).FindAllStringSubmatch(string(text), -1)
	if len(rows) < 6 {
		t.Fatalf("%d rows of roots and their shards in the specification, want 6 or more", len(rows))
	}
	for _, row := range rows {
		root, _ := strconv.Atoi(row[1])
		for i, shards := range []int{8, 16, 32} {
			if got := strconv.Itoa(store.ShardOf(root, shards)); got != row[2+i] {
				t.Errorf("root %d of %d shards: %s, the specification says %s", root, shards, got, row[2+i])
			}
		}
	}
}
