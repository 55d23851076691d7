package report

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/parkring/queue/benchstat/internal/stats"
)

// table is a table of the report and of the Markdown file.
type table struct {
	ID      string
	Caption string
	Head    []string
	Rows    [][]tableCell // the first cell names the row
}

// tableCell is a value with, where there are any, its interval and a verdict.
type tableCell struct {
	Value    string
	Interval string
	Verdict  string
}

// tables returns the tables of w: ratios, and then the values in all units.
func (d *data) tables(w *workload) (all []table) {
	add := func(t table) {
		if len(t.Rows) > 0 {
			t.ID = w.id() + "-" + t.ID
			all = append(all, t)
		}
	}
	for _, unit := range w.headline() {
		add(d.ratioTable(w, unit))
	}
	if len(w.percentiles()) > 0 {
		add(d.latencyTable(w))
	} else {
		for _, unit := range w.headline() {
			add(d.valueTable(w, unit))
		}
	}
	for _, unit := range w.units() {
		latency := len(w.percentiles()) > 0 && (percentileUnit.MatchString(unit) || unit == "max-sec")
		if !latency && !slices.Contains(w.headline(), unit) {
			add(d.valueTable(w, unit))
		}
	}
	return all
}

// ratioTable says how many times as good as their base implementations are.
func (d *data) ratioTable(w *workload, unit string) table {
	impls := d.compared(w.cells, unit)
	t := table{ID: "table-ratio-" + idOf(unit), Caption: fmt.Sprintf("Times as good as %s: %s", d.baseNames(impls), unitName(unit)), Head: append([]string{""}, impls...)}
	keys := telling(w.cells)
	for _, c := range w.cells {
		line := []tableCell{{Value: c.describe(keys)}}
		for _, impl := range impls {
			line = append(line, ratioCell(d.ratio(c, impl, unit)))
		}
		t.add(line)
	}
	if len(t.Rows) > 1 {
		line := []tableCell{{Value: "geometric mean"}}
		for _, impl := range impls {
			line = append(line, estimateCell(d.mean(w.cells, impl, unit)))
		}
		t.add(line)
	}
	return t
}

// add adds a line, if it says anything.
func (t *table) add(line []tableCell) {
	if slices.ContainsFunc(line[1:], func(c tableCell) bool { return c != tableCell{} }) {
		t.Rows = append(t.Rows, line)
	}
}

func ratioCell(r *stats.Ratio) tableCell {
	if r == nil {
		return tableCell{}
	}
	c := estimateCell(r.Estimate)
	c.Verdict = r.Verdict.String()
	return c
}

func estimateCell(e stats.Estimate) tableCell {
	if e.N == 0 {
		return tableCell{}
	}
	value, interval, _ := strings.Cut(e.String(), " ")
	return tableCell{Value: value, Interval: interval}
}

// valueTable has the medians in a unit.
func (d *data) valueTable(w *workload, unit string) table {
	impls := d.inOrder(append(d.measured(w.cells, unit), d.wrong(w.cells, unit)...))
	t := table{ID: "table-" + idOf(unit), Caption: fmt.Sprintf("Medians: %s", unitName(unit)), Head: append([]string{""}, impls...)}
	keys := telling(w.cells)
	for _, c := range w.cells {
		line := []tableCell{{Value: c.describe(keys)}}
		for _, impl := range impls {
			line = append(line, valueCell(c, impl, unit))
		}
		t.add(line)
	}
	return t
}

func valueCell(c *cell, impl, unit string) tableCell {
	if c.wrong(impl, unit) {
		return tableCell{Verdict: stats.Wrong.String()}
	}
	v := c.value(impl, unit)
	if v.N == 0 {
		return tableCell{}
	}
	text := tableCell{Value: valueText(v.Center, unit)}
	if v.Known() && v.Center > 0 && v.Lo < v.Hi {
		text.Interval = fmt.Sprintf("±%.0f%%", 100*max(v.Hi-v.Center, v.Center-v.Lo)/v.Center)
	}
	return text
}

// latencyTable has a row for each cell and implementation, and a column for each percentile.
func (d *data) latencyTable(w *workload) table {
	t := table{ID: "table-latency", Caption: "Medians: latency", Head: []string{"", ""}}
	var units []string
	for _, p := range w.percentiles() {
		units = append(units, fmt.Sprintf("p%g-sec", p))
		t.Head = append(t.Head, fmt.Sprintf("p%g", p))
	}
	if w.has("max-sec") {
		units = append(units, "max-sec")
		t.Head = append(t.Head, "max")
	}
	keys := telling(w.cells)
	for _, c := range w.cells {
		for _, impl := range d.measured([]*cell{c}, units[0]) {
			line := []tableCell{{Value: c.describe(keys)}, {Value: impl}}
			for _, unit := range units {
				line = append(line, valueCell(c, impl, unit))
			}
			t.add(line)
		}
	}
	return t
}

func unitName(unit string) string {
	switch {
	case unit == "sec/op":
		return "time per operation"
	case strings.HasPrefix(unit, "p") && strings.HasSuffix(unit, "-sec"):
		return "latency, " + strings.TrimSuffix(unit, "-sec")
	}
	return resourceName(unit)
}

// verdicts counts, for each of ours and each other implementation, the cells won
// and lost: all whose unit is the time of an operation.
func (d *data) verdicts() table {
	const unit = "sec/op"
	t := table{ID: "verdicts", Caption: "Cells won and lost: " + unitName(unit), Head: []string{"", "won", "lost", "undecided", "wrong", "geometric mean"}}
	for _, impl := range d.ours(d.impls) {
		for _, other := range d.rivals(impl) {
			total := d.compare(other).Total(unit, impl)
			if total == nil {
				continue
			}
			line := []tableCell{{Value: impl + " to " + other}}
			for _, n := range []int{total.Won, total.Lost, total.Undecided, total.Wrong} {
				line = append(line, tableCell{Value: fmt.Sprint(n)})
			}
			t.Rows = append(t.Rows, append(line, estimateCell(total.Mean)))
		}
	}
	return t
}

// markdown writes t in GitHub's Markdown. What is lost is bold.
func (t table) markdown(w io.Writer) {
	fmt.Fprintf(w, "%s:\n\n|", t.Caption)
	for _, h := range t.Head {
		fmt.Fprintf(w, " %s |", h)
	}
	fmt.Fprintf(w, "\n|%s\n", strings.Repeat("---|", len(t.Head)))
	for _, line := range t.Rows {
		fmt.Fprint(w, "|")
		for _, c := range line {
			fmt.Fprintf(w, " %s |", c.markdown())
		}
		fmt.Fprintln(w)
	}
	fmt.Fprintln(w)
}

func (c tableCell) markdown() string {
	value := strings.ReplaceAll(c.Value, "|", `\|`)
	switch c.Verdict {
	case stats.Lost.String():
		value = "**" + value + "**"
	case stats.Undecided.String():
		value = "*" + value + "*"
	case stats.Wrong.String():
		value = "**wrong**"
	}
	return strings.TrimSpace(value + " " + c.Interval)
}
