package main

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"text/tabwriter"

	"golang.org/x/perf/benchfmt"
	"golang.org/x/perf/benchmath"
	"golang.org/x/perf/benchproc"
	"golang.org/x/perf/benchunit"
)

const confidence = 0.95

// pair names two implementations: how many times as fast as base is ours?
type pair struct{ ours, base string }

func (p pair) String() string { return p.ours + " to " + p.base }

// ratioColumns are the columns of the table of ratios.
var ratioColumns = []pair{
	{"queue", "chan"},
	{"mutex", "chan"},
	{"xsync", "chan"},
	{"queue-ctx", "chan-ctx"},
}

// verdicts are the rows of the summary.
var verdicts = []pair{
	{"queue", "chan"},
	{"queue-ctx", "chan-ctx"},
	{"queue", "mutex"},
	{"queue", "xsync"},
}

// results are all samples so far, in seconds per operation.
type results struct {
	row   *benchproc.Projection                  // capacity and shape
	col   *benchproc.Projection                  // implementation
	rows  []benchproc.Key                        // in the order of appearance
	impls []string                               // likewise
	secs  map[benchproc.Key]map[string][]float64 // by row, implementation, and round
	about *benchfmt.Result                       // any one, for what it says of the machine
}

func newResults() *results {
	r := &results{secs: map[benchproc.Key]map[string][]float64{}}
	var names benchproc.ProjectionParser
	r.row = must(names.Parse("/cap,/shape", nil))
	r.col = must(names.Parse("/impl", nil))
	return r
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err) // the arguments are constants
	}
	return v
}

// splitName splits the name of a benchmark into its cell and the implementation.
func splitName(name benchfmt.Name) (cell, impl string) {
	_, parts := name.Parts()
	var cells []string
	for _, part := range parts {
		if v, ok := strings.CutPrefix(string(part), "/impl="); ok {
			impl = v
		} else if part[0] == '/' {
			cells = append(cells, string(part[1:]))
		}
	}
	return strings.Join(cells, "/"), impl
}

// add adds a sample. Those of one benchmark come in the order of their rounds.
func (r *results) add(s sample) {
	row, impl := r.row.Project(s.result), r.col.Project(s.result).StringValues()
	if r.secs[row] == nil {
		r.rows = append(r.rows, row)
		r.secs[row] = map[string][]float64{}
	}
	if !slices.Contains(r.impls, impl) {
		r.impls = append(r.impls, impl)
	}
	each, _ := s.result.Value("sec/op")
	r.secs[row][impl] = append(r.secs[row][impl], each)
	r.about = s.result
}

// dropIncomplete drops the rows in which an implementation has not been measured
// at all, because somebody interrupted the first round.
func (r *results) dropIncomplete() {
	r.rows = slices.DeleteFunc(r.rows, func(row benchproc.Key) bool { return r.roundsOf(row) == 0 })
}

// rounds returns how many rounds are complete: as many as every row has.
func (r *results) rounds() int {
	if len(r.rows) == 0 {
		return 0
	}
	n := math.MaxInt
	for _, row := range r.rows {
		n = min(n, r.roundsOf(row))
	}
	return n
}

// roundsOf returns how many times everything in a row has been measured.
func (r *results) roundsOf(row benchproc.Key) int {
	n := math.MaxInt
	for _, impl := range r.impls {
		n = min(n, len(r.secs[row][impl]))
	}
	return n
}

// ratios returns how many times as fast as p.base p.ours was, in each round.
func (r *results) ratios(row benchproc.Key, p pair) []float64 {
	all := make([]float64, r.rounds())
	for i := range all {
		all[i] = r.secs[row][p.base][i] / r.secs[row][p.ours][i]
	}
	return all
}

// means returns the geometric means of the ratios in rows, in each round.
func (r *results) means(rows []benchproc.Key, p pair) []float64 {
	logs := make([]float64, r.rounds())
	for _, row := range rows {
		for i, ratio := range r.ratios(row, p) {
			logs[i] += math.Log(ratio) / float64(len(rows))
		}
	}
	for i := range logs {
		logs[i] = math.Exp(logs[i])
	}
	return logs
}

// summary returns the median of values and its confidence interval.
func summary(values []float64) benchmath.Summary {
	values = slices.Clone(values) // NewSample sorts, and our order is that of the rounds
	return benchmath.AssumeNothing.Summary(benchmath.NewSample(values, &benchmath.DefaultThresholds), confidence)
}

// ratioString formats a ratio with its interval.
func ratioString(s benchmath.Summary) string {
	if math.IsInf(s.Lo, 0) || math.IsInf(s.Hi, 0) {
		return fmt.Sprintf("%.2f [?, ?]", s.Center)
	}
	return fmt.Sprintf("%.2f [%.2f, %.2f]", s.Center, s.Lo, s.Hi)
}

// measured returns those of pairs that have been measured.
func (r *results) measured(pairs []pair) (all []pair) {
	for _, p := range pairs {
		if slices.Contains(r.impls, p.ours) && slices.Contains(r.impls, p.base) {
			all = append(all, p)
		}
	}
	return all
}

// print prints the tables and the verdicts.
func (r *results) print(w io.Writer) {
	config := func(key string) string { return r.about.GetConfig(key) }
	fmt.Fprintf(w, "%d rounds on %s (%s/%s, GOMAXPROCS %s, %s)\n", r.rounds(), config("cpu"), config("goos"), config("goarch"), procs(r.about.Name), config("go"))
	if r.rounds() < 6 {
		fmt.Fprintf(w, "Fewer than 6 rounds: there are no confidence intervals, and nothing is decided.\n")
	}
	r.printTimes(w)
	r.printRatios(w)
	r.printVerdicts(w)
}

func newTable(w io.Writer, title string) *tabwriter.Writer {
	fmt.Fprintf(w, "\n%s\n\n", title)
	return tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
}

func (r *results) printTimes(w io.Writer) {
	t := newTable(w, fmt.Sprintf("Time per operation: median, and its %.0f%% confidence interval", 100*confidence))
	defer t.Flush()
	fmt.Fprintf(t, "cap\tshape\t%s\t\n", strings.Join(r.impls, "\t"))
	for _, row := range r.rows {
		fmt.Fprint(t, name(row))
		for _, impl := range r.impls {
			s := summary(r.secs[row][impl][:r.rounds()])
			fmt.Fprintf(t, "%s ±%4s\t", benchunit.Scale(s.Center, benchunit.Decimal), s.PctRangeString())
		}
		fmt.Fprintln(t)
	}
}

func (r *results) printRatios(w io.Writer) {
	t := newTable(w, fmt.Sprintf("Times as fast, paired by round: median [%.0f%% interval]", 100*confidence))
	defer t.Flush()
	columns := r.measured(ratioColumns)
	fmt.Fprint(t, "cap\tshape\t")
	for _, p := range columns {
		fmt.Fprintf(t, "%s\t", p)
	}
	fmt.Fprintln(t)
	line := func(label string, ratios func(pair) []float64) {
		fmt.Fprint(t, label)
		for _, p := range columns {
			fmt.Fprintf(t, "%s\t", ratioString(summary(ratios(p))))
		}
		fmt.Fprintln(t)
	}
	for _, rows := range r.groups() {
		for _, row := range rows {
			line(name(row), func(p pair) []float64 { return r.ratios(row, p) })
		}
		line("\tgeomean\t", func(p pair) []float64 { return r.means(rows, p) })
	}
	line("all\tgeomean\t", func(p pair) []float64 { return r.means(r.rows, p) })
}

func (r *results) printVerdicts(w io.Writer) {
	t := newTable(w, "Cells whose interval lies above 1 (won), below 1 (lost), or has 1 in it")
	defer t.Flush()
	fmt.Fprint(t, "\twon\tlost\tundecided\tgeomean\t\n")
	for _, p := range r.measured(verdicts) {
		v := r.verdict(p)
		fmt.Fprintf(t, "%s\t%d\t%d\t%d\t%s\t\n", p, v.won, v.lost, v.undecided, ratioString(summary(r.means(r.rows, p))))
	}
}

// verdict counts cells by what their intervals say.
type verdict struct{ won, lost, undecided int }

func (r *results) verdict(p pair) (v verdict) {
	for _, row := range r.rows {
		switch s := summary(r.ratios(row, p)); {
		case s.Lo > 1:
			v.won++
		case s.Hi < 1:
			v.lost++
		default:
			v.undecided++
		}
	}
	return v
}

// groups returns the rows in runs of the same capacity.
func (r *results) groups() (all [][]benchproc.Key) {
	capOf := func(row benchproc.Key) string { return row.Get(r.row.Fields()[0]) }
	for i, row := range r.rows {
		if i == 0 || capOf(row) != capOf(r.rows[i-1]) {
			all = append(all, nil)
		}
		last := &all[len(all)-1]
		*last = append(*last, row)
	}
	return all
}

// name returns the first columns of a row.
func name(row benchproc.Key) string {
	fields := row.Projection().Fields()
	return row.Get(fields[0]) + "\t" + row.Get(fields[1]) + "\t"
}

// procs returns the GOMAXPROCS in the name of a benchmark; it is left out if 1.
func procs(name benchfmt.Name) string {
	_, parts := name.Parts()
	if last := parts[len(parts)-1]; last[0] == '-' {
		return string(last[1:])
	}
	return "1"
}
