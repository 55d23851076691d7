package main

import (
	"bytes"
	"context"
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

	"github.com/parkring/queue/benchstat/internal/stats"
	"github.com/parkring/queue/benchstat/internal/workload"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// The tests' own binary is also the program: it takes the samples. With
// BENCHSTAT_MAIN it is nothing else.
func TestMain(m *testing.M) {
	own := len(os.Args) > 1 && (os.Args[1] == sampleCommand || os.Args[1] == hogCommand)
	if own || os.Getenv("BENCHSTAT_MAIN") != "" {
		main()
	}
	os.Exit(m.Run())
}

// call runs a command line.
func call(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, err bytes.Buffer
	code = command(t.Context(), args, &out, &err)
	return code, out.String(), err.String()
}

func TestHelpExplains(t *testing.T) {
	for args, words := range map[string]string{
		"-h":         "usage: Ctrl-C -rounds -sample -procs -cells -impls -profile -limit -list -o",
		"run --help": "usage: -profile",
		"help":       "run compare report gate",
		"compare -h": "usage: -units -base -by -alpha",
		"gate -h":    "usage: -store -margin -impl -update Exit",
		"report -h":  "usage:",
	} {
		code, stdout, stderr := call(t, strings.Fields(args)...)
		require.Equal(t, exitOK, code, args)
		for word := range strings.FieldsSeq(words) {
			require.Contains(t, stdout, word, args)
		}
		require.Empty(t, stderr)
	}
}

func TestBadUsageIsAClearError(t *testing.T) {
	for args, want := range map[string]string{
		"measure":            `no command "measure"`,
		"-nonsense":          "flag provided but not defined: -nonsense",
		"-rounds x":          `invalid value "x" for flag -rounds`,
		"-rounds 0":          "-rounds 0: must be at least 1",
		"-sample 0s":         "-sample 0s: must be positive",
		"-sample 5":          `invalid value "5" for flag -sample`,
		"-limit -5s":         "-limit -5s: must not be negative",
		"-procs -1":          "-procs -1: must be at least 1",
		"-cells (":           "missing closing )",
		"-impls (":           "missing closing )",
		"-profile huge":      "there are short and full",
		"run now":            `unexpected argument "now"`,
		"compare":            "no files",
		"compare -alpha 2 x": "-alpha 2: must be between 0 and 1",
		"compare -units ( x": "missing closing )",
		"gate -margin 1":     "-margin 1: must be at least 0",
		"gate -rounds 0":     "-rounds 0: must be at least 1",
	} {
		code, stdout, stderr := call(t, strings.Fields(args)...)
		require.Equal(t, exitUsage, code, args)
		require.Contains(t, stderr, want)
		require.Regexp(t, "-h|usage:", stderr, "where to find help")
		require.Empty(t, stdout)
	}
}

func TestErrors(t *testing.T) {
	code, _, stderr := call(t, "-cells", "cap=12345", "-o", filepath.Join(t.TempDir(), "x"))
	require.Equal(t, exitFailed, code)
	require.Contains(t, stderr, `no cell matches "cap=12345"`)

	code, _, stderr = call(t, "compare", "/does/not/exist")
	require.Equal(t, exitFailed, code)
	require.Contains(t, stderr, "/does/not/exist")

	code, _, stderr = call(t, "compare", "-base", "nobody", filepath.Join("testdata", "made-up.txt"))
	require.Equal(t, exitFailed, code)
	require.Contains(t, stderr, `nothing has been measured of "nobody"; there are queue, chan`)

	code, _, stderr = call(t, "run", "-rounds", "1", "-cells", "^Pair/cap=1/", "-o", filepath.Join("main.go", "x"))
	require.Equal(t, exitFailed, code)
	require.Contains(t, stderr, "main.go")
}

func TestList(t *testing.T) {
	code, stdout, _ := call(t, "-list", "-cells", "Pair", "-impls", "queue|chan")
	require.Equal(t, exitOK, code)
	require.Contains(t, stdout, "Pair/cap=64/elem=8B/how=ctx\n    queue chan\n")
	require.Contains(t, stdout, "this module")
	require.NotContains(t, stdout, "xsync")
}

func TestImplementationsTakeTurns(t *testing.T) {
	require.Equal(t, []string{"A", "B", "C"}, rotate([]string{"A", "B", "C"}, 0))
	require.Equal(t, []string{"B", "C", "A"}, rotate([]string{"A", "B", "C"}, 1))
	require.Equal(t, []string{"C", "A", "B"}, rotate([]string{"A", "B", "C"}, 5))
	require.Empty(t, rotate([]string{}, 3))
}

// The figures in testdata are made up, so that the ratios can be checked by eye:
// in cap=1 the queue takes half of what the channel does in every round, though
// both drift; in cap=64 nothing can be decided.
func TestCompare(t *testing.T) {
	code, got, stderr := call(t, "compare", filepath.Join("testdata", "made-up.txt"))
	require.Equal(t, exitOK, code, stderr)
	golden := filepath.Join("testdata", "made-up.golden")
	if *update {
		require.NoError(t, os.WriteFile(golden, []byte(got), 0o666))
	}
	want, err := os.ReadFile(golden)
	require.NoError(t, err)
	require.Equal(t, string(want), got)
	require.Regexp(t, `pair\s+1\s+2\.00 \[2\.00, 2\.00\] \+`, got)
	require.Regexp(t, `queue\s+sec/op\s+1\s+0\s+1\s`, got)
}

// What "go test -bench" writes, without any impl.
func TestCompareFilesOfGoTest(t *testing.T) {
	dir := t.TempDir()
	for name, ns := range map[string]int{"old.txt": 200, "new.txt": 100} {
		line := fmt.Sprintf("BenchmarkPut-2 100 %d ns/op\n", ns)
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(strings.Repeat(line, 8)), 0o666))
	}
	code, stdout, _ := call(t, "compare", filepath.Join(dir, "old.txt"), filepath.Join(dir, "new.txt"))
	require.Equal(t, exitOK, code)
	require.Contains(t, stdout, "times as good as old.txt")
	require.Regexp(t, `2\.00 \[2\.00, 2\.00\] \+`, stdout)
}

// The whole way, briefly: the tables have their rows, and the file is one that
// benchstat from golang.org/x/perf reads.
func TestRun(t *testing.T) {
	file := filepath.Join(t.TempDir(), "sub", "out.txt")
	code, stdout, stderr := call(t, "-rounds", "2", "-sample", "100us", "-o", file,
		"-cells", "^(Throughput/shape=(1x1|4x4)/cap=(1|none)/elem=8B/how=wait|Handover/state=warm/cap=8|Batch.*)$")
	require.Equal(t, exitOK, code, stderr)
	for _, row := range []string{`1x1\s+1\s+8B\s+wait`, `4x4\s+1\s+8B\s+wait`, `1x1\s+none\s+8B\s+wait`, `warm\s+8`, `geomean`, `queue\s+sec/op`, `Too few rounds: 2 cannot`} {
		require.Regexp(t, row, stdout)
	}
	require.Contains(t, stdout, "go tool benchstat")
	require.Contains(t, stderr, "round 2 of 2")
	require.NotContains(t, stderr, "measuring", "no bar without a terminal")

	set, err := stats.Read(file)
	require.NoError(t, err)
	require.Empty(t, set.Warnings)
	require.Equal(t, 2, set.Rounds(), "the warm-up does not count")
	for _, key := range []string{"commit", "goos", "goarch", "cpu", "locked", "kernel", "go", "gomaxprocs", "regime", "profile", "date"} {
		require.NotEmpty(t, set.Config[key], key)
	}
	require.NotNil(t, set.Table("Throughput", "cpu-sec/op"))
	require.Equal(t, 1, set.Table("Throughput", "share-min").Better)
	require.Equal(t, -1, set.Table("Handover", "p50-sec").Better)
	require.Contains(t, set.Table("Batch", "sec/op").Impls(), "disruptor")
	for _, tab := range set.Tables {
		for _, c := range tab.Cells {
			for _, impl := range c.Impls() {
				rounds := len(c.Values(impl))
				if strings.HasPrefix(tab.Unit, "p9") { // a short sample may have too few values for it
					rounds = max(rounds, 2)
				}
				require.Equal(t, 2, rounds, "%s %s %s %s", tab.Workload, tab.Unit, c.Name, impl)
			}
		}
	}

	text, err := os.ReadFile(file)
	require.NoError(t, err)
	first, followed := map[string]string{}, false // the number of operations of each in round 1; and whether one changed
	for _, m := range regexp.MustCompile(`(?m)^(BenchmarkThroughput/\S+)\s+(\d+)\s`).FindAllStringSubmatch(string(text), -1) {
		if n, ok := first[m[1]]; ok && n != m[2] {
			followed = true
		}
		first[m[1]] = m[2]
	}
	require.NotEmpty(t, first)
	require.True(t, followed, "the number of operations follows what samples take")

	cmd := exec.Command("go", "tool", "benchstat", "-row", "/shape,/cap", "-col", "/impl", "-filter", ".name:Throughput", file)
	cmd.Dir = ".."
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.Contains(t, string(out), "sec/op")
	require.Regexp(t, `(?m)^4x4 `, string(out))
}

// The limit ends the run between two rounds.
func TestLimit(t *testing.T) {
	file := filepath.Join(t.TempDir(), "out.txt")
	code, stdout, stderr := call(t, "-rounds", "1000", "-limit", "300ms", "-sample", "100us", "-o", file, "-cells", "^Pair/cap=1/", "-impls", "queue|chan")
	require.Equal(t, exitOK, code, stderr)
	require.Regexp(t, `\d+ of 1000 rounds fitted into 300ms`, stderr)
	require.Contains(t, stdout, "geomean")
}

// An implementation that hangs, because an item got lost, is wrong, not without end.
func TestHangingIsWrong(t *testing.T) {
	before := patience
	defer func() { patience = before }()
	patience = func(time.Duration) time.Duration { return 5 * time.Second } // a busy machine may take one to start a process
	file := filepath.Join(t.TempDir(), "out.txt")
	code, stdout, stderr := call(t, "-profile", "full", "-rounds", "2", "-sample", "100us", "-o", file, "-cells", "^Throughput/shape=1x1/cap=1/elem=8B/how=wait$", "-impls", "^(chan|workiva)$")
	require.Equal(t, exitOK, code, stderr)
	require.Regexp(t, `1x1\s+1\s+8B\s+wait\s+[0-9.]+[µn]\s+wrong`, stdout)
	require.Contains(t, stdout, "WRONG: Throughput/shape=1x1/cap=1/elem=8B/how=wait/impl=workiva: still not ready after 5s")
	content, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Regexp(t, `impl=workiva(-\d+)? 1 1 wrong\n`, string(content))
	require.NotRegexp(t, `impl=workiva.*ns/op`, string(content))
}

// What we say of our own queue we say of no other: if it was wrong, run fails.
func TestWrongItems(t *testing.T) {
	file := filepath.Join(t.TempDir(), "out.txt")
	out, err := create(file)
	require.NoError(t, err)
	c, err := workload.Parse("Throughput/cap=1/impl=lossy")
	require.NoError(t, err)
	sample := workload.Sample{N: 7, Wrong: 3, Why: "item 5 of producer 0 was lost", Values: []workload.Value{{Value: 1, Unit: "ns/op"}}}
	require.NoError(t, out.write(c, sample, 2, []setting{{"round", "1"}}))
	c.Impl = "chan"
	require.NoError(t, out.write(c, workload.Sample{N: 7, Values: []workload.Value{{Value: 9, Unit: "ns/op"}}}, 2, []setting{{"round", "1"}}))
	require.NoError(t, out.Close())
	code, stdout, _ := call(t, "compare", file)
	require.Equal(t, exitOK, code)
	require.Regexp(t, `1\s+9\.000n\s+wrong`, stdout)
	require.Regexp(t, `lossy\s+sec/op\s+0\s+0\s+0\s+1\s`, stdout)
	content, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Contains(t, string(content), "# wrong: Throughput/cap=1/impl=lossy: item 5 of producer 0 was lost\n")
	require.NotContains(t, string(content), "lossy-2 7 1 ns/op")
}

func TestTakeSample(t *testing.T) {
	take := func(name string) (workload.Sample, error) {
		c, err := workload.Parse(name)
		require.NoError(t, err)
		return takeSample(t.Context(), c, 100, time.Millisecond, 2)
	}
	s, err := take("Stalled/shape=1x1/cap=8/impl=queue") // which calls this program for a hog
	require.NoError(t, err)
	require.Zero(t, s.Wrong, s.Why)
	require.Positive(t, s.Value("max-ns"))
	_, err = take("Cancel/cap=8/impl=mutex")
	require.ErrorIs(t, err, workload.ErrNotSo)
	_, err = take("Pair/how=hope/impl=queue")
	require.ErrorContains(t, err, "how=hope")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = takeSample(ctx, workload.Case{Workload: "Pair", Impl: "queue"}, 100, 0, 2)
	require.ErrorIs(t, err, context.Canceled)
}

// The gate: two cells, and rounds enough to decide though one of them is disturbed.
func gateArgs(store string, more ...string) []string {
	return append([]string{"gate", "-rounds", "9", "-sample", "300us", "-store", store, "-o", filepath.Join(filepath.Dir(store), "out.txt"),
		"-cells", "^Pair/cap=(1|64)/elem=8B/how=wait$", "-margin", "0.6"}, more...)
}

// It passes on the real queue, and it can fail: the slowed queue does.
func TestGate(t *testing.T) {
	store := filepath.Join(t.TempDir(), "sub", "gate.txt")
	code, stdout, stderr := call(t, gateArgs(store, "-update")...)
	require.Equal(t, exitOK, code, stderr)
	require.Contains(t, stdout, "2 ratios of regime")

	// What is stored of this minute may be noise.
	require.NoError(t, os.WriteFile(store, []byte("near Pair/cap=1/elem=8B/how=wait 3 2.5 3.5\nnear Pair/cap=64/elem=8B/how=wait 3 2.5 3.5\n"), 0o666))
	code, stdout, stderr = call(t, gateArgs(store)...)
	require.Equal(t, exitOK, code, "%s%s", stdout, stderr)
	require.Contains(t, stdout, "Pair/cap=64/elem=8B/how=wait")

	code, stdout, stderr = call(t, gateArgs(store, "-impl", "queue-slow")...)
	require.Equal(t, exitFailed, code, "%s%s", stdout, stderr)
	require.Contains(t, stdout, "SLOWER")
	require.Contains(t, stderr, "measuring these once more")
	require.Regexp(t, `slower than it was: Pair/cap=`, stderr)
}

// made writes a file of two implementations with fixed ratios, with some noise, and
// returns its name.
func made(t *testing.T, ratio float64, rounds int) string {
	var b strings.Builder
	for i := range rounds {
		ns := 100 + float64(i*7%5)
		for _, cell := range []string{"cap=1", "cap=64"} {
			fmt.Fprintf(&b, "BenchmarkPair/%s/impl=chan 1 %g ns/op\nBenchmarkPair/%s/impl=queue 1 %g ns/op\n", cell, ns*ratio, cell, ns+float64(i%3))
		}
	}
	name := filepath.Join(t.TempDir(), "made.txt")
	require.NoError(t, os.WriteFile(name, []byte(b.String()), 0o666))
	return name
}

func TestGateOfFiles(t *testing.T) {
	store := filepath.Join(t.TempDir(), "gate.txt")
	gate := func(ratio float64, rounds int, more ...string) (int, string) {
		code, stdout, stderr := call(t, append(append([]string{"gate", "-store", store, "-margin", "0.3"}, more...), made(t, ratio, rounds))...)
		return code, stdout + stderr
	}
	code, out := gate(2, 12)
	require.Equal(t, exitUsage, code, out)
	require.Contains(t, out, store, "there is none")

	code, out = gate(2, 12, "-update")
	require.Equal(t, exitOK, code, out)
	for ratio, want := range map[float64]int{2: exitOK, 3: exitOK, 1.8: exitOK, 1.45: exitOK, 1.3: exitFailed, 0.5: exitFailed} {
		code, out := gate(ratio, 12)
		require.Equal(t, want, code, "%v: %s", ratio, out)
	}
	code, out = gate(0.5, 5)
	require.Equal(t, exitUsage, code)
	require.Contains(t, out, "5 rounds cannot decide anything among 2 cells: that takes 7")

	require.NoError(t, os.WriteFile(store, []byte("near Pair/cap=1 2 1.9 2.1\n"), 0o666))
	code, out = gate(2, 12)
	require.Equal(t, exitUsage, code)
	require.Contains(t, out, "has no ratio for Pair/cap=64")

	for _, bad := range []string{"near Pair/cap=1 2\n", "near Pair/cap=1 2 NaN 3\n", "near Pair/cap=1 2 0 3\n"} {
		require.NoError(t, os.WriteFile(store, []byte(bad), 0o666))
		code, out = gate(2, 12)
		require.Equal(t, exitUsage, code)
		require.Contains(t, out, "gate.txt:1: not a regime")
	}

	code, out = gate(2, 12, "-impl", "nobody")
	require.Equal(t, exitUsage, code)
	require.Contains(t, out, "no ratio of nobody to chan")
}

// Where atomic operations take long other ratios are stored.
func TestGateKnowsSlowMachines(t *testing.T) {
	file := filepath.Join(t.TempDir(), "x.txt")
	samples := "BenchmarkPair/cap=1/impl=chan 1 9 ns/op\nBenchmarkPair/cap=1/impl=queue 1 3 ns/op\n"
	for head, want := range map[string]string{
		"":                              "mixed",
		"regime: near\n":                "near",
		"regime: near\nlocked: quick\n": "near",
		"regime: near\nlocked: slow\n":  "near-slow",
	} {
		require.NoError(t, os.WriteFile(file, []byte(head+samples), 0o666))
		now, err := gate{impl: "queue"}.read([]string{file})
		require.NoError(t, err)
		require.Equal(t, want, now.regime)
	}
}

// A queue that loses an item is a regression, whatever its speed.
func TestGateFailsIfTheQueueIsWrong(t *testing.T) {
	dir := t.TempDir()
	file, store := filepath.Join(dir, "x.txt"), filepath.Join(dir, "gate.txt")
	require.NoError(t, os.WriteFile(file, []byte("BenchmarkPair/cap=1/impl=chan 1 9 ns/op\nBenchmarkPair/cap=1/impl=queue 1 1 wrong\n"), 0o666))
	require.NoError(t, os.WriteFile(store, []byte("near Pair/cap=1 2 1.9 2.1\n"), 0o666))
	code, _, stderr := call(t, "gate", "-store", store, file)
	require.Equal(t, exitFailed, code)
	require.Contains(t, stderr, "queue is wrong in Pair/cap=1")
}

func TestStoreFindsTheRegimeOrTheLowest(t *testing.T) {
	s := store{{"near", "X", 2, 1.8, 2.2}, {"far", "X", 4, 3.5, 4.5}, {"far", "Y", 1, 0.9, 1.1}}
	for regime, want := range map[string]float64{"near": 1.8, "far": 3.5, "one": 1.8, "mixed": 1.8} {
		e, ok := s.find(regime, "X")
		require.True(t, ok)
		require.Equal(t, want, e.lo, regime)
	}
	_, ok := s.find("near", "Z")
	require.False(t, ok)
}

// The ratios that are stored are those of the profile.
func TestStoredRatiosAreComplete(t *testing.T) {
	s, err := readStore(defaultStore)
	require.NoError(t, err)
	p, err := newPlan("gate", regexp.MustCompile(""), regexp.MustCompile(""), same)
	require.NoError(t, err)
	for _, cell := range p.cells {
		_, ok := s.find("any", cell[0].Cell())
		require.True(t, ok, cell[0].Cell())
	}
}

// TestInterrupt sends a real signal to a real process.
func TestInterrupt(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("no signal to send")
	}
	self, err := os.Executable()
	require.NoError(t, err)
	for _, c := range []struct {
		name, wait string
		want       string
	}{
		{"at once", `warming up`, "interrupted before a round was complete"},
		{"after a round", `(?m)^round 2 of `, `interrupted after \d+ of 1000 rounds`},
	} {
		t.Run(c.name, func(t *testing.T) {
			cmd := exec.Command(self, "-rounds", "1000", "-limit", "0", "-sample", "1ms", "-cells", "^Pair/cap=1/|^Stalled", "-impls", "queue|chan", "-o", filepath.Join(t.TempDir(), "out.txt"))
			cmd.Env = append(os.Environ(), "BENCHSTAT_MAIN=1")
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
				require.Regexp(t, `queue\s+sec/op`, stdout.String())
			}
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
