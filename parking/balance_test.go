package parking

import (
	"runtime"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// parks returns how many of the next n parks left it to calls to yield, if so many of the
// yields of each side are timed before each.
func parks(b *Balance, n int, gets, puts *Yielder, timed uint32) (yields int) {
	for range n {
		gets.timed.Add(timed)
		puts.timed.Add(timed)
		b.Park(gets, puts)
		if b.Yields() {
			yields++
		}
	}
	return yields
}

// While calls park more than half as often as they yield, mostly none yields; from time to
// time they try.
func TestParksEndYields(t *testing.T) {
	var b Balance
	var gets, puts Yielder
	require.True(t, b.Yields())
	for range 3 {
		require.Equal(t, weighed-1, parks(&b, weighed, &gets, &puts, 0), "calls yield, and are weighed")
		require.Equal(t, 1, parks(&b, restParks, &gets, &puts, 0), "they do not, for a while")
	}
	require.Equal(t, 10*weighed, parks(&b, 10*weighed, &gets, &puts, 1), "32 of their yields for each park")

	for _, c := range []struct {
		gets, puts uint32 // timed, one in 16
		yields     bool
	}{
		{4, 3, false},
		{4, 4, true},
		{0, 8, true},
		{7, 0, false},
	} {
		var b Balance
		var gets, puts Yielder
		gets.timed.Add(c.gets)
		puts.timed.Add(c.puts)
		parks(&b, weighed, &gets, &puts, 0)
		require.Equal(t, c.yields, b.Yields(), "%+v", c)
	}
}

// One yield in 16 is timed and counted, whatever yields go on at the same time.
func TestYieldsAreCounted(t *testing.T) {
	noYieldIsLong(t)
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	var y Yielder
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() { calls(&y, 200, true) })
	}
	wg.Wait()
	require.InDelta(t, 8*200/timing, y.timed.Load(), 10, "one may be interrupted")
}
