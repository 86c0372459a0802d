package config

import "reflect"

// nearest returns the key of a table that a misspelt name comes closest to, or
// "" when none is close: at most one slip for every three letters.
func nearest(table reflect.Type, name string) string {
	best, closest := "", len(name)/3+1
	for i := range table.NumField() {
		candidate := table.Field(i).Tag.Get("toml")
		if d := distance(name, candidate); d < closest {
			best, closest = candidate, d
		}
	}
	return best
}

// distance counts the letters to insert, leave out or replace to turn a into b
// (Levenshtein).
func distance(a, b string) int {
	row := make([]int, len(b)+1) // distances from a[:i] to every b[:j]
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replace := diagonal
			if a[i] != b[j] {
				replace++
			}
			diagonal = row[j+1]
			row[j+1] = min(replace, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
