package backoff

import (
	"runtime"
	"testing"
	"time"
)

func TestParallelAndOversubscribed(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	defer func() { numCPU = runtime.NumCPU }()
	for _, c := range []struct {
		procs, cpus              int
		parallel, oversubscribed bool
	}{{1, 1, false, false}, {1, 2, false, false}, {2, 1, false, true}, {2, 2, true, false}, {3, 2, true, true}} {
		runtime.GOMAXPROCS(c.procs)
		numCPU = func() int { return c.cpus }
		if Parallel() != c.parallel {
			t.Errorf("GOMAXPROCS %d, processors %d: %v", c.procs, c.cpus, Parallel())
		}
		if Oversubscribed() != c.oversubscribed {
			t.Errorf("GOMAXPROCS %d, processors %d: oversubscribed %v", c.procs, c.cpus, Oversubscribed())
		}
	}
}

// TestPausesTakeTime notices when the compiler drops the loop of spin: then a
// pause would take as long as a call, a few nanoseconds.
func TestPausesTakeTime(t *testing.T) {
	const n = 1000
	start := time.Now()
	for range n {
		Locked(true)
	}
	if each := time.Since(start) / n; each < 500*time.Nanosecond {
		t.Errorf("a long pause took %v, want several microseconds", each)
	}
}

// With one processor the other side runs only if the caller yields: without,
// it would have to wait for the end of the caller's time slice of 10 ms.
func TestBackoffLetsOthersRun(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	turns := 0
	done := make(chan struct{})
	go func() {
		for range 100 {
			turns++
			runtime.Gosched()
		}
		close(done)
	}()
	var off Backoff
	for range 1000 {
		off.Wait(Usual)
	}
	select {
	case <-done:
	default:
		t.Errorf("the other goroutine had %d turns in 1000 waits", turns)
	}
}

// A system call is for the case that nothing else has helped.
func TestBackoffYieldsTheThreadLate(t *testing.T) {
	defer func(f func()) { yieldThread = f }(yieldThread)
	yields := 0
	yieldThread = func() { yields++ }
	var off Backoff
	for range threadYields {
		off.Wait(Usual)
	}
	if yields != 0 {
		t.Errorf("%d yields of the thread at first, want none", yields)
	}
	for range 10 {
		off.Wait(Usual)
	}
	if yields != 10 {
		t.Errorf("%d yields of the thread in 10 waits, want 10", yields)
	}
}
