package workload

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/parkring/queue/benchstat/internal/peer"
)

// The tests' own binary is also the hog.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "hog" {
		Hog(os.Stdin)
		return
	}
	self, err := os.Executable()
	if err != nil {
		panic(err)
	}
	HogCommand = []string{self, "hog"}
	os.Exit(m.Run())
}

// samples are cells of every workload, in every way that it can be asked for.
var samples = `
Throughput/shape={1x1,4x4,1x4,4x1}/cap={1,64,none}/elem=8B/how={wait,try,ctx}  all
Throughput/shape=4x4/cap=64/elem={64B,256B,ptr}/how=wait                       all
Throughput/shape=2x2/cap=none/elem=ptr/how=wait                                all
Goroutines/shape=100x100/cap=8                                                 all
Pair/cap={1,64,none}/how={wait,ctx}                                        all
Work/put=100/get={0,300}/shape={1x1,2x4}/cap={1,64,none}                       all
Random/g={1,4}/cap={64,none}                                                   all
Mixed/g={1,4}/cap={64,none}                                                    all
EmptyPoll/g=2/cap=64                                                           all
FullPoll/g=2/cap=64                                                            all
Burst/n=10/cap={8,none}                                                        all
Chain/queues=4/cap={8,none}                                                    all
Batch/shape={1x1,4x1,4x4}/k=8/cap={64,none}                                    all
Select/queues=3/cap={8,none}                                                   all
Cancel/cap=64                                                                  all
Handover/state={warm,cold}/cap=8                                               all
OpenLoop/rate=100000/cap={64,none}                                             all
Stalled/by={processes,goroutines}/shape=2x2/cap=64                             queue chan
Footprint/of=queue/cap={64,none}                                               all
Footprint/of=waiter/cap=64                                                     all
Footprint/of=item/cap={64,none}                                                all
Idle/of={empty,full}/waiters=4/cap=64                                          all
`

// outsideRaces are implementations that the race detector does not understand, or
// that have races.
var outsideRaces = []string{"lfq", "lscq", "disruptor", "xsync", "xsync3", "workiva", "chanx"}

// Every workload works with every implementation that can do it, and finds nothing
// wrong.
func TestEveryWorkloadWithEveryImplementation(t *testing.T) {
	cases, err := Cases(samples)
	require.NoError(t, err)
	can := map[string]bool{}
	for _, c := range cases {
		if strings.Contains(c.String(), "cap=1/") && c.Impl == "workiva" {
			continue // see TestWorkivaIsWrong
		}
		if raceEnabled && (slices.Contains(outsideRaces, c.Impl) || strings.Contains(c.String(), "shape=4x4")) {
			continue
		}
		s, err := Measure(c, 64, 2*time.Millisecond)
		if errors.Is(err, ErrNotSo) {
			continue
		}
		require.NoError(t, err, c)
		require.Zero(t, s.Wrong, "%v: %s", c, s.Why)
		require.NotEmpty(t, s.Values, c)
		require.Positive(t, s.N, c)
		can[c.Workload+" "+c.Impl] = true
	}
	for _, name := range Names() {
		require.True(t, can[name+" queue"], name)
		require.True(t, can[name+" chan"], name)
	}
	if !raceEnabled {
		require.True(t, can["Batch disruptor"])
		require.True(t, can["Throughput lscq"])
		require.True(t, can["Throughput chanx"])
		require.False(t, can["Cancel mutex"], "it cannot")
	}
}

func TestWhatIsMeasured(t *testing.T) {
	for name, units := range map[string][]string{
		"Throughput/shape=2x2/cap=8/how=try/impl=queue": {"ns/op", "cpu-ns/op", "fail/op", "share-min"},
		"Handover/state=warm/cap=8/impl=queue":          {"p50-ns", "p90-ns", "p99-ns", "max-ns"},
		"OpenLoop/rate=100000/cap=8/impl=queue":         {"p50-ns", "p90-ns", "p99-ns", "max-ns", "late/op"},
		"Stalled/shape=2x2/cap=8/impl=queue":            {"ns/op", "p50-ns", "p90-ns", "p99-ns", "max-ns"},
		"Cancel/cap=8/impl=chan":                        {"ns/op", "cpu-ns/op", "allocs/op"},
		"Footprint/of=queue/cap=64/impl=chan":           {"B"},
		"Idle/of=empty/waiters=2/cap=8/impl=chan":       {"cpu-ns/s"},
	} {
		c, err := Parse(name)
		require.NoError(t, err)
		s, err := Measure(c, 0, 2*time.Millisecond)
		require.NoError(t, err)
		var have []string
		for _, v := range s.Values {
			have = append(have, v.Unit)
			require.GreaterOrEqual(t, v.Value, 0.0)
		}
		require.Subset(t, have, units, name)
	}
}

// Samples that are too short or too long are followed by more suitable ones.
func TestSamplesComeToTakeAsLongAsWanted(t *testing.T) {
	s := Sample{N: 1000, Values: []Value{{Value: 4000, Unit: "ns/op"}}} // 4 ms
	require.Equal(t, 1000, s.Next(4*time.Millisecond))
	require.Equal(t, 2000, s.Next(16*time.Millisecond))
	require.Equal(t, 500, s.Next(time.Millisecond))
	require.Equal(t, 100, s.Next(1), "a few")
	require.Equal(t, 7, Sample{N: 7}.Next(time.Second), "it does not say how long it took")
}

// Memory is what one would think: 64 words and a bit.
func TestFootprintIsAboutRight(t *testing.T) {
	c, err := Parse("Footprint/of=queue/cap=64/elem=8B/impl=chan")
	require.NoError(t, err)
	s, err := Measure(c, 0, 0)
	require.NoError(t, err)
	require.InDelta(t, 64*8+96, s.Value("B"), 200)
}

// Waiting on the clock takes time, and a queue that stalls its producer cannot hide
// it: the items that should have come meanwhile count as late.
func TestOpenLoopOmitsNothing(t *testing.T) {
	defer faulty("stalls", func(q peer.Queue) any { return &stalling{Queue: q} })()
	c, err := Parse("OpenLoop/rate=10000/cap=64/impl=stalls")
	require.NoError(t, err)
	s, err := Measure(c, 0, 25*time.Millisecond) // a thousand items in 100 ms
	require.NoError(t, err)
	require.Zero(t, s.Wrong, s.Why)
	require.Greater(t, s.Value("max-ns"), 19e6)
	require.Greater(t, s.Value("p90-ns"), 1e6, "200 of 900 items should have been put during the stall")
}

// stalling sleeps for 20 ms in one Put.
type stalling struct {
	peer.Queue
	n int
}

func (q *stalling) Put(id uint64) {
	if q.n++; q.n == 500 {
		time.Sleep(20 * time.Millisecond)
	}
	q.Queue.Put(id)
}

// faulty adds an implementation: a channel behind something. The function that it
// returns takes it away.
func faulty(name string, wrap func(peer.Queue) any) (remove func()) {
	before := peer.Impls
	good, _ := peer.Find("chan")
	peer.Impls = append(slices.Clone(before), peer.Impl{Name: name, Make: func(c peer.Config) (any, error) {
		q, err := good.Make(c)
		return wrap(q.(peer.Queue)), err
	}})
	return func() { peer.Impls = before }
}

// spoiler spoils the 300th item that is got.
type spoiler struct {
	peer.Queue
	spoil func(q *spoiler, id uint64) uint64
	mu    sync.Mutex
	n     int
	kept  []uint64
}

func (s *spoiler) Get() uint64 {
	s.mu.Lock() // before the item is taken: else the one who gets it again may have had later ones
	defer s.mu.Unlock()
	id := s.Queue.Get()
	if len(s.kept) > 0 {
		id, s.kept = s.kept[0], s.kept[1:]
	}
	if s.n++; s.n == 300 {
		return s.spoil(s, id)
	}
	return id
}

func (s *spoiler) Gets(ids []uint64) { each(ids, s.Get) }

// A queue that spoils one item of thousands is found out, by every workload that
// sends so many. (One that loses an item hangs here; see TestLostItemsAreFoundOut,
// and TestHangingIsWrong of the program.)
func TestFaultyQueuesAreFoundOut(t *testing.T) {
	for name, f := range map[string]struct {
		spoil func(s *spoiler, id uint64) uint64
		why   string
	}{
		"invents":    {func(s *spoiler, id uint64) uint64 { return peer.ID(77, 5) }, "nobody has put|not those that were put"},
		"duplicates": {func(s *spoiler, id uint64) uint64 { s.kept = []uint64{id}; return id }, "twice|not those that were put"},
	} {
		for _, cell := range []string{
			"Throughput/shape=1x1/cap=8", "Throughput/shape=4x4/cap=8", "Goroutines/shape=10x10/cap=8",
			"Work/shape=2x2/cap=8", "Random/g=2/cap=8", "Burst/n=10/cap=8", "Chain/queues=4/cap=8", "Batch/shape=1x1/k=8/cap=8",
			"Handover/state=warm/cap=8", "OpenLoop/rate=100000/cap=8", "Stalled/shape=2x2/cap=8",
			"Stalled/by=goroutines/shape=2x2/cap=8",
		} {
			remove := faulty(name, func(q peer.Queue) any { return &spoiler{Queue: q, spoil: f.spoil} })
			c, err := Parse(cell + "/impl=" + name)
			require.NoError(t, err)
			s, err := Measure(c, 4000, 5*time.Millisecond)
			remove()
			require.NoError(t, err, c)
			require.Positive(t, s.Wrong, c)
			require.Regexp(t, f.why, s.Why, c)
			require.Empty(t, s.Values, "%v: what is wrong has no speed", c)
		}
	}
}

// swapper delivers two items in the wrong order.
type swapper struct {
	peer.Queue
	n    int
	kept []uint64
}

func (s *swapper) Get() uint64 {
	if len(s.kept) > 0 {
		id := s.kept[0]
		s.kept = nil
		return id
	}
	id := s.Queue.Get()
	if s.n++; s.n == 300 {
		s.kept = []uint64{id}
		return s.Queue.Get()
	}
	return id
}

func (s *swapper) Gets(ids []uint64) { each(ids, s.Get) }

func each(ids []uint64, get func() uint64) {
	for i := range ids {
		ids[i] = get()
	}
}

func TestReorderingIsFoundOut(t *testing.T) {
	defer faulty("swaps", func(q peer.Queue) any { return &swapper{Queue: q} })()
	c, err := Parse("Throughput/shape=1x1/cap=8/impl=swaps")
	require.NoError(t, err)
	s, err := Measure(c, 4000, 0)
	require.NoError(t, err)
	require.Equal(t, 1, s.Wrong)
	require.Contains(t, s.Why, "reached consumer 0 after item")
	require.Empty(t, s.Values)
}

// Tries can be wrong too: dropper says that it has put an item, and has not.
type dropper struct {
	peer.Trier
	n int
}

func (d *dropper) TryPut(id uint64) bool {
	d.n++
	return d.n == 40 || d.Trier.TryPut(id)
}

func TestLostItemsAreFoundOut(t *testing.T) {
	defer faulty("drops", func(q peer.Queue) any { return &dropper{Trier: q.(peer.Trier)} })()
	c, err := Parse("Mixed/g=1/cap=64/impl=drops")
	require.NoError(t, err)
	s, err := Measure(c, 4000, 0)
	require.NoError(t, err)
	require.Equal(t, 1, s.Wrong)
	require.Contains(t, s.Why, "was lost")
}

// liar finds items in an empty queue and room in a full one; early is full early;
// deaf does not hear that a context ends.
type liar struct{ peer.Trier }

func (liar) PollGets(n int) int { return n }
func (liar) PollPuts(n int) int { return 1 }

type early struct{ peer.Trier }

func (early) TryPut(uint64) bool { return false }

type deaf struct{ peer.Canceller }

func (deaf) GetCtx(ctx context.Context) (uint64, error) { <-ctx.Done(); return 3, nil }

func TestFaultyPollsAreFoundOut(t *testing.T) {
	for cell, f := range map[string]struct {
		wrap func(q peer.Queue) any
		why  string
	}{
		"EmptyPoll/cap=8": {func(q peer.Queue) any { return liar{q.(peer.Trier)} }, "nobody has put"},
		"FullPoll/cap=8":  {func(q peer.Queue) any { return liar{q.(peer.Trier)} }, "more items than there is room"},
		"FullPoll/cap=64": {func(q peer.Queue) any { return early{q.(peer.Trier)} }, "full with 0 of 64"},
		"Cancel/cap=8":    {func(q peer.Queue) any { return deaf{q.(peer.Canceller)} }, "ended with <nil>"},
	} {
		remove := faulty("faulty", f.wrap)
		c, err := Parse(cell + "/impl=faulty")
		require.NoError(t, err)
		s, err := Measure(c, 100, 0)
		remove()
		require.NoError(t, err)
		require.Positive(t, s.Wrong, c)
		require.Contains(t, s.Why, f.why)
		require.Empty(t, s.Values)
	}
}

// A real one: at capacity 1 Workiva's ring takes a second item, and overwrites the
// first. A Get that comes then never returns; run notices that (TestHangingIsWrong).
func TestWorkivaIsWrong(t *testing.T) {
	impl, err := peer.Find("workiva")
	require.NoError(t, err)
	q, err := impl.Make(peer.Config{Cap: 1, Elem: "8B"})
	require.NoError(t, err)
	put := q.(interface{ TryPut(uint64) bool }).TryPut
	require.True(t, put(1))
	require.True(t, put(2), "Workiva has been repaired: tell it, and take it out of TestHangingIsWrong")
}

func TestLedger(t *testing.T) {
	id := peer.ID
	for _, c := range []struct {
		name  string
		got   [][]uint64
		wrong int
		why   string
	}{
		{"right", [][]uint64{{id(0, 0), id(1, 0), id(0, 2)}, {id(0, 1), id(1, 1)}}, 0, ""},
		{"lost", [][]uint64{{id(0, 0), id(1, 0), id(0, 2)}, {id(0, 1)}}, 1, "item 1 of producer 1 was lost"},
		{"invented", [][]uint64{{id(0, 0), id(1, 0), id(0, 1), id(0, 2)}, {id(1, 1), id(1, 2)}}, 1, "consumer 1 got item 2 of producer 1, which nobody has put"},
		{"stranger", [][]uint64{{id(0, 0), id(1, 0), id(0, 1), id(0, 2)}, {id(1, 1), id(2, 0)}}, 1, "consumer 1 got item 0 of producer 2, which nobody has put"},
		{"twice", [][]uint64{{id(0, 0), id(1, 0), id(0, 2)}, {id(0, 1), id(0, 2), id(1, 1)}}, 1, "item 2 of producer 0 was delivered twice"},
		{"overtaken", [][]uint64{{id(0, 0), id(1, 0), id(0, 2), id(0, 1)}, {id(1, 1)}}, 1, "item 1 of producer 0 reached consumer 0 after item 2"},
		{"another consumer may be later", [][]uint64{{id(0, 1), id(1, 1)}, {id(0, 0), id(1, 0), id(0, 2)}}, 0, ""},
		{"swapped for another", [][]uint64{{id(0, 0), id(1, 0), id(0, 0)}, {id(0, 1), id(1, 1)}}, 2, "item 0 of producer 0 was delivered twice"},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := newLedger(3, 2)
			for _, ids := range c.got {
				l.got(ids)
			}
			wrong, why := l.Settle()
			require.Equal(t, c.wrong, wrong)
			require.Equal(t, c.why, why)
		})
	}
}

func TestShareMin(t *testing.T) {
	require.Equal(t, 1.0, shareMin([]int{5, 5}))
	require.Equal(t, 0.0, shareMin([]int{10, 0}))
	require.Equal(t, 0.5, shareMin([]int{15, 5}))
	require.Equal(t, 0.0, shareMin([]int{0, 0}))
}

func TestParse(t *testing.T) {
	c, err := Parse("Throughput/shape=1x1/cap=64/impl=queue")
	require.NoError(t, err)
	require.Equal(t, Case{"Throughput", []Key{{"shape", "1x1"}, {"cap", "64"}}, "queue"}, c)
	require.Equal(t, "Throughput/shape=1x1/cap=64", c.Cell())
	require.Equal(t, "Throughput/shape=1x1/cap=64/impl=queue", c.String())
	for _, bad := range []string{"Throughput/shape/impl=queue", "Throughput/shape=1x1", "", "Throughput/impl=queue/cap=1"} {
		_, err := Parse(bad)
		require.Error(t, err, bad)
	}
}

func TestBadCells(t *testing.T) {
	for name, want := range map[string]string{
		"Nonsense/impl=queue":                 "no workload",
		"Pair/impl=nobody":                    "no implementation",
		"Pair/cap=x/impl=queue":               "cap=x",
		"Pair/how=hope/impl=queue":            "how=hope",
		"Pair/how=try/impl=queue":             "need not wait",
		"Throughput/shape=0x1/impl=queue":     "shape=0x1",
		"Stalled/by=nobody/impl=queue":        "by=nobody",
		"Throughput/shape=round/impl=queue":   "shape=round",
		"FullPoll/cap=none/impl=queue":        "is ever full",
		"Batch/k=64/cap=8/impl=queue":         "k=64",
		"Handover/state=dead/cap=8/impl=chan": "state=dead",
		"OpenLoop/rate=0/impl=queue":          "rate=0",
		"Footprint/of=mind/impl=queue":        "of=mind",
		"Idle/of=full/cap=none/impl=queue":    "of=full",
		"Chain/queues=0/impl=queue":           "queues=0",
	} {
		c, err := Parse(name)
		require.NoError(t, err)
		_, err = Measure(c, 100, time.Millisecond)
		require.ErrorContains(t, err, want, name)
	}
	c, err := Parse("Cancel/cap=8/impl=mutex")
	require.NoError(t, err)
	_, err = Measure(c, 100, 0)
	require.ErrorIs(t, err, ErrNotSo)
}

// All profiles name workloads, keys and implementations that exist, and short and
// gate have a channel in every cell, to compare with.
func TestProfiles(t *testing.T) {
	for name, profile := range Profiles {
		cases, err := Cases(profile)
		require.NoError(t, err)
		seen, withChan := map[string]bool{}, map[string]bool{}
		for _, c := range cases {
			require.False(t, seen[c.String()], "%s has %v twice", name, c)
			seen[c.String()] = true
			_, err := peer.Find(c.Impl)
			require.NoError(t, err)
			withChan[c.Cell()] = withChan[c.Cell()] || c.Impl == "chan"
		}
		for cell, ok := range withChan {
			require.True(t, ok, cell)
		}
		if name != "full" {
			require.Less(t, len(cases), 200, "more do not fit into the time of %s", name)
		}
	}
	require.Equal(t, []string{"a1x", "a1y", "a2x", "a2y", "b"}, append(expand("a{1,2}{x,y}"), expand("b")...))
}

// The work between operations takes what it is said to, at least.
func TestWorkTakesItsTime(t *testing.T) {
	speed := workSpeed()
	best := time.Hour
	for range 20 {
		start := time.Now()
		spin(int(100000 * speed)) // 100 µs
		best = min(best, time.Since(start))
	}
	require.InDelta(t, 100e3, float64(best), 60e3)
}

func TestLocked(t *testing.T) {
	class, each := Locked()
	require.Contains(t, []string{"quick", "slow"}, class)
	require.Positive(t, each)
	require.InDelta(t, map[string]int64{"quick": 1, "slow": 5}[class], int64(each), 3)
	t.Log(class, each)
}

func TestRegime(t *testing.T) {
	regime, line := Regime()
	require.Contains(t, []string{"one", "near", "far"}, regime)
	require.GreaterOrEqual(t, line, time.Duration(0))
	t.Log(regime, line)
}
