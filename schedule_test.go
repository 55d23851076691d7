//go:build queue_stall

package queue_test

import (
	"flag"
	"fmt"
	"iter"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/parkring/queue"
	"github.com/parkring/queue/internal/stall"
)

var (
	firstSeed = flag.Uint64("seed", 0, "first `seed` of the tests that explore schedules")
	schedules = flag.Int("schedules", 10_000, "how `many` schedules to explore")
)

// An explorer runs goroutines in turn, one step at a time from one stall point
// to the next, in an order that depends on nothing but its seed. Locks and
// sleeps are points too, so that it sees who is blocked, and runs all the rest.
type explorer struct {
	rng      *rand.Rand
	all      []*actor
	cur      *actor // nil: the test itself is running
	last     *actor
	time     int64
	steps    int
	progress int // steps that were no vain attempt to lock or to sleep
	calls    int // that have returned

	freeze []stall.Point // the first worker to come to the first of these is frozen, then the next to come to the second, ...

	// Two ways to choose who is next. If changes is nil: anyone, but with
	// probability stay the same as before. Otherwise: the one of the highest
	// rank, which falls at these steps, and when it backs off.
	stay    float64
	changes map[int]bool
	lowest  int
}

// actor is a goroutine that the explorer runs.
type actor struct {
	name   string
	worker bool // it does what a plan says
	resume func() (struct{}, bool)
	yield  func(struct{}) bool
	rank   int

	at      stall.Point // where it is
	putting bool        // in an attempt to put, else to get
	// a call that has looked at the oldest slot, as ForcePut does on a full queue
	exchanging bool
	locked     bool // it holds the lock
	done       bool
	frozen     bool
	blocked    int // the progress when it could not lock or had to sleep; -1: it can go on
}

func newExplorer(seed uint64) *explorer {
	x := &explorer{rng: rand.New(rand.NewPCG(seed, 3))}
	if x.rng.IntN(2) == 0 {
		x.stay = []float64{0, 0.5, 0.9}[x.rng.IntN(3)]
	} else {
		x.changes = map[int]bool{}
		for range 1 + x.rng.IntN(5) {
			x.changes[x.rng.IntN(200)] = true
		}
	}
	return x
}

// hook is what makes all goroutines of the test program come by here.
func (x *explorer) hook() *stall.Hook {
	return &stall.Hook{
		At:     x.pass,
		Random: x.rng.Uint64,
		Lock: func(try func() bool) bool {
			if x.cur == nil {
				return false
			}
			for !try() {
				x.block()
			}
			x.cur.locked = true
			return true
		},
		Sleep: func(wake, done <-chan struct{}) (woken, did bool) {
			if x.cur == nil {
				return false, false
			}
			for {
				first, second := wake, done
				if x.rng.IntN(2) == 0 {
					first, second = done, wake
				}
				select {
				case <-first:
					return first == wake, true
				default:
				}
				select {
				case <-second:
					return second == wake, true
				default:
				}
				x.block()
			}
		},
	}
}

// pass lets others run before the step at p.
func (x *explorer) pass(p stall.Point) {
	a := x.cur
	if a == nil {
		return
	}
	a.at, a.blocked = p, -1
	switch p {
	case between:
		x.calls++
		a.exchanging = false
	case stall.PutStamp, stall.GetStamp, stall.HeadStamp, stall.TakeRaise:
		a.putting = p == stall.PutStamp
		a.exchanging = a.exchanging || p == stall.HeadStamp
	case stall.Backoff:
		x.lowest--
		a.rank = x.lowest
	}
	if len(x.freeze) > 0 && p == x.freeze[0] && a.worker {
		x.freeze = x.freeze[1:]
		a.frozen = true
	}
	a.yield(struct{}{})
	if p == stall.MutexUnlock {
		a.locked = false
	}
}

// block lets others run until one of them has got on.
func (x *explorer) block() {
	a := x.cur
	a.blocked = x.progress
	a.yield(struct{}{})
}

// spawn adds an actor that does f.
func (x *explorer) spawn(name string, f func()) *actor {
	a := &actor{name: name, rank: x.rng.IntN(1000), blocked: -1}
	a.resume, _ = iter.Pull(func(yield func(struct{}) bool) {
		a.yield = yield
		f()
	})
	x.all = append(x.all, a)
	return a
}

// step runs one actor for one step. It reports whether there was one that could
// run.
func (x *explorer) step() bool {
	var ready []*actor
	for _, a := range x.all {
		if !a.done && !a.frozen && a.blocked < x.progress {
			ready = append(ready, a)
		}
	}
	if len(ready) == 0 {
		return false
	}
	a := x.choose(ready)
	was := a.blocked
	x.cur, x.last = a, a
	_, more := a.resume()
	x.cur = nil
	a.done = !more
	x.steps++
	if was < 0 || a.blocked < 0 || a.done {
		x.progress++
	}
	if a.blocked >= 0 {
		a.blocked = x.progress
	}
	return true
}

func (x *explorer) choose(ready []*actor) *actor {
	if x.changes == nil {
		if x.rng.Float64() < x.stay && slices.Contains(ready, x.last) {
			return x.last
		}
		return ready[x.rng.IntN(len(ready))]
	}
	best := ready[0]
	for _, a := range ready {
		if a.rank > best.rank {
			best = a
		}
	}
	if x.changes[x.steps] {
		x.lowest--
		best.rank = x.lowest
	}
	return best
}

// clock is the time that histories are recorded in.
func (x *explorer) clock() int64 {
	x.time += 2
	return x.time
}

// between is where an actor is between two calls.
const between = stall.Points

// run lets the actors run until nobody can. It fails t if that does not come.
func (x *explorer) run(t testing.TB) {
	t.Helper()
	for end := x.steps + 100_000; x.step(); {
		if x.steps > end {
			t.Fatalf("no end in sight:%s", x)
		}
	}
}

// unfinished returns how many actors have not done their work.
func (x *explorer) unfinished() (n int) {
	for _, a := range x.all {
		if !a.done {
			n++
		}
	}
	return n
}

func (x *explorer) String() string {
	var s strings.Builder
	for _, a := range x.all {
		fmt.Fprintf(&s, "\n\t%s: at %v, done %v, frozen %v, blocked %v", a.name, a.at, a.done, a.frozen, a.blocked >= 0)
	}
	return s.String()
}

// start makes an explorer and a run of the plan of that seed.
func start(seed uint64) (*explorer, *run) {
	x := newExplorer(seed)
	stall.Set(x.hook())
	r := newRun(newPlan(seed), x.clock, func() { x.pass(between) })
	for w := range r.workers {
		x.spawn(fmt.Sprint("worker ", w), func() { r.work(w) }).worker = true
	}
	x.spawn("canceller", r.cancel)
	return x, r
}

// finish drains the queue, and checks that everybody has come to an end, and
// that the history is linearizable.
func finish(t testing.TB, x *explorer, r *run, kinds map[eventKind]int) {
	t.Helper()
	x.run(t)
	r.checkInvariants()
	if n := r.waiting(); n < x.unfinished() || r.queues == 1 && n > x.unfinished() {
		t.Fatalf("seed %d: %d are listed, %d calls sleep:%s", r.seed, n, x.unfinished(), x)
	}
	x.spawn("drainer", r.drain)
	x.spawn("observer", r.observe)
	x.run(t)
	r.checkInvariants()
	if n := r.waiting(); n > 0 {
		t.Fatalf("seed %d: %d are still listed:%s", r.seed, n, x)
	}
	if x.unfinished() > 0 {
		t.Fatalf("seed %d: calls that nobody wakes:%s", r.seed, x)
	}
	r.check(t, kinds)
}

// TestSchedules explores schedules. Every one has to come to an end in a
// linearizable history, with nobody asleep who should be awake.
//
//	go test -tags queue_stall -run TestSchedules -schedules 1000000 .       the long profile
//	go test -tags queue_stall -run TestSchedules -schedules 1 -seed N .     the schedule N again
func TestSchedules(t *testing.T) {
	defer stall.Set(nil)
	defer queue.SoloEndsAfter(1, 1)()
	kinds := map[eventKind]int{}
	steps := 0
	for seed := *firstSeed; seed < *firstSeed+uint64(*schedules); seed++ {
		x, r := start(seed)
		finish(t, x, r, kinds)
		steps += x.steps
	}
	if *schedules >= 1000 {
		everyEvent(t, kinds)
	}
	t.Logf("%d schedules, %d steps", *schedules, steps)
}

// The same seed gives the same schedule and the same history: else nothing
// could be replayed.
func TestSchedulesReplay(t *testing.T) {
	defer stall.Set(nil)
	defer queue.SoloEndsAfter(1, 1)()
	for seed := range uint64(200) {
		var logs [2]string
		for i := range logs {
			x, r := start(seed)
			finish(t, x, r, map[eventKind]int{})
			logs[i] = fmt.Sprint(x.steps, r.logs)
		}
		require.Equal(t, logs[0], logs[1], "seed %d", seed)
	}
}

// withYields runs test with goroutines that yield at one point in so many, as if
// the scheduler stopped them there.
func withYields(t *testing.T, oneIn int, test func(*testing.T)) {
	defer stall.Set(nil)
	stall.Set(&stall.Hook{At: func(stall.Point) {
		if rand.IntN(oneIn) == 0 {
			runtime.Gosched()
		}
	}})
	test(t)
}

func TestLinearizableWithYields(t *testing.T)  { withYields(t, 8, TestLinearizable) }
func TestLongHistoriesWithYields(t *testing.T) { withYields(t, 20, TestLongHistories) }
