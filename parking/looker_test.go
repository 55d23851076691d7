package parking

import (
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/parkring/queue/internal/stall"
)

// now is the time in tests.
var now time.Duration

// newLooker returns a Looker that has two processors and measures without delay, for which
// looks are quick, or not. A look at the clock takes a nanosecond.
func newLooker(t *testing.T, quick bool) *Looker {
	if stall.Enabled {
		t.Skip("nobody looks at the clock")
	}
	clockBefore, parallelBefore, oversubscribedBefore := clock, parallel, oversubscribed
	quickBefore, longBefore, settlingBefore, measuringBefore := quickLook, tooLong, settling, measuring
	firstBefore, poorBefore := firstLooks, poorTrial
	t.Cleanup(func() {
		clock, parallel, oversubscribed = clockBefore, parallelBefore, oversubscribedBefore
		quickLook, tooLong, settling, measuring = quickBefore, longBefore, settlingBefore, measuringBefore
		firstLooks, poorTrial = firstBefore, poorBefore
	})
	clock = func() time.Duration { now++; return now }
	parallel = func() bool { return true }
	oversubscribed = func() bool { return false }
	quickLook, tooLong, settling, measuring = 0, time.Hour, [states]time.Duration{}, 0
	firstLooks, poorTrial = time.Hour, time.Hour
	if quick {
		quickLook = time.Hour
	}
	l := new(Looker)
	l.Init(true)
	require.True(t, l.Looking())
	return l
}

// traffic is a queue that a Looker is used for: so many items move with each call, with
// looks and without.
type traffic struct {
	l          *Looker
	with, sans uint64
	moved      uint64
}

// calls makes n calls whose looks are of use, or not, and returns how many have looked. A
// call takes a microsecond.
func (q *traffic) calls(n int, useful bool) (looked int) {
	for range n {
		did := false
		now += time.Microsecond
		moved := func() uint64 { return q.moved }
		if q.l.Looking() {
			q.l.Look(func() bool { did = true; return useful }, moved)
		}
		q.l.Rest(moved)
		if did {
			looked++
			q.moved += q.with
		} else {
			q.moved += q.sans
		}
	}
	return looked
}

func TestLookEndsWhenReady(t *testing.T) {
	for _, k := range []int{1, looks, looks + 1, looks + 2, rounds * (looks + 1)} {
		l := newLooker(t, true)
		n := 0
		require.True(t, l.Look(func() bool { n++; return n == k }, func() uint64 { return 0 }))
		require.Equal(t, k, n)
	}
}

func TestLooksAreBounded(t *testing.T) {
	l := newLooker(t, true)
	n := 0
	require.False(t, l.Look(func() bool { n++; return false }, func() uint64 { return 0 }))
	require.Equal(t, rounds*(looks+1), n)
}

// A call looks for longer if nothing moves, as long as calls are used to find what they
// need soon.
func TestPatience(t *testing.T) {
	l := newLooker(t, true)
	still := func() uint64 { return 0 }
	n := 0 // looks
	// after returns how many rounds a call makes that finds what it needs after so many.
	after := func(most int, moved func() uint64) int {
		n = 0
		l.Look(func() bool { n++; return n == most*(looks+1) }, moved)
		return n / (looks + 1)
	}
	earn := func(n int) {
		for range n {
			require.Equal(t, 1, after(1, still))
		}
	}
	require.Equal(t, rounds, after(patience+1, still), "not yet")
	earn(wariness)
	require.Equal(t, patience, after(patience+1, still))
	require.Equal(t, rounds, after(patience+1, still), "not after it was in vain")
	earn(wariness - 1)
	require.Equal(t, rounds, after(patience+1, still), "not earned")
	earn(wariness)
	require.Equal(t, rounds+1, after(rounds+1, still))
	require.Equal(t, rounds, after(patience+1, still), "not where it takes long as a rule")
	earn(wariness)
	moves := uint64(0)
	require.Equal(t, rounds, after(patience+1, func() uint64 { moves++; return moves }), "not if others get on")
	earn(wariness)
	late := func() uint64 { return uint64(n / (looks + 1) / (rounds + 10)) }
	require.Equal(t, rounds+10, after(patience+1, late))

	earn(wariness)
	n = 0
	l.Look(func() bool {
		n++
		if n == 2*rounds*(looks+1) {
			l.wary.Store(1) // another call has given up
		}
		return false
	}, still)
	require.Equal(t, 2*rounds, n/(looks+1))

	oversubscribed = func() bool { return true }
	l = new(Looker)
	l.Init(true)
	earn(wariness)
	require.Equal(t, rounds, after(patience+1, still), "it may keep the other side from running")
}

// On one processor nobody can come while a call looks, and the zero Looker is for
// queues where looks are of no use.
func TestNobodyLooksOnOneProcessor(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	zero, one := new(Looker), new(Looker)
	one.Init(true)
	for _, l := range []*Looker{zero, one} {
		require.Zero(t, (&traffic{l: l, with: 1, sans: 1}).calls(1000, true))
	}
}

func TestQuickLooksGoOn(t *testing.T) {
	q := traffic{l: newLooker(t, true), with: 1, sans: 1000}
	require.Equal(t, 10_000, q.calls(10_000, true), "nobody compares while looks are quick")
}

// If looks are not quick calls go the way in which more items move, and try the other one
// now and then.
func TestSlowLooksAreCompared(t *testing.T) {
	q := traffic{l: newLooker(t, false), with: 1, sans: 4}
	looked := q.calls(100_000, true)
	require.Less(t, looked, 10_000)
	require.Greater(t, looked, watched, "tried once, and never again")

	q = traffic{l: newLooker(t, false), with: 4, sans: 1}
	looked = q.calls(100_000, true)
	require.Greater(t, looked, 90_000)
	require.Less(t, looked, 100_000)
}

// In a ring of more slots they are compared though they are quick, and a trial that is lost is
// followed by a longer while without.
func TestQuickLooksAreComparedInLargerRings(t *testing.T) {
	q := traffic{l: newLooker(t, true), with: 1, sans: 4}
	q.l.Init(false)
	looked := q.calls(100_000, true)
	require.Less(t, looked, 10_000)
	require.Greater(t, looked, watched)

	q = traffic{l: newLooker(t, true), with: 4, sans: 1}
	q.l.Init(false)
	require.Greater(t, q.calls(100_000, true), 90_000)

	q = traffic{l: newLooker(t, true), with: 1, sans: 4}
	q.l.Init(false)
	for q.l.Looking() {
		q.calls(1, true)
	}
	require.Equal(t, firstGap, q.l.until-q.l.lost)
}

// One measurement may have met a moment in which the system had stopped one side.
func TestOneBadMeasurementLosesNothing(t *testing.T) {
	q := traffic{l: newLooker(t, false), with: 2, sans: 2}
	q.l.plain = 1.5 / float64(time.Microsecond)
	for !q.l.settled {
		q.calls(1, true)
	}
	measurement := func(items uint64) {
		q.with = items
		for began := q.l.since; q.l.since == began && q.l.Looking(); {
			q.calls(1, true)
		}
	}
	for range 10 {
		q.l.warned = true
		measurement(1)
		require.True(t, q.l.doubt)
		require.True(t, q.l.warned)
		measurement(2)
		require.True(t, q.l.Looking())
		require.False(t, q.l.doubt)
		require.False(t, q.l.warned)
	}
	measurement(1)
	measurement(1)
	require.False(t, q.l.Looking())
	require.False(t, q.l.doubt)
}

// What is best may change.
func TestWayChangesWithTheTraffic(t *testing.T) {
	q := traffic{l: newLooker(t, false), with: 1, sans: 10}
	q.calls(100_000, true)
	q.with = 100
	q.calls(1_000_000, true)
	require.Greater(t, q.calls(10_000, true), 9000)
	q.with = 1
	q.calls(100_000, true)
	require.Less(t, q.calls(10_000, true), 1000)
}

// While a trial has not settled, both sides may be on one processor yet. Then yields bring
// what a call needs, and many looks before each are a waste of time.
func TestFewLooksInATrial(t *testing.T) {
	l := newLooker(t, true)
	settling[trying] = time.Hour
	each := func() (each, all int) { // how many looks are between two yields, and in a call
		n, tick := 0, clock
		clock = func() time.Duration {
			if n > 0 {
				each = n - 1 // less the one after the last yield
			}
			n = 0
			return tick()
		}
		defer func() { clock = tick }()
		require.False(t, l.Look(func() bool { n++; all++; return false }, func() uint64 { return uint64(all) }))
		return each, all
	}
	for _, c := range []struct{ way, each, rounds int }{
		{looking, looks, rounds},
		{trying, fewLooks, rounds * looks / fewLooks},
		{looking, looks, rounds},
	} {
		l.change(int32(c.way), clock(), 0)
		e, all := each()
		require.Equal(t, c.each, e)
		require.Equal(t, c.rounds*(c.each+1), all)
	}
	l.change(trying, clock(), 0)
	l.begin(clock(), 0, true)
	e, _ := each()
	require.Equal(t, looks, e, "the trial has settled")
}

// If it is always the yield that brings what a call needs, and never a look, both sides are
// on one processor. A few calls say little.
func TestTrialIsLostIfOnlyYieldsAreOfUse(t *testing.T) {
	for _, c := range []struct {
		calls, useful int // the useful-th look is
		way           int32
	}{
		{watched, fewLooks + 1, not},
		{watched, fewLooks, looking},
		{watched - 1, fewLooks + 1, looking},
	} {
		l := newLooker(t, true)
		measuring, settling[trying] = time.Hour, time.Second
		l.change(trying, clock(), 0)
		gap := l.gap
		for i := range c.calls {
			if i == c.calls-1 {
				now += time.Minute
			}
			n := 0
			require.Equal(t, trying, int(l.state.Load()))
			require.True(t, l.Look(func() bool { n++; return n >= c.useful }, func() uint64 { return 0 }))
		}
		require.Equal(t, c.way, l.state.Load(), c)
		if c.way == not {
			require.Equal(t, 2*gap, l.gap)
		}
	}
}

// The first looks of a queue, and a slow trial, end early if only yields were of use, and not if
// one look was.
func TestLooksOfNoUseEndEarly(t *testing.T) {
	const plain = 0.01 // items per ns without looks
	for _, c := range []struct {
		way    int32
		after  time.Duration
		useful int     // the useful-th look
		rate   float64 // in the meantime
		then   int32
	}{
		{looking, 101 * time.Microsecond, looks + 1, 1, not}, // the first looks
		{looking, 99 * time.Microsecond, looks + 1, 1, looking},
		{looking, 101 * time.Microsecond, looks, 1, looking},
		{trying, 151 * time.Microsecond, fewLooks + 1, plain / 4, not},
		{trying, 149 * time.Microsecond, fewLooks + 1, plain / 4, trying},
		{trying, 151 * time.Microsecond, fewLooks, plain / 4, trying},
		{trying, 151 * time.Microsecond, fewLooks + 1, plain / 2, trying},
	} {
		l := newLooker(t, true)
		firstLooks, poorTrial = 100*time.Microsecond, 150*time.Microsecond
		measuring, settling = time.Hour, [states]time.Duration{looking: time.Hour, trying: time.Hour}
		l.plain = plain
		gap := l.gap
		var items uint64
		moved := func() uint64 { return items }
		if c.way == trying {
			l.change(trying, clock(), 0)
		} else {
			l.since = clock()
		}
		for i := range watched {
			if i == watched-1 {
				items = uint64(c.rate * float64(c.after))
				now = l.since + c.after
			}
			n := 0
			require.Equal(t, c.way, l.state.Load())
			require.True(t, l.Look(func() bool { n++; return n >= c.useful }, moved))
		}
		require.Equal(t, c.then, l.state.Load(), c)
		if c.way == trying && c.then == not {
			require.Equal(t, 2*gap, l.gap)
		} else {
			require.Equal(t, gap, l.gap, "the first looks are no trial")
		}
	}
}

// The other side may have come to run on another processor before the next trial is due, and
// two useless yields in a row are a sign of that. But a trial that was lost just now is not
// repeated.
func TestUselessYieldsBeginATrialEarly(t *testing.T) {
	q := traffic{l: newLooker(t, false), with: 1, sans: 4}
	require.False(t, q.l.Again(), "calls look anyway")
	for q.l.gap < 64*leastGap {
		q.calls(1, true)
	}
	require.False(t, q.l.Looking())
	require.False(t, q.l.Again(), "lost just now")
	due := 0
	for !q.l.Again() {
		due++
		require.Zero(t, q.calls(1, true), "a trial began by itself")
	}
	require.InDelta(t, q.l.gap/early, now-q.l.lost, float64(time.Millisecond))
	require.Positive(t, due)

	moved := func() uint64 { return q.moved }
	q.l.TryLooks(moved)
	require.True(t, q.l.Looking())
	require.False(t, q.l.Again(), "the trial has begun")
	gap := q.l.gap
	for q.l.Looking() {
		q.calls(1, true)
	}
	require.Equal(t, 2*gap, q.l.gap, "lost, as any other")
	require.False(t, q.l.Again())

	var y Yielder // a call that yields once it is listed begins a trial as well
	listed := func() {
		w := yielding(new(Pool[int]))
		require.False(t, yielded(w, &y, q.l, moved))
	}
	noYieldIsLong(t)
	listed()
	listed()
	require.False(t, q.l.Looking(), "not due")
	for !q.l.eager.Load() {
		q.calls(1, true)
	}
	y.misses.Store(0)
	listed()
	require.False(t, q.l.Looking(), "once says little")
	listed()
	require.True(t, q.l.Looking())
	for q.l.Looking() {
		q.calls(1, true)
	}

	q.l.working.Store(true) // somebody measures
	q.l.TryLooks(moved)
	require.False(t, q.l.Looking())
}

// If nearly all calls have to wait although they have looked, they stop looking, and try
// again the more seldom the more often that happened.
func TestUselessLooksEnd(t *testing.T) {
	q := traffic{l: newLooker(t, true), with: 1, sans: 1}
	settling[trying], settling[looking] = time.Hour, time.Hour // no other reason
	require.Equal(t, mostVain, q.calls(100, false))
	var rests []int
	for range 6 {
		n := 1
		for q.calls(1, false) == 0 {
			n++
			require.Less(t, n, 1_000_000, "looks do not come back")
		}
		require.Equal(t, mostVain-1, q.calls(100, false))
		rests = append(rests, n)
	}
	require.Greater(t, rests[5], 16*rests[0])
}

// A trial is lost once, not again by those calls of a crowd that had begun to look before
// the others stopped.
func TestLateLookersLoseNothing(t *testing.T) {
	l := newLooker(t, true)
	settling[looking] = time.Hour // no other reason
	var nested func(n int)
	nested = func(n int) {
		l.Look(func() bool {
			if n--; n > 0 {
				nested(n)
				n = 0
			}
			return false
		}, func() uint64 { return 0 })
	}
	nested(3 * mostVain)
	require.False(t, l.Looking())
	require.Equal(t, 2*leastGap, l.gap)
}

// If yields take long, somebody computes, and calls stop yielding.
func TestLongYieldsEndLooks(t *testing.T) {
	q := traffic{l: newLooker(t, false), with: 1, sans: 100}
	tooLong, settling[trying], settling[looking] = 0, time.Hour, time.Hour
	n := 0
	for range 100 {
		did := 0
		if q.l.Looking() {
			n++
			q.l.Look(func() bool { did++; return did > looks }, func() uint64 { q.moved++; return q.moved })
		}
	}
	require.Less(t, n, 50)

	// If that happens again calls rest for many times as long, however soon the next trial
	// would be due else.
	l := newLooker(t, false)
	l.plain, tooLong = 1, time.Millisecond
	yield := func(took time.Duration, items uint64) { // a look that has to yield once
		did, moved := 0, uint64(0)
		l.Look(func() bool { did++; return did > looks }, func() (before uint64) {
			before = moved
			if did == looks && moved == 0 { // the yield is next
				now += took
				moved = items
			}
			return before
		})
	}
	yield(time.Millisecond/2, 0)
	require.True(t, l.Looking(), "not long")
	took := 3 * time.Millisecond
	yield(took, uint64(took)*3/2)
	require.True(t, l.Looking(), "the others get on")
	lost := func(gap, rest time.Duration, why string) {
		t.Helper()
		l.hogged.Store(0)
		yield(took, uint64(took)/2)
		require.False(t, l.Looking())
		require.InDelta(t, rest, l.until-now, float64(time.Microsecond), why)
		if rest > gap {
			require.EqualValues(t, l.until, l.hogged.Load(), "nor does anybody else yield")
		} else {
			require.Zero(t, l.hogged.Load())
		}
		require.Equal(t, gap, l.gap)
		yield(took, 0)
		require.Equal(t, gap, l.gap, "one that was late loses nothing")
		l.change(looking, now, 0)
	}
	lost(2*leastGap, 2*leastGap, "it may have been an accident")
	lost(4*leastGap, longRest*took, "twice in a row")
	lost(8*leastGap, longRest*took, "three times")
	took = time.Hour
	lost(16*leastGap, mostRest, "the program was stopped")
	took = 3 * time.Millisecond
	l.pay()
	lost(32*leastGap, 32*leastGap, "looks have paid meanwhile")

	// If others who only compute were there when nobody looked, too, nothing is slower than that.
	l.pay()
	l.plain = 1e-9
	yield(took, uint64(took/(9*time.Microsecond)))
	require.True(t, l.Looking(), "others of this queue")
	yield(took, 2)
	require.False(t, l.Looking())
	l.change(looking, now, 0)
	l.plain = 0
	yield(took, 2)
	require.False(t, l.Looking(), "it has not been measured")
	require.NotZero(t, l.hogged.Load(), "for the second time")
	l.hogged.Store(0)
	l.change(looking, now, 0)
	l.plain = 1

	// That Yielders rest is no matter of the gap.
	took, l.gap = 2*time.Millisecond, mostGap
	yield(took, uint64(took)/2)
	require.InDelta(t, longRest*took, time.Duration(l.hogged.Load())-now, float64(time.Microsecond))
	require.InDelta(t, mostGap, l.until-now, float64(time.Microsecond))

	// Before it is known how many items move without looks, nothing is lost, but that is
	// to be found out now.
	l = newLooker(t, false)
	tooLong = time.Millisecond
	yield(took, uint64(took)/2)
	require.False(t, l.Looking())
	require.Equal(t, leastGap, l.gap)

	// In a crowd each yield takes long enough to make the looks long, but none is too long.
	did := 0
	l = newLooker(t, false)
	tooLong = rounds / 2
	require.False(t, l.Look(func() bool { did++; return false }, func() uint64 { return 0 }))
	require.Equal(t, rounds*(looks+1), did)

	// A call that has nothing yet goes to sleep after the first one, where its context counts.
	l, did = newLooker(t, false), 0
	tooLong = 0
	require.False(t, l.Look(func() bool { did++; return false }, func() uint64 { return 0 }))
	require.Equal(t, looks+1, did)
}
