// Package attr holds DynamoDB's data: attribute values, items, numbers, keys and
// their JSON form.
//
// An [Item] is a slice of attributes sorted by name rather than a Go map. Items are
// small, so binary search over a slice beats hashing; equality of two items is
// pairwise; and the JSON of an item is canonical, which lets the service store that
// JSON and hand it back without parsing it again.
//
//	v, err := attr.ParseValue(`{"M":{"n":{"N":"1.50"}}}`)
//	v.Map.Get("n")           // N 1.5: numbers are kept in canonical form
//	attr.AppendValue(nil, v) // {"M":{"n":{"N":"1.5"}}}
//
// A number is a [Decimal]: 38 significant digits, exact, magnitudes 1E-130 to
// 9.99…E+125, as DynamoDB documents them. [AppendKey] turns a key attribute into
// bytes whose order is DynamoDB's sort order, so that SQLite can keep it.
//
// Two kinds of error come out of this package: [SyntaxError] for text that is not
// JSON or not of the JSON type expected (SerializationException on the wire), and
// [InvalidError] for well-formed values that break a rule (ValidationException).
package attr
