package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"time"

	"golang.org/x/perf/benchfmt"
)

// bench is the test binary of the module, which holds the benchmarks.
type bench struct {
	dir   string // temporary
	procs int    // GOMAXPROCS
}

// build compiles the benchmarks. The module is found as this one finds it.
func build(ctx context.Context, procs int) (*bench, error) {
	root, err := goTool(ctx, ".", "list", "-m", "-f", "{{.Dir}}", "github.com/parkring/queue")
	if err != nil {
		return nil, fmt.Errorf("not in the repository of the queue? %w", err)
	}
	dir, err := os.MkdirTemp("", "benchstat-")
	if err != nil {
		return nil, err
	}
	b := &bench{dir: dir, procs: procs}
	if _, err := goTool(ctx, strings.TrimSpace(root), "test", "-c", "-o", b.binary(), "."); err != nil {
		b.remove()
		return nil, err
	}
	return b, nil
}

// goTool runs the go command in dir and returns what it prints.
func goTool(ctx context.Context, dir string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = dir
	out, err := cmd.Output()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		return "", fmt.Errorf("go %s: %w\n%s", strings.Join(args, " "), err, exit.Stderr)
	}
	return string(out), err
}

func (b *bench) binary() string { return filepath.Join(b.dir, "queue.test.exe") }

func (b *bench) remove() { _ = os.RemoveAll(b.dir) }

// run runs the benchmarks that match pattern, n operations each, and returns
// their results.
func (b *bench) run(ctx context.Context, pattern string, n int) ([]*benchfmt.Result, error) {
	cmd := exec.CommandContext(ctx, b.binary(), "-test.run=^$", "-test.bench="+pattern,
		fmt.Sprintf("-test.benchtime=%dx", n), fmt.Sprintf("-test.cpu=%d", b.procs), "-test.timeout=10m")
	cmd.Dir = b.dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("benchmark %s: %w\n%s", pattern, err, out)
	}
	var all []*benchfmt.Result
	for r := benchfmt.NewReader(bytes.NewReader(out), "benchmarks"); r.Scan(); {
		switch rec := r.Result().(type) {
		case *benchfmt.SyntaxError:
			return nil, rec
		case *benchfmt.Result:
			rec = rec.Clone()
			rec.SetConfig("go", runtime.Version())
			all = append(all, rec)
		}
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("no benchmark matches %s", pattern)
	}
	return all, nil
}

// plan is what to measure: a cell is a shape and a capacity, which every
// implementation is measured in.
type plan struct {
	cells [][]*task
}

// task is one implementation in one cell.
type task struct {
	pattern string // matches this benchmark and no other
	n       int    // operations per sample
}

func (p plan) size() (n int) {
	for _, cell := range p.cells {
		n += len(cell)
	}
	return n
}

const maxOps = 1 << 28

// plan lists the cells that match and finds out how many operations take about
// as long as a sample should. It runs everything twice, the second time for long
// enough to know; this is also the warm-up.
func (b *bench) plan(ctx context.Context, cells *regexp.Regexp, length time.Duration) (plan, error) {
	all, err := b.run(ctx, "^BenchmarkQueue$", 100)
	if err != nil {
		return plan{}, err
	}
	var p plan
	last := ""
	for _, r := range all {
		cell, _ := splitName(r.Name)
		if !cells.MatchString(cell) {
			continue
		}
		if cell != last {
			p.cells = append(p.cells, nil)
			last = cell
		}
		t := &task{pattern: pattern(r.Name), n: opsIn(r, length/5)}
		again, err := b.run(ctx, t.pattern, t.n)
		if err != nil {
			return plan{}, err
		}
		t.n = opsIn(again[0], length)
		here := &p.cells[len(p.cells)-1]
		*here = append(*here, t)
	}
	if len(p.cells) == 0 {
		return plan{}, fmt.Errorf("no cell matches %q", cells)
	}
	return p, nil
}

// opsIn returns how many operations take about d, going by r.
func opsIn(r *benchfmt.Result, d time.Duration) int {
	each, _ := r.Value("sec/op")
	if each <= 0 {
		return maxOps
	}
	return int(max(100, min(d.Seconds()/each, maxOps)))
}

// pattern returns the -bench pattern for the benchmark called name.
func pattern(name benchfmt.Name) string {
	base, parts := name.Parts()
	all := []string{"^Benchmark" + string(base) + "$"}
	for _, part := range parts {
		if part[0] == '/' { // the rest is GOMAXPROCS
			all = append(all, "^"+regexp.QuoteMeta(string(part[1:]))+"$")
		}
	}
	return strings.Join(all, "/")
}

// measure takes one sample of every task per round, and gives each to emit. In
// a cell the implementations take turns, and who goes first changes from round
// to round: A B C, B C A, C A B.
func (b *bench) measure(ctx context.Context, p plan, rounds int, emit func(sample) error) error {
	for round := range rounds {
		for _, cell := range p.cells {
			for _, t := range rotate(cell, round) {
				r, err := b.run(ctx, t.pattern, t.n)
				if err != nil {
					return err
				}
				if err := emit(sample{round, r[0]}); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// rotate returns s with its first n elements, modulo its length, at the end.
func rotate[T any](s []T, n int) []T {
	n %= len(s)
	return slices.Concat(s[n:], s[:n])
}
