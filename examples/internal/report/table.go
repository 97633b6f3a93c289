package report

import (
	"strings"
	"unicode/utf8"
)

// Table lays cells out in columns as wide as their widest cell: the first
// column to the left, as it holds names, the others to the right, as they
// hold numbers. The zero Table is ready to use.
type Table struct{ rows [][]string }

// Add appends a row; rows may have different lengths.
func (t *Table) Add(cells ...string) { t.rows = append(t.rows, cells) }

// String returns the table, two spaces between columns and none at line ends.
func (t *Table) String() string {
	var widths []int
	for _, row := range t.rows {
		for i, cell := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	var b strings.Builder
	for _, row := range t.rows {
		var line strings.Builder
		for i, cell := range row {
			padding := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell))
			if i == 0 {
				line.WriteString(cell + padding)
			} else {
				line.WriteString("  " + padding + cell)
			}
		}
		b.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
	return b.String()
}
