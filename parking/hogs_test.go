package parking

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/parkring/queue/internal/stall"
)

// What one queue has found out about goroutines that compute keeps the calls of all from
// yielding, for a while.
func TestHogsOfAllQueues(t *testing.T) {
	if stall.Enabled {
		t.Skip("nobody looks at the clock")
	}
	newLooker(t, true) // for the clock
	var hogs Hogs
	one, two, alone := &Looker{Hogs: &hogs}, &Looker{Hogs: &hogs}, new(Looker)
	var y, other Yielder
	yield := func(took time.Duration) {
		start := y.Start(0)
		now += took
		y.End(start, one, nil)
	}
	yield(hog - time.Millisecond)
	require.False(t, y.Due(one), "it was long")
	require.True(t, other.Due(two), "but may have been the system")
	yield(hog)
	require.True(t, hogs.any())
	require.False(t, other.Due(two))
	other = Yielder{}
	require.True(t, other.Due(alone), "a queue without Hogs")
	now += longRest*hog - time.Millisecond
	require.False(t, other.Due(two))
	now += 2 * time.Millisecond
	require.False(t, other.Due(two), "it does not look at the clock each time")
	other = Yielder{}
	require.True(t, other.Due(two))
	require.False(t, hogs.any())
}

// A call that looks tells the others as well, and looks only until it would yield first when it
// has been told.
func TestHogsEndLooks(t *testing.T) {
	if stall.Enabled {
		t.Skip("nobody looks at the clock")
	}
	l, other := newLooker(t, true), newLooker(t, true)
	tooLong = time.Millisecond
	var hogs Hogs
	l.Hogs, other.Hogs = &hogs, &hogs
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
	require.True(t, hogs.any())
	require.Equal(t, looks, looksOf(other, 0))
	now += 3 * longRest * hog
	require.Equal(t, rounds*(looks+1), looksOf(other, 0))
}
