package parking

import (
	"context"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/parkring/queue/internal/stall"
)

// noYieldIsLong has a test not depend on how busy the machine is.
func noYieldIsLong(t *testing.T) {
	before := longYield
	longYield = time.Hour
	t.Cleanup(func() { longYield = before })
}

// yields yields, or not, in some turn, and reports whether it has.
func yields(y *Yielder, l *Looker, turn int) bool {
	if !y.Due(l) {
		return false
	}
	y.End(Yield(y.Start(uint8(turn))), l, nil)
	return true
}

// calls returns how many of the next n calls yield, if each yield has that outcome.
func calls(y *Yielder, n int, helped bool) (yielded int) {
	l := new(Looker)
	for i := range n {
		if yields(y, l, i) {
			yielded++
			y.Helped(helped)
		}
	}
	return yielded
}

func TestYieldsGoOnWhileTheyHelp(t *testing.T) {
	noYieldIsLong(t)
	var y Yielder
	require.Equal(t, 100, calls(&y, 100, true))
}

// The more yields in a row were of no use, the longer calls do without.
func TestUselessYieldsEnd(t *testing.T) {
	noYieldIsLong(t)
	var y Yielder
	require.Equal(t, 18, calls(&y, 100_000, false))
	require.Less(t, calls(&y, 100_000, false), 3)
}

// Once they are forgotten it begins as if there had been none.
func TestUselessYieldsAreForgotten(t *testing.T) {
	noYieldIsLong(t)
	var fresh, y Yielder
	calls(&y, 100_000, false)
	y.Forget()
	require.Equal(t, calls(&fresh, 1000, false), calls(&y, 1000, false))
}

func TestYieldsComeBackWhenTheyHelp(t *testing.T) {
	noYieldIsLong(t)
	var y Yielder
	calls(&y, 1000, false)
	for !yields(&y, new(Looker), 0) {
	}
	y.Helped(true)
	require.Equal(t, 100, calls(&y, 100, true))
	require.True(t, yields(&y, new(Looker), 0))
	y.Helped(false)
	require.Equal(t, 100, calls(&y, 100, true), "one useless yield is forgiven")
}

func TestRest(t *testing.T) {
	noYieldIsLong(t)
	var y Yielder
	y.Rest()
	require.Zero(t, calls(&y, restAfter, true))
	require.Equal(t, 10, calls(&y, 10, true))
}

// Due is Yield without the yield.
func TestDue(t *testing.T) {
	noYieldIsLong(t)
	var y Yielder
	require.True(t, y.Due(new(Looker)))
	y.Rest()
	for range restAfter {
		require.False(t, y.Due(new(Looker)))
	}
	require.True(t, y.Due(new(Looker)))
}

// After a yield that takes long no call of the queue yields for many times as long, whether
// it helped or not; and the next one is timed.
func TestLongYieldsEnd(t *testing.T) {
	l := newLooker(t, true) // and a clock that runs only if it is looked at
	var y, other Yielder
	turn := 1
	took := func(d time.Duration) (rest time.Duration) {
		tick, ticks := clock, 0
		clock = func() time.Duration {
			if ticks++; ticks == 2 {
				now += d
			}
			return tick()
		}
		y.Helped(yields(&y, l, turn))
		turn++ // 1: none that is timed anyway
		clock = tick
		before := now
		for !other.Due(l) {
			now += 100 + d/1e6
			if now-before > 2*mostRest {
				t.Fatal("calls yield no more")
			}
		}
		return now - before
	}
	for _, c := range []struct{ took, rest time.Duration }{
		{2 * longYield, 2 * longYield}, // it may have been an accident
		{10 * time.Millisecond, longRest * 10 * time.Millisecond},
		{time.Hour, mostRest}, // the program was stopped
		{longYield - 10, 0},
	} {
		require.InDelta(t, c.rest, took(c.took), float64((101+c.took/1e6)*untimed))
	}
}

// A long yield in which items have moved fast is none.
func TestLongYieldsWhileItemsMoveGoOn(t *testing.T) {
	newLooker(t, true) // for the clock
	for _, flows := range []bool{false, true} {
		var l Looker
		var y Yielder
		start := y.Start(0)
		now += 2 * longYield
		end := now
		y.End(start, &l, func(from, to time.Duration) bool {
			require.Equal(t, start, from)
			require.InDelta(t, end, to, float64(time.Microsecond))
			return flows
		})
		require.Equal(t, flows, y.Due(&l))
		require.Equal(t, flows, y.Start(1) < 0, "it is timed if the last one was long")
	}
}

// Beside a goroutine that only computes each yield takes long.
func TestYieldsBesideAHogEnd(t *testing.T) {
	if stall.Enabled {
		t.Skip("nobody looks at the clock")
	}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	go func() {
		for ctx.Err() == nil {
		}
	}()
	var y Yielder
	// The first one may be short, if the collector interrupts the other goroutine just then.
	require.Contains(t, []int{1, 1 + timing}, calls(&y, 1000, true), "10 ms each")
}
