package report

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// get returns the value of a key, "" if there is none.
func (c *cell) get(name string) string {
	for _, k := range c.keys {
		if k.Name == name {
			return k.Value
		}
	}
	return ""
}

// varying returns the keys that do not have the same value in all cells.
func varying(cells []*cell) (keys []string) {
	for _, c := range cells {
		for _, k := range c.keys {
			if !slices.Contains(keys, k.Name) && slices.ContainsFunc(cells, func(other *cell) bool { return other.get(k.Name) != k.Value }) {
				keys = append(keys, k.Name)
			}
		}
	}
	return keys
}

// telling returns the keys that tell cells apart; all, if there is one cell only.
func telling(cells []*cell) (keys []string) {
	if len(cells) > 1 {
		return varying(cells)
	}
	for _, c := range cells {
		for _, k := range c.keys {
			keys = append(keys, k.Name)
		}
	}
	return keys
}

// values returns the values of key, in order of their appearance.
func values(cells []*cell, key string) (all []string) {
	for _, c := range cells {
		if v := c.get(key); !slices.Contains(all, v) {
			all = append(all, v)
		}
	}
	return all
}

// describe returns what the keys of c say, those in keys only.
func (c *cell) describe(keys []string) string {
	var words []string
	for _, k := range c.keys {
		switch {
		case !slices.Contains(keys, k.Name):
		case slices.Contains([]string{"", "shape", "elem", "how", "of", "state"}, k.Name):
			words = append(words, k.Value)
		default:
			words = append(words, k.Name+" "+k.Value)
		}
	}
	return strings.Join(words, ", ")
}

// group is some cells of a workload, which have the values in its title in common.
type group struct {
	title string
	cells []*cell
}

// groupBy puts cells with the same values of keys together.
func groupBy(cells []*cell, keys []string) (groups []group) {
	for _, c := range cells {
		title := c.describe(keys)
		i := slices.IndexFunc(groups, func(g group) bool { return g.title == title })
		if i < 0 {
			i = len(groups)
			groups = append(groups, group{title: title})
		}
		groups[i].cells = append(groups[i].cells, c)
	}
	return groups
}

// split makes groups of at most so many cells, if keys allow it: by capacity
// first, then by what has the fewest values. It returns the keys that are left to
// tell the cells of a group apart.
func split(cells []*cell, most int) (groups []group, rest []string) {
	rest = telling(cells)
	slices.SortStableFunc(rest, func(a, b string) int {
		rank := func(key string) int {
			if key == "cap" {
				return 0
			}
			return len(values(cells, key))
		}
		return rank(a) - rank(b)
	})
	var by []string
	groups = []group{{cells: cells}}
	tooLarge := func(g group) bool { return len(g.cells) > most }
	for len(rest) > 1 && slices.ContainsFunc(groups, tooLarge) {
		by, rest = append(by, rest[0]), rest[1:]
		groups = groupBy(cells, by)
	}
	return groups, rest
}

var symmetric = regexp.MustCompile(`^(\d+)x(\d+)$`)

// number returns the number that key stands for in c. The one of a shape with as
// many producers as consumers is how many goroutines these are.
func (c *cell) number(key string) (n float64, ok bool) {
	value := c.get(key)
	if m := symmetric.FindStringSubmatch(value); m != nil && m[1] == m[2] {
		n, err := strconv.Atoi(m[1])
		return float64(2 * n), err == nil && n > 0
	}
	n, err := strconv.ParseFloat(value, 64)
	return n, err == nil && n > 0
}
