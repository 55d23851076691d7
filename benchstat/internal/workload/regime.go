package workload

import (
	"runtime"
	"slices"
	"sync/atomic"
	"time"
)

// Regime says how the machine treats two goroutines right now. On a shared machine
// it may change at any time, and with it what a channel takes, fourfold.
//
//	one   they take turns on one processor
//	near  they have two, and a cache line goes from one to the other quickly
//	far   they have two, and it takes long
//
// line is how long it takes a cache line to go there and back, the median of a few
// attempts.
func Regime() (regime string, line time.Duration) {
	if runtime.GOMAXPROCS(0) == 1 {
		return "one", 0
	}
	lines := make([]time.Duration, 9)
	for i := range lines {
		lines[i] = lineTime()
	}
	slices.Sort(lines)
	switch line = lines[len(lines)/2]; {
	case line >= oneLine:
		return "one", line
	case line >= farLine:
		return "far", line
	}
	return "near", line
}

const (
	farLine = 250 * time.Nanosecond // there and back; between the two that this was written on
	oneLine = 2 * time.Microsecond  // no machine is that slow: one waited for the other to be scheduled
)

// lineTime bounces a cache line between two goroutines that spin.
func lineTime() time.Duration {
	const trips = 500
	var ball atomic.Int64
	done := make(chan struct{})
	start := time.Now()
	wait := func(i int64) {
		for n := 1; ball.Load() != i; n++ {
			if n%1000 == 0 && time.Since(start) > trips*oneLine {
				return // the other one is not running
			}
		}
	}
	go func() {
		defer close(done)
		for i := int64(1); i < 2*trips; i += 2 {
			wait(i)
			ball.Store(i + 1)
		}
	}()
	for i := int64(0); i < 2*trips; i += 2 {
		ball.Store(i + 1)
		wait(i + 2)
	}
	<-done
	return time.Since(start) / trips
}

// Locked says whether an atomic read-modify-write is quick or slow on this machine, to a word
// that nobody else uses, and how long it takes. Machines of one name differ in that, by more
// than a factor of two, and with it the ratio of whoever has little else to do.
func Locked() (class string, each time.Duration) {
	const (
		n    = 10_000
		slow = n * 7 * time.Nanosecond / 2 // 3.5 ns each: those that this was written on take 2 and 5
	)
	best := time.Hour
	var word atomic.Uint64
	for range 20 {
		start := time.Now()
		for i := range uint64(n) {
			word.CompareAndSwap(i, i+1)
		}
		best = min(best, time.Since(start))
		word.Store(0)
	}
	if best > slow {
		return "slow", best / n
	}
	return "quick", best / n
}
