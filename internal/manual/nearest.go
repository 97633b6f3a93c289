package manual

// Nearest returns the name that a mistyped one is closest to: a beginning of it that no other has, or one that is at most two
// letters away, one for short names. "" when there is none.
func Nearest(typed string, names []string) string {
	best, nearest, begins := 3, "", ""
	if len(typed) < 5 {
		best = 2
	}
	for _, n := range names {
		if n == typed {
			return n
		}
		if len(typed) > 1 && len(n) > len(typed) && n[:len(typed)] == typed {
			if begins != "" {
				begins = "-" // two of them
			} else {
				begins = n
			}
		}
		if d := distance(typed, n, best); d < best && d < len(n) {
			best, nearest = d, n
		}
	}
	if begins != "" && begins != "-" {
		return begins
	}
	return nearest
}

// distance counts the letters to insert, to drop, to change or to swap with their neighbour between two names, and gives up at most.
func distance(a, b string, most int) int {
	if len(a)-len(b) >= most || len(b)-len(a) >= most {
		return most
	}
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			change := last[j-1]
			if a[i-1] != b[j-1] {
				change++
			}
			row[j] = min(change, last[j]+1, row[j-1]+1)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}
