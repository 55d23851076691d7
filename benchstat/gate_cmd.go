package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/parkring/queue/benchstat/internal/stats"
)

const gateUsage = `usage: go -C benchstat run . gate [flags] [FILE...]

Measures the queue and a channel, or takes what files say, and compares the ratios of
their speeds with ratios that are stored. It fails if a cell has become slower than
its stored interval and the margin allow, and if another measurement of these cells
says the same; with Holm's correction for the number of cells.

Exit codes: 0 no regression, 1 a regression, 2 an error: something could not be
measured, is not stored, or there are too few rounds to see anything.
`

const (
	defaultStore = "testdata/gate.txt"
	alpha        = 0.05
)

// gateMain is the subcommand gate. It returns the exit code.
func gateMain(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	var s settings
	var g gate
	flags := flag.NewFlagSet("gate", flag.ContinueOnError)
	s.define(flags, 12, 0)
	flags.StringVar(&g.store, "store", defaultStore, "compare with the ratios in `file`")
	flags.Float64Var(&g.margin, "margin", 0.3, "let a ratio be this `part` lower")
	flags.StringVar(&g.impl, "impl", "queue", "measure `implementation` instead; queue-slow has to fail")
	update := flags.Bool("update", false, "store the ratios of now; those of other regimes stay")
	code, done := parseFlags(flags, gateUsage+"\nflags:\n", args, func() error {
		if !(g.margin >= 0 && g.margin < 1) {
			return fmt.Errorf("-margin %v: must be at least 0 and less than 1", g.margin)
		}
		return s.check()
	}, stdout, stderr)
	if done {
		return code
	}
	err := g.run(ctx, s, flags.Args(), *update, stdout, stderr)
	switch {
	case ctx.Err() != nil:
		fmt.Fprintln(stderr, "\nbenchstat: interrupted")
		return exitInterrupted
	case errors.Is(err, errRegression):
		fmt.Fprintf(stderr, "benchstat: %v\n", err)
		return exitFailed
	case err != nil:
		fmt.Fprintf(stderr, "benchstat: %v\n", err)
		return exitUsage
	}
	return exitOK
}

var errRegression = errors.New("slower than it was")

// gate says what to compare with what.
type gate struct {
	store  string
	margin float64
	impl   string
}

func (g gate) run(ctx context.Context, s settings, files []string, update bool, stdout, stderr io.Writer) error {
	measures := len(files) == 0
	if measures {
		if err := g.measure(ctx, s, stderr); err != nil {
			return err
		}
		files = []string{s.out}
	}
	now, err := g.read(files)
	if err != nil {
		return err
	}
	if update {
		return g.update(now, stdout)
	}
	stored, err := readStore(g.store)
	if err != nil {
		return err
	}
	slower, err := g.check(now, stored, stdout)
	if err != nil || len(slower) == 0 {
		return err
	}
	if measures { // once more, only these
		fmt.Fprintln(stderr, "measuring these once more ...")
		s.cellsRE = regexp.MustCompile("^(" + strings.Join(quoted(slower), "|") + ")$")
		s.out = strings.TrimSuffix(s.out, ".txt") + "-again.txt"
		if err := g.measure(ctx, s, stderr); err != nil {
			return err
		}
		if now, err = g.read([]string{s.out}); err != nil {
			return err
		}
		if slower, err = g.check(now, stored, stdout); err != nil {
			return err
		}
	}
	if len(slower) > 0 {
		return fmt.Errorf("%w: %s", errRegression, strings.Join(slower, ", "))
	}
	fmt.Fprintln(stdout, "not seen again: no regression")
	return nil
}

func quoted(names []string) (all []string) {
	for _, name := range names {
		all = append(all, regexp.QuoteMeta(name))
	}
	return all
}

// measure measures the implementation and a channel.
func (g gate) measure(ctx context.Context, s settings, stderr io.Writer) error {
	p, err := s.plan("gate", func(impl string) string {
		if impl == "queue" {
			return g.impl
		}
		return impl
	})
	if err != nil {
		return err
	}
	_, err = measure(ctx, p, stderr)
	return err
}

// current is what files say of the implementation.
type current struct {
	regime string
	ratios []*stats.Ratio // to a channel
}

func (g gate) read(files []string) (c current, err error) {
	set, err := stats.Read(files...)
	if err != nil {
		return c, err
	}
	c.regime = set.Config["regime"]
	if c.regime == "" || strings.Contains(c.regime, ",") {
		c.regime = "mixed"
	}
	if set.Config["locked"] == "slow" { // that makes as much of a difference
		c.regime += "-slow"
	}
	compared := stats.Compare(set, stats.Options{Base: "chan", Alpha: alpha})
	for _, r := range compared.Ratios {
		if r.Impl == g.impl && r.Table.Unit == "sec/op" {
			c.ratios = append(c.ratios, r)
		}
	}
	if len(c.ratios) == 0 {
		return c, fmt.Errorf("no ratio of %s to chan in %s", g.impl, strings.Join(files, ", "))
	}
	return c, nil
}

// cellOf returns the name of the cell of a ratio, with its workload.
func cellOf(r *stats.Ratio) string { return r.Table.Workload + "/" + r.Cell.Name }

// check prints each cell of now beside what is stored, and returns those that are
// slower.
func (g gate) check(now current, stored store, stdout io.Writer) (slower []string, err error) {
	fmt.Fprintf(stdout, "\n%-55s %-20s  stored\n", "times as fast as chan, regime "+now.regime, "now")
	var ps []float64
	var was []entry
	for _, r := range now.ratios {
		e, ok := stored.find(now.regime, cellOf(r))
		switch {
		case r.Verdict == stats.Wrong:
			return nil, fmt.Errorf("%w: %s is wrong in %s", errRegression, g.impl, cellOf(r))
		case !ok:
			return nil, fmt.Errorf("%s has no ratio for %s", g.store, cellOf(r))
		}
		if need := stats.RoundsFor(len(now.ratios), alpha); r.N < need {
			return nil, fmt.Errorf("%d rounds cannot decide anything among %d cells: that takes %d", r.N, len(now.ratios), need)
		}
		was = append(was, e)
		ps = append(ps, r.Below(e.lo*(1-g.margin)))
	}
	for i, p := range stats.Holm(ps) {
		r, e, verdict := now.ratios[i], was[i], ""
		if p <= alpha && r.Hi < e.lo*(1-g.margin) {
			verdict = "  SLOWER"
			slower = append(slower, cellOf(r))
		}
		fmt.Fprintf(stdout, "%-55s %-20s  %s%s\n", cellOf(r), r.Estimate, e, verdict)
	}
	return slower, nil
}

// entry is a ratio that is stored.
type entry struct {
	regime, cell   string
	center, lo, hi float64
}

func (e entry) String() string { return fmt.Sprintf("%.3g [%.3g, %.3g]", e.center, e.lo, e.hi) }

type store []entry

// find returns the entry of a cell in a regime; if there is none for the regime, the
// lowest of the others.
func (s store) find(regime, cell string) (found entry, ok bool) {
	for _, e := range s {
		switch {
		case e.cell != cell:
		case e.regime == regime:
			return e, true
		case !ok || e.lo < found.lo:
			found, ok = e, true
		}
	}
	return found, ok
}

func readStore(name string) (s store, err error) {
	content, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	lines := bufio.NewScanner(bytes.NewReader(content))
	for n := 1; lines.Scan(); n++ {
		line := lines.Text()
		if line == "" || line[0] == '#' {
			continue
		}
		var e entry
		if _, err := fmt.Sscan(line, &e.regime, &e.cell, &e.center, &e.lo, &e.hi); err != nil || !(e.lo > 0) || math.IsInf(e.hi, 1) {
			return nil, fmt.Errorf("%s:%d: not a regime, a cell, a ratio, and its interval: %q", name, n, line)
		}
		s = append(s, e)
	}
	return s, lines.Err()
}

// update stores the ratios of now.
func (g gate) update(now current, stdout io.Writer) error {
	s, err := readStore(g.store)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	for _, r := range now.ratios {
		if !r.Known() {
			return fmt.Errorf("%s has no interval: too few rounds", cellOf(r))
		}
		s = slices.DeleteFunc(s, func(e entry) bool { return e.regime == now.regime && e.cell == cellOf(r) })
		s = append(s, entry{now.regime, cellOf(r), r.Center, r.Lo, r.Hi})
	}
	slices.SortStableFunc(s, func(a, b entry) int { return strings.Compare(a.regime, b.regime) })
	var out bytes.Buffer
	fmt.Fprintf(&out, "# How many times as fast as a channel the queue was: regime, cell, median, 95%% interval.\n# Written by \"go -C benchstat run . gate -update\" on %s.\n", time.Now().UTC().Format(time.DateOnly))
	for _, e := range s {
		fmt.Fprintf(&out, "%s %s %.4g %.4g %.4g\n", e.regime, e.cell, e.center, e.lo, e.hi)
	}
	if err := os.MkdirAll(filepath.Dir(g.store), 0o777); err != nil {
		return err
	}
	fmt.Fprintf(stdout, "%d ratios of regime %s stored in %s\n", len(now.ratios), now.regime, g.store)
	return os.WriteFile(g.store, out.Bytes(), 0o666)
}
