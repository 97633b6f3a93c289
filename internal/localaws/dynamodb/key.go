package dynamodb

import "github.com/starburst-go/starburst/internal/localaws/dynamodb/attr"

// key is an item's place in a table or index.
type key struct{ pk, sk []byte }

// encode gives the place of an item by its key attributes. where names an index in messages, "" is the table.
// ok is false when the item lacks a key attribute: it is then not in the index.
func (k keys) encode(it attr.Item, where string) (out key, ok bool, err error) {
	hash := it.Get(k.hash.name)
	var sort attr.Value
	if k.sort.name != "" {
		sort = it.Get(k.sort.name)
	}
	if err := k.hash.check(hash, attr.MaxPartitionKey, where); err != nil {
		return key{}, false, err
	}
	if err := k.sort.check(sort, attr.MaxSortKey, where); err != nil {
		return key{}, false, err
	}
	if hash.Kind == attr.None || k.sort.name != "" && sort.Kind == attr.None {
		return key{}, false, nil
	}
	out.pk = attr.PartitionKey(hash)
	out.sk = []byte{} // NULL is no key in SQLite
	if k.sort.name != "" {
		out.sk = attr.AppendKey(out.sk, sort)
	}
	return out, true, nil
}

// check checks a key attribute that is there: its type, that it is not empty, its length.
func (a keyAttr) check(v attr.Value, limit int, where string) error {
	switch {
	case a.name == "" || v.Kind == attr.None:
		return nil
	case v.Kind != a.kind && where == "":
		return invalid("One or more parameter values were invalid: Type mismatch for key %s expected: %s actual: %s", a.name, a.kind, v.Kind)
	case v.Kind != a.kind:
		return invalid("One or more parameter values were invalid: Type mismatch for Index Key %s Expected: %s Actual: %s IndexName: %s", a.name, a.kind, v.Kind, where)
	case v.Kind == attr.N:
		return nil
	case v.Text == "" && where == "":
		return invalid("One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an empty %s value. Key: %s", emptyWord(v.Kind), a.name)
	case v.Text == "":
		return invalid("One or more parameter values are not valid. A value specified for a secondary index key is not supported. The AttributeValue for a key attribute cannot contain an empty %s value. IndexName: %s, IndexKey: %s", emptyWord(v.Kind), where, a.name)
	case len(v.Text) > limit && limit == attr.MaxPartitionKey:
		return invalid("One or more parameter values were invalid: Size of hashkey has exceeded the maximum size limit of %d bytes", limit)
	case len(v.Text) > limit:
		return invalid("One or more parameter values were invalid: Aggregated size of all range keys has exceeded the size limit of %d bytes", limit)
	}
	return nil
}

func emptyWord(k attr.Kind) string {
	if k == attr.B {
		return "binary"
	}
	return "string"
}

// ofItem is the place of a whole item; a missing key attribute is an error.
func (k keys) ofItem(it attr.Item) (key, error) {
	out, ok, err := k.encode(it, "")
	if err == nil && !ok {
		missing := k.hash.name
		if it.Get(missing).Kind != attr.None {
			missing = k.sort.name
		}
		err = invalid("One or more parameter values were invalid: Missing the key %s in the item", missing)
	}
	return out, err
}

// ofKey is the place that a Key parameter names: exactly the key attributes.
func (k keys) ofKey(it attr.Item) (key, error) {
	if len(it) != k.count() {
		return key{}, invalid("The provided key element does not match the schema")
	}
	out, ok, err := k.encode(it, "")
	if err == nil && !ok {
		err = invalid("The provided key element does not match the schema")
	}
	return out, err
}
