package main

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/perf/benchfmt"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func TestHelpExplains(t *testing.T) {
	for _, flag := range []string{"-h", "-help", "--help"} {
		var stdout, stderr bytes.Buffer
		require.Equal(t, exitOK, run(t.Context(), []string{flag}, &stdout, &stderr))
		for _, word := range []string{"usage:", "Ctrl-C", "-rounds", "-sample", "-procs", "-cells", "-o"} {
			require.Contains(t, stdout.String(), word)
		}
		require.Empty(t, stderr.String())
	}
}

func TestBadFlagsAreClearErrors(t *testing.T) {
	for args, want := range map[string]string{
		"-nonsense":   "flag provided but not defined: -nonsense",
		"-rounds x":   `invalid value "x" for flag -rounds`,
		"-rounds 0":   "-rounds 0: must be at least 1",
		"-sample 0s":  "-sample 0s: must be positive",
		"-sample 5":   `invalid value "5" for flag -sample`,
		"-procs -1":   "-procs -1: must be at least 1",
		"-cells (":    "missing closing )",
		"measure now": `unexpected argument "measure"`,
	} {
		var stdout, stderr bytes.Buffer
		require.Equal(t, exitUsage, run(t.Context(), strings.Fields(args), &stdout, &stderr), args)
		require.Contains(t, stderr.String(), want)
		require.Contains(t, stderr.String(), "-h", "where to find help")
		require.Empty(t, stdout.String())
	}
}

func TestNoCellMatches(t *testing.T) {
	var stdout, stderr bytes.Buffer
	out := filepath.Join(t.TempDir(), "out.txt")
	require.Equal(t, exitFailed, run(t.Context(), []string{"-cells", "cap=12345", "-o", out}, &stdout, &stderr))
	require.Contains(t, stderr.String(), `no cell matches "cap=12345"`)
	require.NoFileExists(t, out)
}

func TestImplementationsTakeTurns(t *testing.T) {
	require.Equal(t, []string{"A", "B", "C"}, rotate([]string{"A", "B", "C"}, 0))
	require.Equal(t, []string{"B", "C", "A"}, rotate([]string{"A", "B", "C"}, 1))
	require.Equal(t, []string{"C", "A", "B"}, rotate([]string{"A", "B", "C"}, 5))
}

// read returns the samples in a benchmark file, in rounds.
func read(t *testing.T, file string) *results {
	t.Helper()
	f, err := os.Open(file)
	require.NoError(t, err)
	defer f.Close()
	res, seen := newResults(), map[string]int{}
	reader := benchfmt.NewReader(f, file)
	for reader.Scan() {
		r, ok := reader.Result().(*benchfmt.Result)
		require.True(t, ok, "%v", reader.Result())
		name := r.Name.String()
		res.add(sample{seen[name], r.Clone()})
		seen[name]++
	}
	require.NoError(t, reader.Err())
	return res
}

// The figures in testdata are made up, so that the ratios can be checked by eye:
// in cap=1 the queue takes half of what the channel does in every round, though
// both drift; in cap=64 nothing can be decided.
func TestReport(t *testing.T) {
	var got bytes.Buffer
	read(t, filepath.Join("testdata", "made-up.txt")).print(&got)
	golden := filepath.Join("testdata", "made-up.golden")
	if *update {
		require.NoError(t, os.WriteFile(golden, got.Bytes(), 0o666))
	}
	want, err := os.ReadFile(golden)
	require.NoError(t, err)
	require.Equal(t, string(want), got.String())
	require.Regexp(t, `1\s+pair\s+2\.00 \[2\.00, 2\.00\]`, got.String())
	require.Regexp(t, `queue to chan\s+1\s+0\s+1\s`, got.String())
}

// Rounds that are not complete do not count, and the ratio of a round never has
// a figure of another.
func TestIncompleteRoundsAreLeftOut(t *testing.T) {
	res := read(t, filepath.Join("testdata", "made-up.txt"))
	require.Equal(t, 7, res.rounds())
	more := *res.about.Clone()
	more.Name = benchfmt.Name("Queue/shape=pair/cap=1/impl=queue-2")
	res.add(sample{7, &more})
	require.Equal(t, 7, res.rounds())
	require.Len(t, res.ratios(res.rows[0], pair{"queue", "chan"}), 7)

	more.Name = benchfmt.Name("Queue/shape=4x4/cap=64/impl=queue-2")
	res.add(sample{0, &more})
	require.Zero(t, res.rounds())
	res.dropIncomplete()
	require.Equal(t, 7, res.rounds(), "a row that was only begun")
}

func TestFewRoundsDecideNothing(t *testing.T) {
	res := newResults()
	for i, line := range strings.Split("queue 100|chan 900|queue 110|chan 990", "|") {
		var impl string
		var ns float64
		fmt.Sscan(line, &impl, &ns)
		r := &benchfmt.Result{
			Name:   benchfmt.Name("Queue/shape=pair/cap=1/impl=" + impl + "-2"),
			Values: []benchfmt.Value{{Value: ns * 1e-9, Unit: "sec/op"}},
		}
		res.add(sample{i / 2, r})
	}
	require.Equal(t, verdict{undecided: 1}, res.verdict(pair{"queue", "chan"}))
	var got bytes.Buffer
	res.print(&got)
	require.Contains(t, got.String(), "Fewer than 6 rounds")
	require.Contains(t, got.String(), "9.00 [?, ?]")
}

// The whole way, briefly: the table has its rows, and the file is one that
// benchstat from golang.org/x/perf reads.
func TestRun(t *testing.T) {
	file := filepath.Join(t.TempDir(), "sub", "out.txt")
	var stdout, stderr bytes.Buffer
	code := run(t.Context(), []string{"-rounds", "2", "-sample", "100us", "-cells", "shape=(pair|4x1)/cap=(1|none)$", "-o", file}, &stdout, &stderr)
	require.Equal(t, exitOK, code, stderr.String())
	for _, row := range []string{`1\s+pair`, `1\s+4x1`, `none\s+pair`, `none\s+4x1`, `all\s+geomean`, `queue to xsync`} {
		require.Regexp(t, row, stdout.String())
	}
	require.Contains(t, stdout.String(), "go tool benchstat")
	require.NotContains(t, stderr.String(), "measuring", "no bar without a terminal")

	res := read(t, file)
	require.Equal(t, 2, res.rounds())
	require.Len(t, res.rows, 4)
	require.Len(t, res.impls, 6)

	cmd := exec.Command("go", "tool", "benchstat", "-table", "/cap", "-row", "/shape", "-col", "/impl", file)
	cmd.Dir = ".."
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.Contains(t, string(out), "sec/op")
	require.Contains(t, string(out), "cpu-sec/op")
	require.Regexp(t, `(?m)^4x1 `, string(out))
}

// TestInterrupt sends a real signal to a real process.
func TestInterrupt(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("no signal to send")
	}
	dir, tmp := t.TempDir(), t.TempDir()
	t.Setenv("TMPDIR", tmp)
	program := filepath.Join(dir, "benchstat")
	out, err := exec.Command("go", "build", "-o", program, ".").CombinedOutput()
	require.NoError(t, err, "%s", out)

	for _, c := range []struct {
		name, wait string
		want       string
	}{
		{"at once", `building`, "interrupted before a round was complete"},
		{"after a round", `(?m)^round 1 of `, `interrupted after \d+ of 1000 rounds`},
	} {
		t.Run(c.name, func(t *testing.T) {
			cmd := exec.Command(program, "-rounds", "1000", "-sample", "1ms", "-cells", "shape=pair/cap=1$", "-o", filepath.Join(dir, "out.txt"))
			var stdout, stderr safeBuffer
			cmd.Stdout, cmd.Stderr = &stdout, &stderr
			require.NoError(t, cmd.Start())
			require.Eventually(t, func() bool { return regexp.MustCompile(c.wait).MatchString(stderr.String()) }, time.Minute, time.Millisecond)
			require.NoError(t, cmd.Process.Signal(os.Interrupt))
			sent := time.Now()
			err := cmd.Wait()
			assert.Less(t, time.Since(sent), 3*time.Second, "at once")
			var exit *exec.ExitError
			require.ErrorAs(t, err, &exit)
			require.Equal(t, exitInterrupted, exit.ExitCode(), stderr.String())
			require.Regexp(t, c.want, stderr.String())
			if c.name == "after a round" {
				require.Contains(t, stdout.String(), "queue to chan")
			}
			left, err := filepath.Glob(filepath.Join(tmp, "benchstat-*"))
			require.NoError(t, err)
			require.Empty(t, left, "temporary files left behind")
		})
	}
}

// safeBuffer is a buffer that is read while a process writes to it.
type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *safeBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *safeBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}
