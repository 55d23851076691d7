package report

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"

	"github.com/parkring/queue/benchstat/internal/stats"
)

// pictures returns the pictures of w.
func (d *data) pictures(w *workload) (all []picture) {
	add := func(p picture) {
		if len(p.panels) > 0 {
			p.ID = w.id() + "-" + p.ID
			all = append(all, p)
		}
	}
	switch {
	case len(w.percentiles()) > 0:
		add(d.forest(w))
		add(d.curves(w))
	case len(w.resources()) > 0:
		for _, unit := range w.resources() {
			add(d.bars(w, unit))
		}
	case w.timed():
		add(d.forest(w))
		lines := d.lines(w)
		if len(varying(w.cells)) != 1 || len(lines) == 0 {
			add(d.dots(w))
		}
		for _, p := range lines {
			add(p)
		}
	}
	return all
}

func (d *data) legend(impls []string) (all []entry) {
	for _, impl := range impls {
		all = append(all, entry{d.style(impl), impl})
	}
	return all
}

// inOrder returns impls in the order of all pictures and tables, each once.
func (d *data) inOrder(impls []string) []string {
	return slices.DeleteFunc(slices.Clone(d.impls), func(impl string) bool { return !slices.Contains(impls, impl) })
}

// distance is that of the marks of two implementations in one row.
const distance = vg.Length(4.6)

// spread returns how far off its place the k-th of n marks goes, the first upwards.
func spread(k, n int) vg.Length { return (vg.Length(n-1)/2 - vg.Length(k)) * distance }

// rowsHeight returns the height of a plot with so many rows of so many marks.
func rowsHeight(rows, marks int) vg.Length {
	return vg.Length(rows)*max(13, distance*vg.Length(marks)+4) + 18
}

// rate returns the operations per second of impl in c.
func rate(c *cell, impl string) (e stats.Estimate, ok bool) {
	e = c.value(impl, "sec/op")
	if !(e.Center > 0) { // or NaN: not measured
		return e, false
	}
	e.Center = 1 / e.Center
	if e.Known() {
		e.Lo, e.Hi = 1/e.Hi, 1/e.Lo
	}
	return e, true
}

// valueNote is the note of a picture of values.
func (d *data) valueNote(better string, cells []*cell, unit string) string {
	note := better + ". Bars are 95% confidence intervals of the median."
	if impls := d.wrong(cells, unit); len(impls) > 0 {
		note += " Left out where wrong: " + strings.Join(impls, ", ") + "."
	}
	return note
}

// dots shows operations per second, a panel for each capacity.
func (d *data) dots(w *workload) picture {
	impls := d.measured(w.cells, "sec/op")
	pic := picture{ID: "speed", Title: w.name + ": operations per second", Note: d.valueNote("Right is faster", w.cells, "sec/op"), legend: d.legend(impls)}
	groups, rest := split(w.cells, max(8, 96/max(1, len(impls))))
	var everything []series
	for _, g := range groups {
		p := newPlot(true)
		var names []string
		for _, c := range g.cells {
			names = append(names, c.describe(rest))
		}
		setRows(p, names)
		for k, impl := range impls {
			s := series{style: d.style(impl), horizontal: true, shift: spread(k, len(impls))}
			for j, c := range g.cells {
				if v, ok := rate(c, impl); ok {
					s.points = append(s.points, point{at: float64(j), Estimate: v})
				}
			}
			p.Add(s)
			everything = append(everything, s)
		}
		pic.panels = append(pic.panels, panel{g.title, "", p, rowsHeight(len(names), len(impls))})
	}
	low, high := extent(everything)
	for _, p := range pic.panels {
		setLog(&p.plot.X, low, high, func(v float64) string { return quantity(v, "/s") })
	}
	return pic
}

// lines shows operations per second over each key that has 3 numbers or more: a
// picture for each such key, a panel for each combination of the others.
func (d *data) lines(w *workload) (all []picture) {
	keys := varying(w.cells)
	for i, key := range keys {
		if key == "cap" && len(keys) > 1 {
			continue // has panels of its own
		}
		over := key
		if key == "shape" {
			over = "goroutines"
		}
		var numbered []*cell
		for _, c := range w.cells {
			if _, ok := c.number(key); ok {
				numbered = append(numbered, c)
			}
		}
		pic := picture{ID: "over-" + over, Title: fmt.Sprintf("%s: operations per second over %s", w.name, over), Note: d.valueNote("Up is faster", numbered, "sec/op")}
		if key == "shape" {
			pic.Note += " Half of the goroutines are producers, half consumers."
		}
		impls := d.measured(numbered, "sec/op")
		pic.legend = d.legend(impls)
		var everything []series
		for _, g := range groupBy(numbered, slices.Delete(slices.Clone(keys), i, i+1)) {
			if len(values(g.cells, key)) < 3 {
				continue
			}
			p := newPlot(false)
			var ticks []plot.Tick
			for _, c := range g.cells {
				n, _ := c.number(key)
				ticks = append(ticks, plot.Tick{Value: n, Label: fmt.Sprint(n)})
			}
			for k, impl := range impls {
				s := series{style: d.style(impl), joined: true, shift: -spread(k, len(impls)) / 5}
				for _, c := range g.cells {
					if v, ok := rate(c, impl); ok {
						n, _ := c.number(key)
						s.points = append(s.points, point{at: n, Estimate: v})
					}
				}
				slices.SortStableFunc(s.points, func(a, b point) int { return cmp.Compare(a.at, b.at) })
				p.Add(s)
				everything = append(everything, s)
			}
			ticks = apart(ticks)
			setLog(&p.X, ticks[0].Value, ticks[len(ticks)-1].Value, nil)
			p.X.Tick.Marker = plot.ConstantTicks(ticks)
			pic.panels = append(pic.panels, panel{g.title, over, p, 150})
		}
		low, high := extent(everything)
		for _, p := range pic.panels {
			setLog(&p.plot.Y, low, high, func(v float64) string { return quantity(v, "/s") })
		}
		if len(pic.panels) > 0 {
			all = append(all, pic)
		}
	}
	return all
}

func byValue(a, b plot.Tick) int { return cmp.Compare(a.Value, b.Value) }

// apart returns ticks in order, each value once, and no label over its neighbour's.
// The axis is logarithmic.
func apart(ticks []plot.Tick) (all []plot.Tick) {
	slices.SortFunc(ticks, byValue)
	total := math.Log(ticks[len(ticks)-1].Value / ticks[0].Value)
	labelled := math.Inf(-1) // the last one that is
	for i, t := range ticks {
		if i > 0 && t.Value == ticks[i-1].Value {
			continue
		}
		if at := math.Log(t.Value); at-labelled < 0.1*total {
			t.Label = ""
		} else {
			labelled = at
		}
		all = append(all, t)
	}
	return all
}

// curves shows latencies over percentiles: a panel for each cell. The axis is
// that of -log(1-p), which gives each 9 the same room; the maximum ends it.
func (d *data) curves(w *workload) picture {
	percentiles := w.percentiles()
	type tick struct {
		at   float64
		unit string
	}
	var places []tick
	var ticks []plot.Tick
	for _, p := range percentiles {
		at := -math.Log10(1 - p/100)
		places = append(places, tick{at, fmt.Sprintf("p%g-sec", p)})
		ticks = append(ticks, plot.Tick{Value: at, Label: fmt.Sprintf("%g", p)})
	}
	last := places[len(places)-1].at
	if w.has("max-sec") {
		last++
		places = append(places, tick{last, "max-sec"})
		ticks = append(ticks, plot.Tick{Value: last, Label: "max"})
	}
	impls := d.measured(w.cells, places[0].unit)
	pic := picture{ID: "latency", Title: w.name + ": latency over percentiles", Note: d.valueNote("Down is better", w.cells, places[0].unit), legend: d.legend(impls)}
	keys := telling(w.cells)
	var everything []series
	for _, c := range w.cells {
		p := newPlot(false)
		for k, impl := range impls {
			s := series{style: d.style(impl), joined: true, shift: -spread(k, len(impls)) / 5}
			for _, place := range places {
				if v := c.value(impl, place.unit); v.Center > 0 {
					s.points = append(s.points, point{at: place.at, Estimate: v})
				}
			}
			p.Add(s)
			everything = append(everything, s)
		}
		p.X.Min, p.X.Max = places[0].at-0.15, last+0.15
		p.X.Tick.Marker = plot.ConstantTicks(ticks)
		pic.panels = append(pic.panels, panel{c.describe(keys), "percentile", p, 165})
	}
	low, high := extent(everything)
	for _, p := range pic.panels {
		setLog(&p.plot.Y, low, high, func(v float64) string { return quantity(v, "s") })
	}
	return pic
}

// bars shows what implementations take up: a panel for each cell.
func (d *data) bars(w *workload, unit string) picture {
	pic := picture{ID: idOf(unit), Title: w.name + ": " + resourceName(unit), Note: "Shorter is better. Medians."}
	keys := telling(w.cells)
	for _, c := range w.cells {
		var names []string
		var all bars
		most := 0.0
		for _, impl := range d.measured([]*cell{c}, unit) {
			v := c.value(impl, unit)
			all = append(all, bar{d.style(impl).hue, float64(len(names)), v.Center, valueText(v.Center, unit)})
			names = append(names, impl)
			most = max(most, v.Center)
		}
		if len(names) == 0 {
			continue
		}
		p := newPlot(true)
		setRows(p, names)
		p.Add(all)
		p.X.Min, p.X.Max = 0, max(most, 1e-9)*1.35 // room for the labels
		p.X.Tick.Marker = plot.ConstantTicks{}
		p.X.LineStyle.Width = 0
		pic.panels = append(pic.panels, panel{c.describe(keys), "", p, vg.Length(len(names))*14 + 6})
	}
	return pic
}

func resourceName(unit string) string {
	name, per, divided := strings.Cut(unit, "/")
	switch name {
	case "B":
		name = "memory"
	case "cpu-sec":
		name = "CPU time"
	}
	switch {
	case per == "op":
		return name + " per operation"
	case divided:
		return name + " per " + per
	}
	return name
}
