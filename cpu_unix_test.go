//go:build unix

package queue_test

import (
	"context"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/parkring/queue"
)

// cpu returns the processor time that this process has used.
func cpu(t *testing.T) time.Duration {
	t.Helper()
	var u syscall.Rusage
	require.NoError(t, syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// Idle processor time can be measured in real time only. A spinning waiter would
// use all of it, a yielding one too.
func TestWaitersUseNoProcessor(t *testing.T) {
	const waiters, span = 64, 300 * time.Millisecond
	ctx, cancel := context.WithCancel(bg)
	var wg sync.WaitGroup
	empty, endless, full := queue.New[int](1), queue.New[int](0), queue.New[int](1)
	mustPut(t, full, 1)
	for range waiters {
		wg.Go(func() { _, _ = empty.Get(ctx) })
		wg.Go(func() { _, _ = endless.Get(ctx) })
		wg.Go(func() { _ = full.Put(ctx, 2) })
	}
	waiting := func() (n int) {
		for _, q := range []*queue.Queue[int]{empty, endless, full} {
			gets, puts := q.Waiting()
			n += gets + puts
		}
		return n
	}
	for waiting() < 3*waiters {
		time.Sleep(time.Millisecond)
	}
	best := time.Hour // the collector and other tests' leavings may run in one span, not in all
	for range 5 {
		before := cpu(t)
		time.Sleep(span)
		best = min(best, cpu(t)-before)
	}
	require.Less(t, best, span/100, "processor time of %d waiters in %v", 3*waiters, span)
	cancel()
	wg.Wait()
}
