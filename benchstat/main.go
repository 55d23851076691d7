// Command benchstat compares the queue with Go channels, a mutex and condition
// variables, and xsync, on the machine it runs on:
//
//	go -C benchstat run .
//
// It builds the benchmarks of the module (bench_test.go), runs every one of them
// in turn in a process of its own, round after round, and prints what each
// implementation takes and how many times as fast as a channel it is. Speeds of
// one round are compared only with each other: a shared machine drifts, and the
// ratio within a round drifts much less.
//
// The statistics are those of golang.org/x/perf: medians, and confidence
// intervals from order statistics, which assume nothing about the distribution.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"runtime"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/perf/benchfmt"
	"golang.org/x/term"

	"github.com/parkring/queue"
)

// Exit codes.
const (
	exitOK          = 0
	exitFailed      = 1
	exitUsage       = 2
	exitInterrupted = 130 // as a shell has it for SIGINT
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the program at once
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// options are the flags.
type options struct {
	rounds int
	sample time.Duration
	procs  int
	cells  *regexp.Regexp
	out    string
}

const usage = `usage: go -C benchstat run . [flags]

Measures the queue against Go channels, a mutex and condition variables, and
xsync, in many shapes and capacities, and prints

  - the median time per operation of each, with its confidence interval,
  - the ratio to a channel (2.00: twice as fast), paired within each round,
    with its interval; geometric means; and the cells won, lost and undecided.

It takes about a minute and a half, and writes all measurements to a file that
"go tool benchstat" reads. Keep the machine quiet meanwhile. Ctrl-C stops at once
and prints what has been measured.

flags:
`

// parse returns the options in args. If done is true, there is nothing to run,
// and code is the exit code.
func parse(args []string, stdout, stderr io.Writer) (o options, code int, done bool) {
	flags := flag.NewFlagSet("benchstat", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.IntVar(&o.rounds, "rounds", 9, "measure every cell `n` times; intervals need 6")
	flags.DurationVar(&o.sample, "sample", 25*time.Millisecond, "let each measurement take about `this long`")
	flags.IntVar(&o.procs, "procs", runtime.NumCPU(), "set GOMAXPROCS to `n`")
	cells := flags.String("cells", "", "measure only the cells whose name, like shape=1x1/cap=64, matches `regexp`")
	flags.StringVar(&o.out, "o", "", "write the measurements to `file` (default results/<time>.txt)")
	help := func(w io.Writer) {
		fmt.Fprint(w, usage)
		flags.SetOutput(w)
		flags.PrintDefaults()
	}
	err := flags.Parse(args)
	if errors.Is(err, flag.ErrHelp) {
		help(stdout)
		return o, exitOK, true
	}
	if err == nil {
		o.cells, err = regexp.Compile(*cells)
	}
	switch {
	case err != nil:
	case flags.NArg() > 0:
		err = fmt.Errorf("unexpected argument %q", flags.Arg(0))
	case o.rounds < 1:
		err = fmt.Errorf("-rounds %d: must be at least 1", o.rounds)
	case o.sample <= 0:
		err = fmt.Errorf("-sample %v: must be positive", o.sample)
	case o.procs < 1:
		err = fmt.Errorf("-procs %d: must be at least 1", o.procs)
	}
	if err != nil {
		fmt.Fprintf(stderr, "benchstat: %v\nRun \"go -C benchstat run . -h\" for help.\n", err)
		return o, exitUsage, true
	}
	if o.out == "" {
		o.out = filepath.Join("results", time.Now().Format("20060102-150405")+".txt")
	}
	return o, exitOK, false
}

// run is main with everything it touches as arguments.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) (code int) {
	o, code, done := parse(args, stdout, stderr)
	if done {
		return code
	}
	results, err := measureAll(ctx, o, stderr)
	results.dropIncomplete()
	interrupted := ctx.Err() != nil
	switch {
	case interrupted && results.rounds() == 0:
		fmt.Fprintln(stderr, "\nbenchstat: interrupted before a round was complete")
		return exitInterrupted
	case interrupted:
		fmt.Fprintf(stderr, "\nbenchstat: interrupted after %d of %d rounds; this is what they say\n", results.rounds(), o.rounds)
	case err != nil:
		fmt.Fprintf(stderr, "benchstat: %v\n", err)
		return exitFailed
	}
	results.print(stdout)
	fmt.Fprintf(stdout, "\nAll measurements are in %s; for other views of them:\n  go tool benchstat -table /cap -row /shape -col /impl %s\n", o.out, o.out)
	if interrupted {
		return exitInterrupted
	}
	return exitOK
}

// sample is one measurement.
type sample struct {
	round  int
	result *benchfmt.Result
}

// measureAll builds the benchmarks and measures what o asks for. The results so
// far are there even if it returns an error.
func measureAll(ctx context.Context, o options, stderr io.Writer) (*results, error) {
	res := newResults()
	fmt.Fprintln(stderr, "building the benchmarks ...")
	b, err := build(ctx, o.procs)
	if err != nil {
		return res, err
	}
	defer b.remove()
	fmt.Fprintln(stderr, "finding out how fast this machine is ...")
	plan, err := b.plan(ctx, o.cells, o.sample)
	if err != nil {
		return res, err
	}
	file, err := create(o.out)
	if err != nil {
		return res, err
	}
	defer file.Close()
	out := benchfmt.NewWriter(file)

	// One goroutine measures, this one writes and draws.
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	samples := queue.New[sample](0)
	var failed error
	go func() {
		defer samples.Close()
		failed = b.measure(ctx, plan, o.rounds, func(s sample) error { return samples.Put(ctx, s) })
	}()
	shown := newProgress(stderr, o.rounds, plan.size())
	defer shown.end()
	for s := range samples.All(context.Background()) {
		res.add(s)
		if err := out.Write(s.result); err != nil {
			return res, err
		}
		shown.step()
	}
	return res, errors.Join(failed, file.Close())
}

func create(name string) (*os.File, error) {
	if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
		return nil, err
	}
	return os.Create(name)
}

// progress shows how far the measurement is: as a bar on a terminal, elsewhere as
// a line per round.
type progress struct {
	bar              *progressbar.ProgressBar // nil: not a terminal
	w                io.Writer
	rounds, perRound int
	steps            int // so far
}

func newProgress(w io.Writer, rounds, perRound int) *progress {
	p := &progress{w: w, rounds: rounds, perRound: perRound}
	if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		p.bar = progressbar.NewOptions(rounds*perRound,
			progressbar.OptionSetWriter(w),
			progressbar.OptionSetDescription("measuring"),
			progressbar.OptionShowCount(),
			progressbar.OptionSetPredictTime(true),
			progressbar.OptionThrottle(200*time.Millisecond), // each redraw disturbs what is measured
			progressbar.OptionClearOnFinish(),
			progressbar.OptionFullWidth(),
		)
	}
	return p
}

func (p *progress) step() {
	p.steps++
	if p.bar != nil {
		_ = p.bar.Add(1) // a bar that cannot be drawn is no reason to stop
	} else if p.steps%p.perRound == 0 {
		fmt.Fprintf(p.w, "round %d of %d\n", p.steps/p.perRound, p.rounds)
	}
}

func (p *progress) end() {
	if p.bar != nil {
		_ = p.bar.Exit()
	}
}
