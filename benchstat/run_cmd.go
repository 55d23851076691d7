package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"time"

	"github.com/parkring/queue/benchstat/internal/peer"
	"github.com/parkring/queue/benchstat/internal/workload"
)

const runUsage = `usage: go -C benchstat run . [run] [flags]

Measures the queue against Go channels, a mutex and condition variables, and other
queues, in many shapes and capacities, waiting and trying, and prints

  - what each takes, and the ratio to a channel (2.00: twice as fast), paired within
    each round, with their confidence intervals,
  - which ratios are no noise: won (+) and lost (-), with Holm's correction for the
    number of cells; and geometric means.

Each sample is taken in a process of its own, and every item in it is checked. A
queue that loses, doubles or reorders an item is shown as wrong. All samples are
written to a file that compare, report and "go tool benchstat" read.

The profile short takes less than two minutes, full takes hours: see -cells and -impls.
Keep the machine quiet meanwhile. Ctrl-C stops at once and prints what has been
measured.
`

// settings are the flags of run, and of gate.
type settings struct {
	rounds       int
	limit        time.Duration
	sample       time.Duration
	procs        int
	cells, impls string
	out          string

	cellsRE, implsRE *regexp.Regexp
}

func (s *settings) define(flags *flag.FlagSet, rounds int, limit time.Duration) {
	flags.IntVar(&s.rounds, "rounds", rounds, "measure everything `n` times")
	flags.DurationVar(&s.limit, "limit", limit, "begin no round that would end after this `time`; 0: none (and for profile full)")
	flags.DurationVar(&s.sample, "sample", 8*time.Millisecond, "let each measurement take about `this long`")
	flags.IntVar(&s.procs, "procs", runtime.NumCPU(), "set GOMAXPROCS to `n`")
	flags.StringVar(&s.cells, "cells", "", "measure only the cells whose name, like Pair/cap=64, matches `regexp`")
	flags.StringVar(&s.out, "o", "", "write the measurements to `file` (default results/<time>.txt)")
}

func (s *settings) check() (err error) {
	if s.cellsRE, err = regexp.Compile(s.cells); err != nil {
		return err
	}
	if s.implsRE, err = regexp.Compile(s.impls); err != nil {
		return err
	}
	switch {
	case s.rounds < 1:
		return fmt.Errorf("-rounds %d: must be at least 1", s.rounds)
	case s.limit < 0:
		return fmt.Errorf("-limit %v: must not be negative", s.limit)
	case s.sample <= 0:
		return fmt.Errorf("-sample %v: must be positive", s.sample)
	case s.procs < 1:
		return fmt.Errorf("-procs %d: must be at least 1", s.procs)
	}
	if s.out == "" {
		s.out = filepath.Join("results", time.Now().Format("20060102-150405")+".txt")
	}
	return nil
}

// plan makes a plan for a profile.
func (s *settings) plan(profile string, rename func(string) string) (plan, error) {
	p, err := newPlan(profile, s.cellsRE, s.implsRE, rename)
	p.rounds, p.limit, p.sample, p.procs, p.out = s.rounds, s.limit, s.sample, s.procs, s.out
	return p, err
}

func same(impl string) string { return impl }

// runMain is the subcommand run. It returns the exit code.
func runMain(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	var s settings
	var list bool
	flags := flag.NewFlagSet("run", flag.ContinueOnError)
	s.define(flags, 12, 105*time.Second)
	profile := flags.String("profile", "short", "measure what `short or full` has")
	flags.StringVar(&s.impls, "impls", "", "measure only the implementations whose name matches `regexp`")
	flags.BoolVar(&list, "list", false, "list the cells and the implementations, and measure nothing")
	code, done := parseFlags(flags, runUsage+"\nflags:\n", args, func() error {
		if flags.NArg() > 0 {
			return fmt.Errorf("unexpected argument %q", flags.Arg(0))
		}
		if workload.Profiles[*profile] == "" {
			return fmt.Errorf("-profile %s: there are short and full", *profile)
		}
		if *profile == "full" {
			s.limit = 0
		}
		return s.check()
	}, stdout, stderr)
	if done {
		return code
	}
	p, err := s.plan(*profile, same)
	if err != nil {
		fmt.Fprintf(stderr, "benchstat: %v\n", err)
		return exitFailed
	}
	if list {
		printList(stdout, p)
		return exitOK
	}
	m, err := measure(ctx, p, stderr)
	interrupted := ctx.Err() != nil
	switch {
	case interrupted && m.rounds == 0:
		fmt.Fprintln(stderr, "\nbenchstat: interrupted before a round was complete")
		return exitInterrupted
	case interrupted:
		fmt.Fprintf(stderr, "\nbenchstat: interrupted after %d of %d rounds; this is what they say\n", m.rounds, p.rounds)
	case err != nil:
		fmt.Fprintf(stderr, "benchstat: %v\n", err)
		return exitFailed
	case m.rounds < p.rounds:
		fmt.Fprintf(stderr, "%d of %d rounds fitted into %v (-limit)\n", m.rounds, p.rounds, p.limit)
	}
	if err := compareFiles(stdout, comparison{}, p.out); err != nil {
		fmt.Fprintf(stderr, "benchstat: %v\n", err)
		return exitFailed
	}
	fmt.Fprintf(stdout, "\nAll measurements are in %s; to draw them, or for other views:\n"+
		"  go -C benchstat run . report %[1]s\n  go -C benchstat run . compare -units . %[1]s\n  go tool benchstat -col /impl %[1]s\n", p.out)
	for _, wrong := range m.wrong {
		fmt.Fprintf(stdout, "\nWRONG: %s\n", wrong)
		if strings.Contains(wrong, "/impl=queue") {
			code = exitFailed
		}
	}
	if interrupted {
		return exitInterrupted
	}
	return code
}

// printList prints what a plan has.
func printList(w io.Writer, p plan) {
	used := map[string]bool{}
	for _, cell := range p.cells {
		fmt.Fprint(w, cell[0].Cell(), "\n   ")
		for _, c := range cell {
			used[c.Impl] = true
			fmt.Fprint(w, " ", c.Impl)
		}
		fmt.Fprintln(w)
	}
	fmt.Fprintln(w)
	for _, impl := range peer.Impls {
		if used[impl.Name] {
			fmt.Fprintf(w, "%-10s %s\n", impl.Name, impl.About)
		}
	}
}
