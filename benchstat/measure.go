package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/perf/benchfmt"
	"golang.org/x/perf/benchunit"
	"golang.org/x/term"

	"github.com/parkring/queue/benchstat/internal/workload"
)

// plan says what to measure, and how.
type plan struct {
	profile string // its name
	cells   [][]workload.Case
	rounds  int
	limit   time.Duration // begin no round that would end later than this; 0: none
	sample  time.Duration
	procs   int
	out     string
}

// newPlan lists the cases of a profile that match.
func newPlan(profile string, cells, impls *regexp.Regexp, rename func(impl string) string) (p plan, err error) {
	p.profile = profile
	all, err := workload.Cases(workload.Profiles[profile])
	if err != nil {
		return p, err
	}
	last := ""
	for _, c := range all {
		if !cells.MatchString(c.Cell()) || !impls.MatchString(c.Impl) {
			continue
		}
		c.Impl = rename(c.Impl)
		if c.Cell() != last {
			last = c.Cell()
			p.cells = append(p.cells, nil)
		}
		here := &p.cells[len(p.cells)-1]
		*here = append(*here, c)
	}
	if len(p.cells) == 0 {
		return p, fmt.Errorf("profile %s: no cell matches %q with an implementation that matches %q", profile, cells, impls)
	}
	return p, nil
}

func (p plan) size() (n int) {
	for _, cell := range p.cells {
		n += len(cell)
	}
	return n
}

// measured says what became of a plan.
type measured struct {
	rounds int      // complete
	wrong  []string // who did what wrong
}

// measure measures what p says, and writes it to p.out. What it returns is about
// the rounds so far even if there is an error.
//
// Round 0 finds out how many operations take as long as a sample should, and warms
// up; it does not count. The number follows what the samples take after that, lest one
// accident decides how long all of them are. In a cell the implementations take turns,
// and who goes first changes from round to round: A B C, B C A, C A B.
func measure(ctx context.Context, p plan, stderr io.Writer) (m measured, err error) {
	out, err := create(p.out)
	if err != nil {
		return m, err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	config := configOf(ctx, p)
	ops := map[string]int{}
	shown := newProgress(stderr, p.rounds, p.size())
	defer shown.end()

	start := time.Now()
	for round := range p.rounds + 1 {
		began := time.Now()
		regime, _ := workload.Regime()
		for i, cell := range p.cells {
			gone := func(c workload.Case) bool { return ops[c.String()] < 0 }
			for _, c := range rotate(cell, max(0, round-1)) {
				if gone(c) {
					continue
				}
				s, err := takeSample(ctx, c, ops[c.String()], p.sample, p.procs)
				switch {
				case errors.Is(err, workload.ErrNotSo):
					ops[c.String()] = -1
				case err != nil:
					return m, err
				case s.Wrong > 0:
					ops[c.String()] = -1 // once is enough
					m.wrong = append(m.wrong, fmt.Sprintf("%v: %s", c, s.Why))
				default:
					ops[c.String()] = s.Next(p.sample)
				}
				if err == nil && (round > 0 || s.Wrong > 0) {
					if err := out.write(c, s, p.procs, append(config, setting{"regime", regime}, setting{"round", fmt.Sprint(round)})); err != nil {
						return m, err
					}
				}
				shown.step(round)
			}
			p.cells[i] = slices.DeleteFunc(cell, gone)
		}
		m.rounds = round
		if left := p.rounds - round; round > 0 && p.limit > 0 && left > 0 && time.Since(start)+time.Since(began) > p.limit {
			break
		}
	}
	return m, nil
}

// rotate returns s with its first n elements, modulo its length, at the end.
func rotate[T any](s []T, n int) []T {
	if len(s) == 0 {
		return nil
	}
	n %= len(s)
	return slices.Concat(s[n:], s[:n])
}

// setting is a line of the configuration in a file.
type setting struct{ key, value string }

// configOf returns what is to be known of this run.
func configOf(ctx context.Context, p plan) []setting {
	locked, _ := workload.Locked()
	return []setting{
		{"pkg", "github.com/parkring/queue"},
		{"commit", commit(ctx)},
		{"goos", runtime.GOOS},
		{"goarch", runtime.GOARCH},
		{"cpu", cpuName(ctx)},
		{"locked", locked},
		{"kernel", firstLine(ctx, "uname", "-sr")},
		{"go", runtime.Version()},
		{"gomaxprocs", fmt.Sprint(p.procs)},
		{"profile", p.profile},
		{"sample", p.sample.String()},
		{"date", time.Now().UTC().Format(time.RFC3339)},
	}
}

// commit returns the commit of the working directory.
func commit(ctx context.Context) string {
	id := firstLine(ctx, "git", "rev-parse", "--short=12", "HEAD")
	if id != "unknown" && firstLine(ctx, "git", "status", "--porcelain", "--untracked-files=no", "--", "..") != "" {
		id += "+changes"
	}
	return id
}

// cpuName returns the name of the processor.
func cpuName(ctx context.Context) string {
	if runtime.GOOS == "darwin" {
		return firstLine(ctx, "sysctl", "-n", "machdep.cpu.brand_string")
	}
	info, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return "unknown"
	}
	for line := range strings.Lines(string(info)) {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return "unknown"
}

// firstLine returns the first line that a command prints.
func firstLine(ctx context.Context, name string, args ...string) string {
	out, err := exec.CommandContext(ctx, name, args...).Output()
	if err != nil {
		return "unknown"
	}
	line, _, _ := strings.Cut(string(out), "\n")
	return strings.TrimSpace(line)
}

// output is a file of results.
type output struct {
	file *os.File
	w    *benchfmt.Writer
}

// create makes a file and its directory, and says in it which way units are better.
func create(name string) (*output, error) {
	if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
		return nil, err
	}
	file, err := os.Create(name)
	if err != nil {
		return nil, err
	}
	out := &output{file, benchfmt.NewWriter(file)}
	for _, unit := range slices.Sorted(maps.Keys(workload.Better)) {
		_, tidy := benchunit.Tidy(1, unit)
		err := out.w.Write(&benchfmt.UnitMetadata{
			UnitMetadataKey: benchfmt.UnitMetadataKey{Unit: tidy, Key: "better"},
			OrigUnit:        unit,
			Value:           workload.Better[unit],
		})
		if err != nil {
			return nil, errors.Join(err, file.Close())
		}
	}
	return out, nil
}

func (o *output) Close() error { return o.file.Close() }

// write adds a sample. One that is wrong has no speed: only how many items were.
func (o *output) write(c workload.Case, s workload.Sample, procs int, config []setting) error {
	r := &benchfmt.Result{Name: benchfmt.Name(c.String()), Iters: s.N}
	if procs > 1 {
		r.Name = benchfmt.Name(fmt.Sprintf("%s-%d", c, procs))
	}
	for _, s := range config {
		r.SetConfig(s.key, s.value)
		r.Config[len(r.Config)-1].File = true
	}
	if s.Wrong > 0 {
		if _, err := fmt.Fprintf(o.file, "# wrong: %v: %s\n", c, s.Why); err != nil {
			return err
		}
		s.Values = []workload.Value{{Value: float64(s.Wrong), Unit: "wrong"}}
	}
	for _, v := range s.Values {
		value, unit := benchunit.Tidy(v.Value, v.Unit)
		r.Values = append(r.Values, benchfmt.Value{Value: value, Unit: unit, OrigValue: v.Value, OrigUnit: v.Unit})
	}
	return o.w.Write(r)
}

// progress shows how far the measurement is: as a bar on a terminal, elsewhere as
// a line per round.
type progress struct {
	bar    *progressbar.ProgressBar // nil: not a terminal
	w      io.Writer
	rounds int
	last   int
}

func newProgress(w io.Writer, rounds, perRound int) *progress {
	p := &progress{w: w, rounds: rounds, last: -1}
	if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		p.bar = progressbar.NewOptions((rounds+1)*perRound,
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

// step says that a sample of a round has been taken.
func (p *progress) step(round int) {
	switch {
	case p.bar != nil:
		_ = p.bar.Add(1) // a bar that cannot be drawn is no reason to stop
	case round > p.last && round == 0:
		fmt.Fprintln(p.w, "warming up ...")
	case round > p.last:
		fmt.Fprintf(p.w, "round %d of %d\n", round, p.rounds)
	}
	p.last = round
}

func (p *progress) end() {
	if p.bar != nil {
		_ = p.bar.Exit()
	}
}
