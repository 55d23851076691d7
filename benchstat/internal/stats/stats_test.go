package stats

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The statistic W+ of n values without ties has known quantiles: for n=6 the most
// lopsided sample has 2/64, and W=8 of n=10 has 0.048828125, as in every table.
func TestSignedRankKnown(t *testing.T) {
	require.Equal(t, 2.0/64, signedRank([]float64{1, 2, 3, 4, 5, 6}))
	require.Equal(t, 2.0/64, signedRank([]float64{-6, -1, -3, -2, -5, -4}))
	require.Equal(t, 0.048828125, signedRank([]float64{-8, 1, 2, 3, 4, 5, 6, 7, 9, 10}))
	require.Equal(t, 1.0, signedRank(nil))
	require.Equal(t, 1.0, signedRank([]float64{0, 0}))
	require.Equal(t, 1.0, signedRank([]float64{-1, 1}))
}

// All choices of signs, one by one.
func TestSignedRankIsExact(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	for range 100 {
		values := make([]float64, 1+rng.IntN(9))
		for i := range values {
			values[i] = float64(1+rng.IntN(6)) * float64(1-2*rng.IntN(2)) // with ties
		}
		rank := func(v float64) (r float64) {
			for _, w := range values {
				switch {
				case math.Abs(w) < math.Abs(v):
					r++
				case math.Abs(w) == math.Abs(v):
					r += 0.5
				}
			}
			return r + 0.5
		}
		lopsided := func(positive func(i int) bool) float64 {
			sum := 0.0
			for i, v := range values {
				if positive(i) {
					sum += rank(v)
				} else {
					sum -= rank(v)
				}
			}
			return math.Abs(sum)
		}
		have, extreme := lopsided(func(i int) bool { return values[i] > 0 }), 0
		for signs := range 1 << len(values) {
			if lopsided(func(i int) bool { return signs>>i&1 == 1 }) >= have {
				extreme++
			}
		}
		require.InDelta(t, float64(extreme)/float64(int(1)<<len(values)), signedRank(values), 1e-12, values)
	}
}

func TestSignedRankOfManyIsCloseToExact(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	values := make([]float64, 201)
	for i := range values {
		values[i] = rng.NormFloat64() + 0.15
	}
	require.InDelta(t, signedRank(values[:200]), signedRank(values), 0.02)
	require.Greater(t, signedRank(values), 0.0)
}

func TestHolm(t *testing.T) {
	require.InDeltaSlice(t, []float64{0.03, 0.06, 0.06}, Holm([]float64{0.01, 0.04, 0.03}), 1e-12)
	require.Equal(t, []float64{1, 1}, Holm([]float64{0.6, 0.9}))
	require.Empty(t, Holm(nil))
}

func TestRoundsFor(t *testing.T) {
	for cells := 1; cells < 300; cells++ {
		n := RoundsFor(cells, 0.05)
		require.LessOrEqual(t, float64(cells)*math.Pow(2, float64(1-n)), 0.05)
		require.Greater(t, float64(cells)*math.Pow(2, float64(2-n)), 0.05)
	}
}

// file writes a benchmark file.
func file(t *testing.T, name string, lines ...string) string {
	t.Helper()
	name = filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(name, []byte(strings.Join(lines, "\n")+"\n"), 0o666))
	return name
}

func read(t *testing.T, files ...string) *Set {
	t.Helper()
	set, err := Read(files...)
	require.NoError(t, err)
	return set
}

func TestRead(t *testing.T) {
	set := read(t, file(t, "x.txt",
		"goos: linux", "regime: near", "Unit fail/op better=lower",
		"BenchmarkThroughput/shape=1x1/cap=1/impl=chan-2 100 200 ns/op 3 fail/op",
		"BenchmarkThroughput/shape=1x1/cap=1/impl=queue-2 100 100 ns/op 4 fail/op",
		"regime: far",
		"BenchmarkThroughput/shape=1x1/cap=1/impl=chan-2 100 250 ns/op 3 fail/op",
		"BenchmarkHandover/impl=chan-2 100 900 p99.9-ns 7 weight",
		"BenchmarkBroken 100 x ns/op",
	))
	require.Equal(t, map[string]string{"goos": "linux", "regime": "near, far", "gomaxprocs": "2"}, set.Config)
	require.Equal(t, []string{"chan", "queue"}, set.Impls())
	require.Equal(t, 2, set.Rounds())
	require.Len(t, set.Warnings, 1)
	table := set.Table("Throughput", "sec/op")
	require.Equal(t, -1, table.Better)
	require.Equal(t, []string{"shape", "cap"}, table.Keys())
	require.Equal(t, "1x1", table.Cell("shape=1x1/cap=1").Key("shape"))
	require.InDeltaSlice(t, []float64{200e-9, 250e-9}, table.Cell("shape=1x1/cap=1").Values("chan"), 1e-15)
	require.Equal(t, -1, set.Table("Throughput", "fail/op").Better)
	require.Equal(t, -1, set.Table("Handover", "p99.9-sec").Better)
	require.Equal(t, 0, set.Table("Handover", "weight").Better)
	require.Nil(t, set.Table("Nothing", "sec/op"))
}

func TestReadErrors(t *testing.T) {
	_, err := Read()
	require.ErrorContains(t, err, "no files")
	_, err = Read("/does/not/exist")
	require.ErrorContains(t, err, "/does/not/exist")
	_, err = Read(file(t, "empty.txt", "goos: linux"))
	require.ErrorContains(t, err, "no benchmark results")
}

// What any "go test -bench" writes: no impl, so the files are compared.
func TestFilesAreComparedWithoutImpl(t *testing.T) {
	old := file(t, "old.txt", "BenchmarkPut-2 100 200 ns/op 16 B/op", "BenchmarkPut-2 100 300 ns/op 16 B/op")
	new := file(t, "new.txt", "BenchmarkPut-2 100 100 ns/op 8 B/op", "BenchmarkPut-2 100 150 ns/op 8 B/op")
	set := read(t, old, new)
	require.Equal(t, []string{"old.txt", "new.txt"}, set.Impls())
	c := Compare(set, Options{})
	require.Equal(t, "old.txt", c.Base)
	r := c.Ratio(set.Table("Put", "sec/op").Cells[0], "new.txt")
	require.InDelta(t, 2, r.Center, 1e-9)
	require.Equal(t, 2, r.N)
	require.InDelta(t, 2, c.Ratio(set.Table("Put", "B/op").Cells[0], "new.txt").Center, 1e-9)
}

func TestReadByAnotherKey(t *testing.T) {
	f := file(t, "x.txt", "commit: a", "BenchmarkPut/cap=1/impl=queue 1 200 ns/op", "", "commit: b", "BenchmarkPut/cap=1/impl=queue 1 100 ns/op")
	set, err := ReadBy("commit", f)
	require.NoError(t, err)
	require.Equal(t, []string{"a", "b"}, set.Impls())
	require.Equal(t, "cap=1/impl=queue", set.Tables[0].Cells[0].Name)
	set, err = ReadBy("/cap", f)
	require.NoError(t, err)
	require.Equal(t, []string{"1"}, set.Impls())
}

func TestSeveralGOMAXPROCSAreSeveralCells(t *testing.T) {
	set := read(t, file(t, "x.txt", "BenchmarkPut/impl=queue 1 200 ns/op", "BenchmarkPut/impl=queue-2 1 100 ns/op"))
	require.Len(t, set.Tables[0].Cells, 2)
	require.Equal(t, "gomaxprocs=2", set.Tables[0].Cells[1].Name)
}

// A ratio never has figures of two rounds: neither if the file says which round it
// is, nor if a result is missing at the end.
func TestRatiosArePairedByRound(t *testing.T) {
	set := read(t, file(t, "x.txt",
		"round: 1", "BenchmarkX/impl=chan 1 100 ns/op", "BenchmarkX/impl=queue 1 50 ns/op",
		"round: 2", "BenchmarkX/impl=queue 1 500 ns/op", // chan is missing
		"round: 3", "BenchmarkX/impl=queue 1 5 ns/op", "BenchmarkX/impl=chan 1 10 ns/op",
	))
	r := Compare(set, Options{}).Ratios[0]
	require.Equal(t, 2, r.N)
	require.InDelta(t, 2, r.Center, 1e-9)

	set = read(t, file(t, "x.txt",
		"BenchmarkX/impl=chan 1 100 ns/op", "BenchmarkX/impl=queue 1 50 ns/op",
		"BenchmarkX/impl=queue 1 500 ns/op", "BenchmarkX/impl=chan 1 1000 ns/op", "BenchmarkX/impl=queue 1 1 ns/op",
	))
	r = Compare(set, Options{}).Ratios[0]
	require.Equal(t, 2, r.N)
	require.InDelta(t, 2, r.Center, 1e-9)
}

func TestHigherCanBeBetter(t *testing.T) {
	set := read(t, file(t, "x.txt", "BenchmarkX/impl=chan 1 100 MB/s", "BenchmarkX/impl=queue 1 300 MB/s"))
	require.InDelta(t, 3, Compare(set, Options{}).Ratios[0].Center, 1e-9)
}

// A peer that loses items is wrong, not fast, whatever else it has reported.
func TestWrong(t *testing.T) {
	var lines []string
	for range 8 {
		lines = append(lines, "BenchmarkX/cap=1/impl=chan 1 100 ns/op", "BenchmarkX/cap=1/impl=lossy 1 1 ns/op", "BenchmarkX/cap=2/impl=chan 1 100 ns/op")
	}
	lines = append(lines, "BenchmarkX/cap=1/impl=lossy 1 3 wrong", "BenchmarkX/cap=2/impl=other 1 1 wrong")
	set := read(t, file(t, "x.txt", lines...))
	c := Compare(set, Options{})
	cell := set.Tables[0].Cell("cap=1")
	require.Equal(t, 3.0, cell.Wrong("lossy"))
	r := c.Ratio(cell, "lossy")
	require.Equal(t, Wrong, r.Verdict)
	require.Zero(t, r.N)
	require.Equal(t, 1, c.Total("sec/op", "lossy").Wrong)
	require.Zero(t, c.Total("sec/op", "lossy").Won)
	require.Equal(t, Wrong, c.Ratio(set.Tables[0].Cell("cap=2"), "other").Verdict)
}

func TestZeroIsNoError(t *testing.T) {
	set := read(t, file(t, "x.txt",
		"BenchmarkX/cap=1/impl=chan 1 0 B/op", "BenchmarkX/cap=1/impl=queue 1 0 B/op",
		"BenchmarkX/cap=2/impl=chan 1 8 B/op", "BenchmarkX/cap=2/impl=queue 1 0 B/op",
	))
	c := Compare(set, Options{})
	require.Equal(t, 1.0, c.Ratios[0].Center)
	require.True(t, math.IsInf(c.Ratios[1].Center, 1))
	require.Equal(t, 1.0, c.Total("B/op", "queue").Mean.Center)
}

// simulate makes a set with samples of chan and of ours in each round of each cell.
func simulate(cells, rounds int, sample func(cell, round int) (base, ours float64)) *Set {
	t := &Table{Workload: "X", Unit: "sec/op", Better: -1}
	for i := range cells {
		c := &Cell{Name: fmt.Sprint(i), impls: []string{"chan", "ours"}, samples: map[string][]sampleOf{}, wrong: map[string]float64{}}
		for round := range rounds {
			base, ours := sample(i, round)
			id := fmt.Sprintf("%04d", round)
			c.samples["chan"] = append(c.samples["chan"], sampleOf{id, base})
			c.samples["ours"] = append(c.samples["ours"], sampleOf{id, ours})
		}
		t.Cells = append(t.Cells, c)
	}
	return &Set{Tables: []*Table{t}}
}

type sampleOf = sample

// The machine drifts fourfold, and on top of it there is noise of several kinds.
var noises = map[string]func(rng *rand.Rand) float64{
	"normal":     func(rng *rand.Rand) float64 { return math.Exp(0.1 * rng.NormFloat64()) },
	"heavy tail": func(rng *rand.Rand) float64 { return 1 + 0.05*math.Abs(rng.NormFloat64()/rng.NormFloat64()) },
	"two modes":  func(rng *rand.Rand) float64 { return 1 + 3*float64(rng.IntN(2)) + 0.01*rng.Float64() },
	"outliers": func(rng *rand.Rand) float64 {
		if rng.IntN(10) == 0 {
			return 20
		}
		return 1 + 0.02*rng.Float64()
	},
}

// If both are equally fast, the chance that even one of the cells is won or lost is
// at most alpha. Without Holm's correction it is near certain: the test can fail.
func TestNoiseNeverWins(t *testing.T) {
	const families, cells, rounds, alpha = 400, 30, 14, 0.05
	for name, noise := range noises {
		rng := rand.New(rand.NewPCG(3, 4))
		decided, uncorrected := 0, 0
		for range families {
			c := Compare(simulate(cells, rounds, func(_, round int) (float64, float64) {
				drift := math.Pow(4, float64(round%3))
				return drift * noise(rng), drift * noise(rng)
			}), Options{Alpha: alpha})
			total := c.Total("sec/op", "ours")
			require.GreaterOrEqual(t, total.Rounds, total.NeedRounds, "noise could not win if it wanted to")
			if total.Won+total.Lost > 0 {
				decided++
			}
			for _, r := range c.Ratios {
				if r.P <= alpha {
					uncorrected++
					break
				}
			}
		}
		// Three standard deviations above what is allowed.
		limit := families*alpha + 3*math.Sqrt(families*alpha*(1-alpha))
		require.LessOrEqual(t, float64(decided), limit, name)
		require.Greater(t, float64(uncorrected), limit, name)
	}
}

// What is faster wins, though the machine drifts fourfold.
func TestDifferencesWin(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	c := Compare(simulate(20, 14, func(cell, round int) (float64, float64) {
		drift := math.Pow(4, float64(round%3))
		ours := []float64{1, 0.8, 1.25}[cell%3]
		return drift * (1 + 0.1*rng.Float64()), drift * ours * (1 + 0.1*rng.Float64())
	}), Options{})
	total := c.Total("sec/op", "ours")
	require.Equal(t, []int{7, 6, 7, 0}, []int{total.Won, total.Lost, total.Undecided, total.Wrong})
	require.InDelta(t, 1, total.Mean.Center, 0.05)
	for i, r := range c.Ratios {
		require.InEpsilon(t, []float64{1, 1.25, 0.8}[i%3], r.Center, 0.1)
		require.True(t, r.Lo <= r.Center && r.Center <= r.Hi)
	}
}

func TestFewRoundsDecideNothing(t *testing.T) {
	c := Compare(simulate(30, 9, func(int, int) (float64, float64) { return 9, 1 }), Options{})
	total := c.Total("sec/op", "ours")
	require.Equal(t, 30, total.Undecided)
	require.Equal(t, 9, total.Rounds)
	require.Equal(t, 11, total.NeedRounds)
	require.False(t, Compare(simulate(1, 5, func(int, int) (float64, float64) { return 9, 1 }), Options{}).Ratios[0].Known())
	require.Equal(t, "9.00 [?, ?]", Compare(simulate(1, 2, func(int, int) (float64, float64) { return 9, 1 }), Options{}).Ratios[0].String())
}

func TestBelow(t *testing.T) {
	r := Compare(simulate(1, 8, func(_, round int) (float64, float64) { return 2 + float64(round)/100, 1 }), Options{}).Ratios[0]
	require.Equal(t, 2.0/256, r.Below(3))
	require.Equal(t, 1.0, r.Below(1.5))
}
