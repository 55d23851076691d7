package main

import (
	"cmp"
	"errors"
	"flag"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"text/tabwriter"

	"golang.org/x/perf/benchunit"

	"github.com/parkring/queue/benchstat/internal/stats"
)

const compareUsage = `usage: go -C benchstat run . compare [flags] FILE...

Prints what benchmark files say, ours or any that "go test -bench" has written: for
every cell the medians, the ratios to the base with their intervals, and which of
them are no noise; and geometric means. "-" is the standard input.

If no benchmark in the files has /impl= in its name, the files are compared with
each other: compare old.txt new.txt.
`

// defaultUnits are the units that are printed without -units. Of cpuUnit there is only
// the summary.
const (
	cpuUnit      = "cpu-sec/op"
	defaultUnits = `^(sec/op|p50-sec|p99-sec|max-sec|B|cpu-sec/s|allocs/op|B/op)$`
)

// comparison says what to print.
type comparison struct {
	by, base string
	units    *regexp.Regexp // nil: defaultUnits
	alpha    float64        // 0: 0.05
}

// compareMain is the subcommand compare. It returns the exit code.
func compareMain(args []string, stdout, stderr io.Writer) int {
	var c comparison
	flags := flag.NewFlagSet("compare", flag.ContinueOnError)
	flags.StringVar(&c.base, "base", "", "compare with `implementation` (default chan, or the first if there is none)")
	flags.StringVar(&c.by, "by", "", "compare what `key` says, instead of /impl: file, /cap, commit ...")
	units := flags.String("units", defaultUnits, "print the tables in the units that match `regexp`")
	flags.Float64Var(&c.alpha, "alpha", 0.05, "let noise win or lose a cell with at most this `probability`")
	code, done := parseFlags(flags, compareUsage+"\nflags:\n", args, func() (err error) {
		switch c.units, err = regexp.Compile(*units); {
		case err != nil:
			return err
		case flags.NArg() == 0:
			return errors.New("no files")
		case !(c.alpha > 0 && c.alpha < 1):
			return fmt.Errorf("-alpha %v: must be between 0 and 1", c.alpha)
		}
		return nil
	}, stdout, stderr)
	if done {
		return code
	}
	if err := compareFiles(stdout, c, flags.Args()...); err != nil {
		fmt.Fprintf(stderr, "benchstat: %v\n", err)
		return exitFailed
	}
	return exitOK
}

// compareFiles prints the tables and the verdicts.
func compareFiles(w io.Writer, c comparison, files ...string) error {
	set, err := stats.ReadBy(c.by, files...)
	if err != nil {
		return err
	}
	if c.base != "" && !slices.Contains(set.Impls(), c.base) {
		return fmt.Errorf("nothing has been measured of %q; there are %s", c.base, strings.Join(set.Impls(), ", "))
	}
	if c.units == nil {
		c.units = regexp.MustCompile(defaultUnits)
	}
	compared := stats.Compare(set, stats.Options{Base: c.base, Alpha: c.alpha})
	printHead(w, set)
	for _, t := range set.Tables {
		if c.units.MatchString(t.Unit) {
			printTable(w, t, compared)
		}
	}
	compared.Totals = slices.DeleteFunc(compared.Totals, func(t stats.Total) bool { return t.Unit != cpuUnit && !c.units.MatchString(t.Unit) })
	printVerdicts(w, set, compared)
	return nil
}

func printHead(w io.Writer, set *stats.Set) {
	config := func(key string) string { return cmp.Or(set.Config[key], "?") }
	fmt.Fprintf(w, "%d rounds on %s (%s/%s, GOMAXPROCS %s, %s)", set.Rounds(), config("cpu"), config("goos"), config("goarch"), config("gomaxprocs"), config("go"))
	if regime := set.Config["regime"]; regime != "" {
		fmt.Fprintf(w, ", regime %s", regime)
	}
	fmt.Fprintln(w)
	for _, warning := range set.Warnings {
		fmt.Fprintln(w, "not understood:", warning)
	}
}

// printTable prints the medians of a table and the ratios, in parts in which the same
// implementations have been measured.
func printTable(w io.Writer, t *stats.Table, compared *stats.Comparison) {
	var parts []*stats.Table
	for _, c := range t.Cells {
		i := slices.IndexFunc(parts, func(part *stats.Table) bool { return sameNames(part.Impls(), c.Impls()) })
		if i < 0 {
			i = len(parts)
			parts = append(parts, &stats.Table{Workload: t.Workload, Unit: t.Unit, Better: t.Better})
		}
		parts[i].Cells = append(parts[i].Cells, c)
	}
	for _, part := range parts {
		printPart(w, part, compared)
	}
}

func sameNames(a, b []string) bool {
	return slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
}

func printPart(w io.Writer, t *stats.Table, compared *stats.Comparison) {
	impls, keys := t.Impls(), t.Keys()
	table := func(title string, columns []string, entry func(c *stats.Cell, impl string) string, last func(impl string) string) {
		fmt.Fprintf(w, "\n%s, %s: %s\n\n", t.Workload, t.Unit, title)
		out := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
		line := func(left []string, entry func(impl string) string) {
			for _, s := range left {
				fmt.Fprintf(out, "%s\t", s)
			}
			for _, impl := range columns {
				fmt.Fprintf(out, "%s\t", entry(impl))
			}
			fmt.Fprintln(out)
		}
		line(keys, func(impl string) string { return impl })
		for _, c := range t.Cells {
			var values []string
			for _, key := range keys {
				values = append(values, c.Key(key))
			}
			line(values, func(impl string) string { return entry(c, impl) })
		}
		if last != nil && len(t.Cells) > 1 && len(keys) > 0 {
			line(append([]string{"geomean"}, make([]string, len(keys)-1)...), last)
		}
		_ = out.Flush()
	}
	table("medians and their 95% intervals", impls,
		func(c *stats.Cell, impl string) string { return medianString(c, impl, t.Unit) }, nil)
	others := slices.DeleteFunc(slices.Clone(impls), func(impl string) bool {
		return !slices.ContainsFunc(t.Cells, func(c *stats.Cell) bool { return compared.Ratio(c, impl) != nil })
	})
	if len(others) > 0 {
		table("times as good as "+compared.Base, others,
			func(c *stats.Cell, impl string) string { return ratioString(compared.Ratio(c, impl)) },
			func(impl string) string { return compared.Mean(impl, t.Cells).String() + "  " })
	}
}

// medianString formats a median: 12.3n ± 4%.
func medianString(c *stats.Cell, impl, unit string) string {
	if c.Wrong(impl) > 0 {
		return "wrong"
	}
	e := c.Summary(impl)
	if e.N == 0 {
		return ""
	}
	s := benchunit.Scale(e.Center, benchunit.ClassOf(unit))
	if !e.Known() || e.Center == 0 {
		return s
	}
	return fmt.Sprintf("%s ±%3.0f%%", s, 100*max(e.Hi-e.Center, e.Center-e.Lo)/e.Center)
}

// ratioString formats a ratio with its verdict: 2.00 [1.90, 2.10] +.
func ratioString(r *stats.Ratio) string {
	switch {
	case r == nil:
		return ""
	case r.Verdict == stats.Wrong:
		return "wrong"
	}
	return r.Estimate.String() + map[stats.Verdict]string{stats.Won: " +", stats.Lost: " -", stats.Undecided: "  "}[r.Verdict]
}

// printVerdicts prints how many cells each implementation has won.
func printVerdicts(w io.Writer, set *stats.Set, c *stats.Comparison) {
	if len(c.Totals) == 0 {
		fmt.Fprintf(w, "\nThere is nothing to compare with %s.\n", c.Base)
		return
	}
	fmt.Fprintf(w, "\nCells that are better (won, +) or worse (lost, -) than with %s; that noise decides even one in a line has a probability of %v at most\n\n", c.Base, c.Alpha)
	out := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(out, "\tunit\twon\tlost\tundecided\twrong\tgeomean\t\n")
	var few stats.Total // with the most cells of those that have too few rounds
	for _, impl := range set.Impls() {
		for _, t := range c.Totals {
			if t.Impl != impl {
				continue
			}
			fmt.Fprintf(out, "%s\t%s\t%d\t%d\t%d\t%d\t%s\t\n", t.Impl, t.Unit, t.Won, t.Lost, t.Undecided, t.Wrong, t.Mean)
			if t.Rounds < t.NeedRounds && t.NeedRounds > few.NeedRounds {
				few = t
			}
		}
	}
	_ = out.Flush()
	if few.NeedRounds > 0 {
		fmt.Fprintf(w, "\nToo few rounds: %d cannot decide anything among %d cells, that takes %d.\n", few.Rounds, few.Won+few.Lost+few.Undecided, few.NeedRounds)
	}
}
