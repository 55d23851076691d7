package report

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/parkring/queue/benchstat/internal/stats"
)

// row is a line of a forest plot.
type row struct {
	label  string
	ratios map[string]point // by implementation
}

const forestNote = "Right of the line is better. Bars are 95% confidence intervals, paired by round. A hollow mark: not decided."

// forest shows how many times as good as the base ours are, in every cell.
func (d *data) forest(w *workload) picture {
	units := w.headline()
	var impls []string
	for _, unit := range units {
		for _, impl := range d.ours(d.compared(w.cells, unit)) {
			if !slices.Contains(impls, impl) {
				impls = append(impls, impl)
			}
		}
	}
	pic := picture{ID: "ratio", Title: w.name + ": times as good as " + d.baseNames(impls), Note: forestNote, legend: d.legend(impls)}
	groups, rest := split(w.cells, 14/len(units))
	var titles []string
	var panels [][]row
	for _, g := range groups {
		var rows []row
		for _, c := range g.cells {
			for _, unit := range units {
				label := c.describe(rest)
				if len(units) > 1 {
					label = strings.TrimPrefix(label+", "+strings.TrimSuffix(unit, "-sec"), ", ")
				}
				r := row{label, map[string]point{}}
				for _, impl := range impls {
					if x := d.ratio(c, impl, unit); x != nil && x.N > 0 {
						r.ratios[impl] = point{Estimate: x.Estimate, hollow: x.Verdict == stats.Undecided}
					}
				}
				if len(r.ratios) > 0 {
					rows = append(rows, r)
				}
			}
		}
		if len(rows) > 0 {
			titles, panels = append(titles, g.title), append(panels, rows)
		}
	}
	pic.panels = d.forestPanels(titles, panels, impls)
	return pic
}

// overview shows the geometric means of all workloads in which implementations are compared.
func (d *data) overview() picture {
	var rows []row
	var impls []string
	for _, w := range d.workloads {
		for _, unit := range w.headline() {
			r := row{w.name, map[string]point{}}
			if unit != "sec/op" {
				r.label += ", " + strings.TrimSuffix(unit, "-sec")
			}
			for _, impl := range d.compared(w.cells, unit) {
				x := d.mean(w.cells, impl, unit)
				if x.N == 0 {
					continue
				}
				r.ratios[impl] = point{Estimate: x, hollow: !x.Known() || x.Lo <= 1 && x.Hi >= 1}
				if !slices.Contains(impls, impl) {
					impls = append(impls, impl)
				}
			}
			if len(r.ratios) > 0 {
				rows = append(rows, r)
			}
		}
	}
	impls = d.inOrder(impls)
	pic := picture{ID: "overview", Title: "Times as good as " + d.baseNames(impls) + ": geometric means", Note: forestNote, legend: d.legend(impls)}
	if len(rows) > 0 {
		pic.panels = d.forestPanels([]string{""}, [][]row{rows}, impls)
	}
	return pic
}

// baseNames returns what impls are compared with.
func (d *data) baseNames(impls []string) string {
	var names []string
	for _, impl := range impls {
		if name := d.baseOf(impl); !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return strings.Join(names, " and ")
}

// forestPanels draws rows; all panels have the same X axis.
func (d *data) forestPanels(titles []string, rows [][]row, impls []string) (panels []panel) {
	low, high := 0.9, 1.1
	for i, title := range titles {
		p := newPlot(true)
		var names []string
		for _, r := range rows[i] {
			names = append(names, r.label)
		}
		setRows(p, names)
		p.Add(rule(1))
		var all []series
		for k, impl := range impls {
			s := series{style: d.style(impl), horizontal: true, shift: spread(k, len(impls))}
			for j, r := range rows[i] {
				if x, ok := r.ratios[impl]; ok && x.Center > 0 && !math.IsInf(x.Center, 1) {
					x.at = float64(j)
					s.points = append(s.points, x)
				}
			}
			p.Add(s)
			all = append(all, s)
		}
		l, h := extent(all)
		low, high = min(low, l), max(high, h)
		panels = append(panels, panel{title, "worse ← times as good → better", p, rowsHeight(len(names), len(impls)) + axisLine})
	}
	for _, p := range panels {
		setLog(&p.plot.X, low, high, func(v float64) string { return fmt.Sprintf("%g", v) })
	}
	return panels
}
