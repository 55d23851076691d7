package parking

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// What one queue has found out about goroutines that compute keeps the calls of all from
// yielding, for a while.
func TestHogsOfAllQueues(t *testing.T) {
	newLooker(t, true) // for the clock
	var p Program
	one, two, alone := &Looker{program: &p}, &Looker{program: &p}, new(Looker)
	var y, other Yielder
	yield := func(took time.Duration) {
		start := y.Start(0)
		now += took
		y.End(start, one, nil)
	}
	yield(hog - time.Millisecond)
	require.False(t, y.Due(one), "it was long")
	require.True(t, other.Due(two), "but may have been the system")
	began := now
	yield(hog)
	require.False(t, p.hogs(), "it may have been an accident")
	y.End(began, one, nil)
	require.False(t, p.hogs(), "the same one")
	now += recent
	yield(hog)
	require.False(t, p.hogs(), "that was long ago")
	yield(hog)
	require.True(t, p.hogs())
	require.False(t, other.Due(two))
	other = Yielder{}
	require.True(t, other.Due(alone), "a queue for itself")
	now += longRest*hog - time.Millisecond
	require.False(t, other.Due(two))
	now += 2 * time.Millisecond
	require.False(t, other.Due(two), "it does not look at the clock each time")
	other = Yielder{}
	require.True(t, other.Due(two))
	require.False(t, p.hogs())
}

// A call that looks tells the others as well, and looks only until it would yield first when it
// has been told.
func TestHogsEndLooks(t *testing.T) {
	l, other := newLooker(t, true), newLooker(t, true)
	tooLong = time.Millisecond
	var p Program
	l.program, other.program = &p, &p
	looksOf := func(l *Looker, took time.Duration) (n int) {
		require.False(t, l.Look(func() bool { n++; return false }, func() uint64 {
			if n == looks { // the yield is next
				now += took
			}
			return 0
		}))
		return n
	}
	require.Equal(t, rounds*(looks+1), looksOf(other, 0))
	require.Equal(t, looks+1, looksOf(l, 2*hog), "not while it looks")
	require.False(t, p.hogs(), "it may have been an accident")
	l.change(looking, now, 0)
	require.Equal(t, looks+1, looksOf(l, 2*hog))
	require.True(t, p.hogs())
	require.Equal(t, looks, looksOf(other, 0))
	now += 3 * longRest * hog
	require.Equal(t, rounds*(looks+1), looksOf(other, 0))
}

// A call whose yield lets others run, while calls of other queues wait, looks no further, and its
// looks were of no use even if the yield was.
func TestOtherQueuesEndLooks(t *testing.T) {
	var l *Looker
	look := func(took time.Duration, helps, other bool) (n int, done bool) {
		before := looks
		if l.state.Load() == trying {
			before = fewLooks
		}
		done = l.Look(func() bool { n++; return helps && n > before }, func() uint64 {
			if n == before { // the yield is next
				now += took
				if other {
					l.program.waiting.Store(l.number + 1)
				}
			}
			return 0
		})
		return n, done
	}
	for _, helps := range []bool{false, true} {
		l = newLooker(t, true)
		tooLong = time.Millisecond
		l.Join(new(Program))
		for range mostVain - 1 {
			n, done := look(2*busy, helps, true)
			require.Equal(t, helps, done)
			require.Equal(t, looks+1, n)
			require.True(t, l.Looking())
		}
		look(2*busy, helps, true)
		require.False(t, l.Looking())
	}
	l = newLooker(t, true)
	tooLong, settling[trying] = time.Millisecond, time.Hour
	l.Join(new(Program))
	l.change(trying, now, 0)
	for range 4 {
		require.True(t, l.Looking(), "a trial")
		look(2*busy, false, true)
	}
	require.False(t, l.Looking())

	l = newLooker(t, true)
	l.Join(new(Program))
	l.tell()
	n, _ := look(2*busy, false, false)
	require.Equal(t, rounds*(looks+1), n, "it was calls of this queue that ran")
	n, _ = look(busy/2, false, true)
	require.Equal(t, rounds*(looks+1), n, "nobody else was ready")
	for range 100 * mostVain {
		l.tell()
		_, done := look(2*busy, true, false)
		require.True(t, done)
	}
	require.True(t, l.Looking())
}

// Queues tell each other that calls wait, if they look or might.
func TestQueuesTellThatCallsWait(t *testing.T) {
	var p Program
	one, two, alone := newLooker(t, true), newLooker(t, true), newLooker(t, true)
	one.Join(&p)
	two.Join(&p)
	require.False(t, alone.others())
	for range 3 {
		one.Look(func() bool { return false }, func() uint64 { return 0 })
		require.False(t, one.others())
		require.True(t, two.others())
		two.change(not, now, 0)
		two.until = now + time.Hour
		for range 1000 { // one in some takes part
			two.Rest(func() uint64 { return 0 })
		}
		require.True(t, one.others())
		require.False(t, two.others())
	}
}

// Once the looks of some new queues in a row have not paid, or not yet, the next ones wait for
// their first trial.
func TestNewQueuesDoNotLookInVain(t *testing.T) {
	newLooker(t, true)
	var p Program
	looking := func() bool {
		l := new(Looker)
		l.Join(&p)
		l.Init(true)
		require.True(t, l.May())
		if l.Looking() {
			return true
		}
		require.InDelta(t, leastGap, l.until-now, float64(time.Microsecond), "when its first trial is due")
		return false
	}
	for range 3 {
		for range mostFresh {
			require.True(t, looking())
		}
		require.False(t, looking())
		require.False(t, looking())
		l := &Looker{program: &p}
		l.pay()
	}
}
