package report

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/parkring/queue/benchstat/internal/stats"
)

// data is what the files say, sorted by workloads: package stats has a table for
// each workload and unit.
type data struct {
	set       *stats.Set
	base      string // what is compared with, if there is no better choice
	against   map[string]*stats.Comparison
	impls     []string // ours first, then what they are compared with
	workloads []*workload
}

// workload is all that has one name.
type workload struct {
	name  string
	cells []*cell
}

// cell is a workload with certain parameters.
type cell struct {
	keys  []stats.Key
	units map[string]*stats.Cell
}

// read reads benchmark files. If base is "", it is the one of package stats.
func read(files []string, base string) (*data, error) {
	set, err := stats.Read(files...)
	if err != nil {
		return nil, err
	}
	d := &data{set: set, against: map[string]*stats.Comparison{}, impls: set.Impls()}
	if base != "" && !slices.Contains(d.impls, base) {
		return nil, fmt.Errorf("no implementation %q; there are %s", base, strings.Join(d.impls, ", "))
	}
	d.base = stats.Compare(set, stats.Options{Base: base}).Base
	rank := func(impl string) int {
		switch {
		case isOurs(impl):
			return 0
		case d.isBase(impl):
			return 1
		}
		return 2
	}
	slices.SortStableFunc(d.impls, func(a, b string) int { return rank(a) - rank(b) })
	for _, t := range set.Tables {
		for _, c := range t.Cells {
			d.cell(t.Workload, c.Keys).units[t.Unit] = c
		}
	}
	d.separate("how")
	return d, nil
}

// cell returns the cell of a workload, and makes both if need be.
func (d *data) cell(name string, keys []stats.Key) *cell {
	i := slices.IndexFunc(d.workloads, func(w *workload) bool { return w.name == name })
	if i < 0 {
		i = len(d.workloads)
		d.workloads = append(d.workloads, &workload{name: name})
	}
	w := d.workloads[i]
	j := slices.IndexFunc(w.cells, func(c *cell) bool { return slices.Equal(c.keys, keys) })
	if j < 0 {
		j = len(w.cells)
		w.cells = append(w.cells, &cell{keys, map[string]*stats.Cell{}})
	}
	return w.cells[j]
}

// separate makes a workload of its own for each value of key.
func (d *data) separate(key string) {
	var all []*workload
	for _, w := range d.workloads {
		if !slices.Contains(varying(w.cells), key) {
			all = append(all, w)
			continue
		}
		for _, g := range groupBy(w.cells, []string{key}) {
			all = append(all, &workload{strings.TrimSpace(w.name + " " + g.title), g.cells})
		}
	}
	d.workloads = all
}

// few is the number of cells below which a workload gets no section of its own.
const few = 4

// merged returns the workloads, with those that have few cells, and nothing but
// the time of an operation, put together into one.
func (d *data) merged() (all []*workload) {
	others := &workload{name: "Other workloads"}
	small := func(w *workload) bool { return len(w.cells) < few && w.timed() }
	alone := len(slices.DeleteFunc(slices.Clone(d.workloads), func(w *workload) bool { return !small(w) })) == 1
	for _, w := range d.workloads {
		if alone || !small(w) {
			all = append(all, w)
			continue
		}
		for _, c := range w.cells {
			others.cells = append(others.cells, &cell{append([]stats.Key{{Value: w.name}}, c.keys...), c.units})
		}
	}
	if len(all) == 0 {
		others.name = "Workloads"
	}
	if len(others.cells) > 0 {
		all = append(all, others)
	}
	return all
}

// isOurs reports whether impl is a queue of this module.
func isOurs(impl string) bool { return impl == "queue" || strings.HasPrefix(impl, "queue-") }

func (d *data) isBase(impl string) bool {
	return impl == d.base || strings.HasPrefix(impl, d.base+"-")
}

// isCeiling reports whether impl is no queue, but shows what one could reach.
func isCeiling(impl string) bool { return impl == "faa" || impl == "nop" }

// ours returns those of impls that are, or all but the base if none is.
func (d *data) ours(impls []string) (own []string) {
	for _, impl := range impls {
		if isOurs(impl) {
			own = append(own, impl)
		}
	}
	if len(own) == 0 {
		own = slices.DeleteFunc(slices.Clone(impls), func(impl string) bool { return impl == d.base })
	}
	return own
}

// baseOf returns what impl is compared with: a variant, like queue-ctx, with the
// same variant of the base, if there is one.
func (d *data) baseOf(impl string) string {
	if _, variant, ok := strings.Cut(impl, "-"); ok && slices.Contains(d.impls, d.base+"-"+variant) {
		return d.base + "-" + variant
	}
	return d.base
}

// rivals returns all that impl is to be compared with: the others of its variant.
func (d *data) rivals(impl string) (all []string) {
	if !isOurs(impl) {
		return []string{d.base}
	}
	base := d.baseOf(impl)
	for _, other := range d.impls {
		if !isOurs(other) && !isCeiling(other) && (other == base || d.baseOf(other) == base && !d.isBase(other)) {
			all = append(all, other)
		}
	}
	return all
}

func (d *data) style(impl string) style {
	return styleOf(slices.Index(d.impls, impl), isOurs(impl) || d.isBase(impl))
}

// compare returns the comparison of everything with base.
func (d *data) compare(base string) *stats.Comparison {
	if d.against[base] == nil {
		d.against[base] = stats.Compare(d.set, stats.Options{Base: base})
	}
	return d.against[base]
}

// ratio returns how many times as good as its base impl is in c; nil if it is its
// base, or no queue, or if the two have not been measured together.
func (d *data) ratio(c *cell, impl, unit string) *stats.Ratio {
	base := d.baseOf(impl)
	if c.units[unit] == nil || impl == base || isCeiling(impl) {
		return nil
	}
	return d.compare(base).Ratio(c.units[unit], impl)
}

// mean returns the geometric mean of the ratios in cells.
func (d *data) mean(cells []*cell, impl, unit string) stats.Estimate {
	var all []*stats.Cell
	for _, c := range cells {
		if c.units[unit] != nil {
			all = append(all, c.units[unit])
		}
	}
	return d.compare(d.baseOf(impl)).Mean(impl, all)
}

// compared returns the implementations that have a ratio in one of the cells.
func (d *data) compared(cells []*cell, unit string) (impls []string) {
	for _, impl := range d.impls {
		if slices.ContainsFunc(cells, func(c *cell) bool { return d.ratio(c, impl, unit) != nil }) {
			impls = append(impls, impl)
		}
	}
	return impls
}

// measured returns the implementations that have a value in one of the cells.
func (d *data) measured(cells []*cell, unit string) (impls []string) {
	for _, impl := range d.impls {
		if slices.ContainsFunc(cells, func(c *cell) bool { return c.value(impl, unit).N > 0 }) {
			impls = append(impls, impl)
		}
	}
	return impls
}

// wrong returns the implementations that are wrong in one of the cells.
func (d *data) wrong(cells []*cell, unit string) (impls []string) {
	for _, impl := range d.impls {
		if slices.ContainsFunc(cells, func(c *cell) bool { return c.wrong(impl, unit) }) {
			impls = append(impls, impl)
		}
	}
	return impls
}

// value returns the median of impl in c. What is wrong has none.
func (c *cell) value(impl, unit string) stats.Estimate {
	if c.units[unit] == nil || c.wrong(impl, unit) {
		return stats.Estimate{}
	}
	return c.units[unit].Summary(impl)
}

// wrong reports whether impl has lost items, duplicated them, or put them out of order.
func (c *cell) wrong(impl, unit string) bool {
	return c.units[unit] != nil && c.units[unit].Wrong(impl) > 0
}

// units returns the units of w, sorted.
func (w *workload) units() (units []string) {
	for _, c := range w.cells {
		for unit := range c.units {
			if !slices.Contains(units, unit) {
				units = append(units, unit)
			}
		}
	}
	slices.Sort(units)
	return units
}

func (w *workload) has(unit string) bool { return slices.Contains(w.units(), unit) }

var notInID = regexp.MustCompile(`[^a-z0-9]+`)

// idOf makes a name part of a file name, and of an identifier in the page.
func idOf(name string) string { return notInID.ReplaceAllString(strings.ToLower(name), "-") }

func (w *workload) id() string { return idOf(w.name) }

var percentileUnit = regexp.MustCompile(`^p([0-9.]+)-sec$`)

// percentiles returns the percentiles of a workload that measures latency, ascending.
func (w *workload) percentiles() (all []float64) {
	for _, unit := range w.units() {
		if m := percentileUnit.FindStringSubmatch(unit); m != nil {
			if p, err := strconv.ParseFloat(m[1], 64); err == nil && p < 100 {
				all = append(all, p)
			}
		}
	}
	slices.Sort(all)
	return all
}

// resources returns the units of what w takes up while it does nothing: memory
// and CPU time.
func (w *workload) resources() (all []string) {
	for _, unit := range w.units() {
		if unit == "B" || strings.HasPrefix(unit, "B/") && unit != "B/op" && unit != "B/s" || unit == "cpu-sec/s" {
			all = append(all, unit)
		}
	}
	return all
}

// timed reports whether what w is about is the time of an operation.
func (w *workload) timed() bool {
	return w.has("sec/op") && len(w.percentiles()) == 0 && len(w.resources()) == 0
}

// headline returns the units in which implementations are compared in w.
func (w *workload) headline() (units []string) {
	switch {
	case w.timed():
		return []string{"sec/op"}
	case len(w.percentiles()) == 0:
		return w.resources()
	}
	for _, unit := range []string{"p50-sec", "p99-sec"} {
		if w.has(unit) {
			units = append(units, unit)
		}
	}
	return units
}
