package attr

// MaxItemSize is the largest item in bytes, names included (DynamoDB: 400 KB means 400 · 1024).
const MaxItemSize = 400 << 10

// MaxDepth is how deep lists and maps may nest (DynamoDB: 32 levels).
const MaxDepth = 32

// Size is the number of bytes DynamoDB accounts for the item, by "DynamoDB item sizes and
// formats" of the developer guide: names and strings in UTF-8, numbers a byte for two digits
// plus one, three bytes for a list or map and one more for each element.
func (it Item) Size() int {
	n := 0
	for _, a := range it {
		n += len(a.Name) + a.Value.Size()
	}
	return n
}

// Size is the number of bytes DynamoDB accounts for the value without its name.
func (v Value) Size() int {
	switch v.Kind {
	case S, B:
		return len(v.Text)
	case N:
		return numberSize(v.Text)
	case BOOL, NULL:
		return 1
	case SS, NS, BS:
		n := 0
		for _, e := range v.List {
			n += e.Size()
		}
		return n
	case L:
		n := 3
		for _, e := range v.List {
			n += 1 + e.Size()
		}
		return n
	case M:
		return 3 + len(v.Map) + v.Map.Size()
	default:
		return 0
	}
}

// numberSize counts the significant digits of a canonical decimal without building one.
func numberSize(text string) int {
	neg := 0
	first, last, digits := -1, -1, 0
	for i := range len(text) {
		switch c := text[i]; c {
		case '-':
			neg = 1
		case '.':
		default:
			digits++
			if c != '0' {
				if first < 0 {
					first = digits
				}
				last = digits
			}
		}
	}
	if first < 0 {
		return 1
	}
	return (last-first+2)/2 + 1 + neg
}

// ErrDepth refuses an item that is nested more deeply than MaxDepth.
var ErrDepth = Invalid("Nesting Levels have exceeded supported limits: Attributes in the item have nested levels beyond supported limit")

// Depth is how many levels of values there are: 1 for scalars, one more around each list or map.
func (it Item) Depth() int {
	deepest := 0
	for _, a := range it {
		deepest = max(deepest, a.Value.depth())
	}
	return deepest
}

func (v Value) depth() int {
	deepest := v.Map.Depth()
	if v.Kind == L {
		for _, e := range v.List {
			deepest = max(deepest, e.depth())
		}
	}
	return deepest + 1
}
