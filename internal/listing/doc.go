// Package listing prints what a command lists, in the one grammar of all commands:
//
//	table  aligned columns for people; long cells are cut
//	wide   the same with every column, and nothing cut
//	json   one document, {"schema":"starburst.jobs/v1","items":[…]}
//	jsonl  one item a line, as soon as it is there
//	csv    a header and all columns, in the form that programs read
//
// A [List] names the schema and the columns of a kind of row; its Write takes the rows
// from an iterator and holds no more of them than a block of the table. A command that prints one
// object uses [Document], which puts the schema first.
//
// The schema's version rises when a field is removed or means something else; a new field does not raise it.
package listing
