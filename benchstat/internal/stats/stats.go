// Package stats says what benchmark files prove: by how much one implementation is
// faster than another, in which cells, and which differences may be noise.
//
// It reads the standard format of Go benchmarks, ours or any that "go test -bench"
// has written, and nothing else:
//
//	set, err := stats.Read("results/new.txt")
//	compared := stats.Compare(set, stats.Options{Base: "chan"})
//	for _, t := range set.Tables {
//		for _, c := range t.Cells {
//			fmt.Println(t.Workload, c.Name, c.Summary("queue"), compared.Ratio(c, "queue"))
//		}
//	}
//
// # Words
//
// The name of a benchmark, Throughput/shape=1x1/cap=64/impl=chan, has a workload
// (Throughput), a cell (shape=1x1/cap=64) and an implementation (chan). A Table is
// a workload in one unit. A sample is a value in a file; it belongs to a round. A
// ratio is taken between samples of the same round only, which a drifting machine
// has treated alike, and is above 1 where the implementation is better than the
// base: 2 is twice as fast, or half as large.
//
// # Statistics
//
// Medians and their confidence intervals are those of golang.org/x/perf/benchmath:
// order statistics, which assume nothing about the distribution. Whether a ratio
// differs from 1 is decided by the exact Wilcoxon signed-rank test on the
// logarithms of the ratios of the rounds. Its only assumption is that a round is as
// likely to favour one as the other if both are equally fast. The p-values of one
// implementation in one unit are adjusted by Holm's method for the number of its
// cells, so that the chance that noise makes even one of them won or lost is at
// most Options.Alpha.
package stats

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"golang.org/x/perf/benchmath"
)

// Set is what some files contain.
type Set struct {
	// Config has the file configuration (commit, goos, goarch, cpu, kernel, go,
	// gomaxprocs, regime, profile, date) by key. Where results differ in it, the
	// values are joined with commas, in the order of their appearance.
	Config map[string]string
	Tables []*Table // in the order of appearance
	// Warnings are about lines that could not be read, with file and line.
	Warnings []string
}

// Table returns the table of a workload in a unit, or nil.
func (s *Set) Table(workload, unit string) *Table {
	for _, t := range s.Tables {
		if t.Workload == workload && t.Unit == unit {
			return t
		}
	}
	return nil
}

// Impls returns the implementations, in the order of appearance.
func (s *Set) Impls() (all []string) {
	for _, t := range s.Tables {
		all = appendNew(all, t.Impls()...)
	}
	return all
}

// Rounds returns the largest number of samples of an implementation in a cell.
func (s *Set) Rounds() (n int) {
	for _, t := range s.Tables {
		for _, c := range t.Cells {
			for _, samples := range c.samples {
				n = max(n, len(samples))
			}
		}
	}
	return n
}

// Table is a workload in one unit.
type Table struct {
	Workload string // like "Throughput"
	// Unit is tidy, as in package benchunit: ns/op has become sec/op (and values
	// are seconds), p99-ns p99-sec, cpu-ns/op cpu-sec/op.
	Unit   string
	Better int     // -1: lower is better; 1: higher; 0: nobody knows
	Cells  []*Cell // in the order of appearance
}

// Impls returns the implementations, in the order of appearance.
func (t *Table) Impls() (all []string) {
	for _, c := range t.Cells {
		all = appendNew(all, c.Impls()...)
	}
	return all
}

// Keys returns the keys of the cells, like shape and cap, in the order of
// appearance.
func (t *Table) Keys() (all []string) {
	for _, c := range t.Cells {
		for _, k := range c.Keys {
			all = appendNew(all, k.Name)
		}
	}
	return all
}

// Cell returns the cell of that name, or nil.
func (t *Table) Cell(name string) *Cell {
	for _, c := range t.Cells {
		if c.Name == name {
			return c
		}
	}
	return nil
}

// Cell is one case of a workload, like shape=1x1/cap=64, in one unit: the samples
// of all implementations that were measured in it.
type Cell struct {
	Name string // "" if the benchmark has no parts
	Keys []Key  // what is in the name

	impls   []string
	samples map[string][]sample
	wrong   map[string]float64
}

// Key is a part of a name: shape=1x1. A part that is not key=value has no name. If
// the files have results for several GOMAXPROCS, gomaxprocs is a key as well.
type Key struct{ Name, Value string }

// sample is a value of one round.
type sample struct {
	round string
	value float64
}

// Key returns the value of a key, or "".
func (c *Cell) Key(name string) string {
	for _, k := range c.Keys {
		if k.Name == name {
			return k.Value
		}
	}
	return ""
}

// Impls returns the implementations that have samples in the cell, or that are
// wrong there, in the order of appearance. The order within our files changes from
// round to round; that of the first round counts.
func (c *Cell) Impls() []string { return slices.Clone(c.impls) }

// Values returns the samples of an implementation, in the order of appearance.
func (c *Cell) Values(impl string) []float64 {
	all := make([]float64, len(c.samples[impl]))
	for i, s := range c.samples[impl] {
		all[i] = s.value
	}
	return all
}

// Wrong returns how many items an implementation has lost, duplicated or delivered
// out of order, in all its samples. If that is not 0 its speed is of no interest:
// it has no ratios.
func (c *Cell) Wrong(impl string) float64 { return c.wrong[impl] }

// Summary returns the median of an implementation's samples with its interval of
// 95% confidence.
func (c *Cell) Summary(impl string) Estimate { return estimate(c.Values(impl), confidence) }

// Estimate is a median and its confidence interval.
type Estimate struct {
	Center, Lo, Hi float64 // Lo and Hi are NaN unless Known
	N              int     // values behind it; 0: there is none, and Center is NaN
}

// Known reports whether there is an interval: with 95% confidence it takes six
// values.
func (e Estimate) Known() bool { return e.N > 0 && !math.IsNaN(e.Lo) && !math.IsNaN(e.Hi) }

// String formats a ratio: 2.00 [1.90, 2.10].
func (e Estimate) String() string {
	switch {
	case e.N == 0:
		return "-"
	case !e.Known():
		return fmt.Sprintf("%s [?, ?]", short(e.Center))
	}
	return fmt.Sprintf("%s [%s, %s]", short(e.Center), short(e.Lo), short(e.Hi))
}

// short formats a ratio with two decimals, or fewer if it is large.
func short(x float64) string {
	switch {
	case math.Abs(x) >= 100:
		return fmt.Sprintf("%.0f", x)
	case math.Abs(x) >= 10:
		return fmt.Sprintf("%.1f", x)
	case math.Abs(x) < 0.1 && x != 0:
		return fmt.Sprintf("%.3f", x)
	}
	return fmt.Sprintf("%.2f", x)
}

const confidence = 0.95

// estimate returns the median of values and its confidence interval.
func estimate(values []float64, confidence float64) Estimate {
	if len(values) == 0 {
		return Estimate{Center: math.NaN(), Lo: math.NaN(), Hi: math.NaN()}
	}
	values = slices.Clone(values) // NewSample sorts, and our order is that of the rounds
	s := benchmath.AssumeNothing.Summary(benchmath.NewSample(values, &benchmath.DefaultThresholds), confidence)
	e := Estimate{Center: s.Center, Lo: s.Lo, Hi: s.Hi, N: len(values)}
	if math.IsInf(e.Lo, 0) || math.IsInf(e.Hi, 0) {
		e.Lo, e.Hi = math.NaN(), math.NaN()
	}
	return e
}

// appendNew appends those of more that are not in s yet.
func appendNew[T comparable](s []T, more ...T) []T {
	for _, v := range more {
		if !slices.Contains(s, v) {
			s = append(s, v)
		}
	}
	return s
}

// Verdict is what the samples say of an implementation in a cell.
type Verdict int

const (
	Undecided Verdict = iota // the difference may be noise
	Won                      // better than the base
	Lost                     // worse than the base
	Wrong                    // it lost, duplicated or reordered items
)

func (v Verdict) String() string { return [...]string{"undecided", "won", "lost", "wrong"}[v] }

// Options say how to compare.
type Options struct {
	Base       string  // the implementation to compare with; "": chan, or the first if there is no chan
	Alpha      float64 // chance that noise gets a verdict; 0: 0.05
	Confidence float64 // of the intervals of ratios; 0: 0.95
}

// Comparison has a ratio for every implementation but the base, in every cell that
// both were measured in.
type Comparison struct {
	Base   string
	Alpha  float64
	Ratios []*Ratio
	Totals []Total // by unit and implementation, in the order of appearance

	confidence float64
	byCell     map[cellImpl]*Ratio
}

type cellImpl struct {
	cell *Cell
	impl string
}

// Ratio is how many times as good as the base an implementation is in a cell.
type Ratio struct {
	Table *Table
	Cell  *Cell
	Impl  string
	Estimate
	P        float64 // of the signed-rank test, for this cell alone; 1 if it cannot be done
	Adjusted float64 // P after Holm's correction
	Verdict  Verdict

	logs map[string]float64 // logarithms of the ratios, by round
}

// Below returns how likely a ratio as low as this one is, if it was threshold in
// truth, or higher: the p-value of the signed-rank test, for this cell alone.
func (r *Ratio) Below(threshold float64) float64 {
	if r.N == 0 || r.Center >= threshold {
		return 1
	}
	var logs []float64
	for _, l := range r.logs {
		logs = append(logs, l-math.Log(threshold))
	}
	return signedRank(logs)
}

// Total sums up the cells of an implementation in one unit.
type Total struct {
	Unit, Impl                  string
	Won, Lost, Undecided, Wrong int
	Mean                        Estimate // geometric mean over all cells
	NeedRounds                  int      // with fewer rounds nothing can be decided in so many cells
	Rounds                      int      // the most that a cell has
}

// Ratio returns the ratio of an implementation in a cell, or nil.
func (c *Comparison) Ratio(cell *Cell, impl string) *Ratio { return c.byCell[cellImpl{cell, impl}] }

// Compare compares all implementations with the base.
func Compare(s *Set, o Options) *Comparison {
	c := &Comparison{
		Base:       o.Base,
		Alpha:      cmp.Or(o.Alpha, 0.05),
		confidence: cmp.Or(o.Confidence, confidence),
		byCell:     map[cellImpl]*Ratio{},
	}
	impls := s.Impls()
	if c.Base == "" {
		switch {
		case slices.Contains(impls, "chan"):
			c.Base = "chan"
		case len(impls) > 0:
			c.Base = impls[0]
		}
	}
	for _, t := range s.Tables {
		for _, cell := range t.Cells {
			for _, impl := range cell.impls {
				if impl == c.Base {
					continue
				}
				if r := c.ratio(t, cell, impl); r != nil {
					c.Ratios = append(c.Ratios, r)
					c.byCell[cellImpl{cell, impl}] = r
				}
			}
		}
	}
	c.decide()
	return c
}

// ratio returns the ratio of impl in a cell, without a verdict, or nil if there is
// none.
func (c *Comparison) ratio(t *Table, cell *Cell, impl string) *Ratio {
	r := &Ratio{Table: t, Cell: cell, Impl: impl, logs: map[string]float64{}, P: 1, Adjusted: 1}
	if cell.wrong[impl] > 0 {
		r.Verdict = Wrong
		r.Estimate = estimate(nil, c.confidence)
		return r
	}
	if cell.wrong[c.Base] > 0 {
		return nil
	}
	base := map[string]float64{}
	for _, s := range cell.samples[c.Base] {
		base[s.round] = s.value
	}
	var logs []float64
	for _, s := range cell.samples[impl] {
		b, ok := base[s.round]
		if !ok {
			continue
		}
		log := math.Log(b / s.value)
		if b == s.value { // also if both are 0
			log = 0
		}
		if t.Better > 0 {
			log = -log
		}
		if math.IsNaN(log) {
			continue
		}
		r.logs[s.round] = log
		logs = append(logs, log)
	}
	if len(logs) == 0 {
		return nil
	}
	r.Estimate = exp(estimate(logs, c.confidence))
	r.P = signedRank(logs)
	return r
}

// exp returns an estimate of a ratio from that of its logarithm.
func exp(e Estimate) Estimate {
	e.Center, e.Lo, e.Hi = math.Exp(e.Center), math.Exp(e.Lo), math.Exp(e.Hi)
	return e
}

// decide adjusts the p-values, and gives the verdicts and the totals.
func (c *Comparison) decide() {
	type family struct{ unit, impl string }
	families := map[family][]*Ratio{}
	var order []family
	for _, r := range c.Ratios {
		f := family{r.Table.Unit, r.Impl}
		order = appendNew(order, f)
		families[f] = append(families[f], r)
	}
	for _, f := range order {
		var tested []*Ratio
		for _, r := range families[f] {
			if r.Verdict != Wrong && r.Table.Better != 0 {
				tested = append(tested, r)
			}
		}
		ps := make([]float64, len(tested))
		for i, r := range tested {
			ps[i] = r.P
		}
		for i, p := range Holm(ps) {
			tested[i].Adjusted = p
		}
		t := Total{Unit: f.unit, Impl: f.impl, NeedRounds: RoundsFor(len(tested), c.Alpha)}
		for _, r := range families[f] {
			t.Rounds = max(t.Rounds, r.N)
			switch {
			case r.Verdict == Wrong:
				t.Wrong++
			case r.Adjusted <= c.Alpha && r.Center > 1:
				r.Verdict = Won
				t.Won++
			case r.Adjusted <= c.Alpha && r.Center < 1:
				r.Verdict = Lost
				t.Lost++
			default:
				t.Undecided++
			}
		}
		t.Mean = c.mean(families[f])
		c.Totals = append(c.Totals, t)
	}
}

// Total returns the total of an implementation in a unit, or nil.
func (c *Comparison) Total(unit, impl string) *Total {
	for i := range c.Totals {
		if t := &c.Totals[i]; t.Unit == unit && t.Impl == impl {
			return t
		}
	}
	return nil
}

// Mean returns the geometric mean of the ratios of an implementation over cells,
// with the interval that its means in single rounds give. Cells without a ratio, or
// with one that is 0 or infinite, do not count.
func (c *Comparison) Mean(impl string, cells []*Cell) Estimate {
	var all []*Ratio
	for _, cell := range cells {
		if r := c.Ratio(cell, impl); r != nil {
			all = append(all, r)
		}
	}
	return c.mean(all)
}

func (c *Comparison) mean(ratios []*Ratio) Estimate {
	ratios = slices.DeleteFunc(slices.Clone(ratios), func(r *Ratio) bool {
		return r.N == 0 || math.IsNaN(r.Center) || math.IsInf(r.Center, 0) || r.Center == 0
	})
	if len(ratios) == 0 {
		return estimate(nil, c.confidence)
	}
	// The rounds that all of them have.
	var rounds []string
	for round := range ratios[0].logs {
		if !slices.ContainsFunc(ratios, func(r *Ratio) bool { l, ok := r.logs[round]; return !ok || math.IsInf(l, 0) }) {
			rounds = append(rounds, round)
		}
	}
	slices.SortFunc(rounds, strings.Compare)
	means := make([]float64, len(rounds))
	for i, round := range rounds {
		for _, r := range ratios {
			means[i] += r.logs[round] / float64(len(ratios))
		}
	}
	return exp(estimate(means, c.confidence))
}
