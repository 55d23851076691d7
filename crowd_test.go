package queue_test

import (
	"context"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/parkring/queue"
	"github.com/parkring/queue/internal/stall"
)

// This file has a crowd wait on one queue: far more goroutines than the pool of
// waiters was made for.

// crowdSize says how many.
func crowdSize() int {
	if underRace() {
		return 5000 // the race detector bears no more than 8128 goroutines
	}
	return races(100_000)
}

func underRace() bool {
	info, _ := debug.ReadBuildInfo()
	for _, s := range info.Settings {
		if s.Key == "-race" {
			return s.Value == "true"
		}
	}
	return false
}

// gather starts n goroutines that run call(i), and returns when all are waiting.
// They come in groups: those of a group wait before the next ones are started.
func gather(n int, waiting func() int, call func(i int)) *sync.WaitGroup {
	wg := new(sync.WaitGroup)
	for i := range n {
		wg.Go(func() { call(i) })
		if group(i, n) != group(i+1, n) {
			for waiting() <= i {
				runtime.Gosched()
			}
		}
	}
	return wg
}

// group is the group that goroutine i of n comes in.
func group(i, n int) int { return i / (n / 20) }

func waitingIn(q *queue.Queue[int]) func() int {
	return func() int {
		gets, puts := q.Waiting()
		return gets + puts
	}
}

// mustBeDeserted checks that nobody waits in q and that it works as before.
func mustBeDeserted(t *testing.T, q *queue.Queue[int]) {
	t.Helper()
	require.Zero(t, waitingIn(q)(), "waiters left behind")
	q.CheckInvariants()
	for q.Len() > 0 {
		_, err := q.TryGet()
		require.NoError(t, err)
	}
	mustPut(t, q, 1)
	mustGet(t, q, 1)
}

// In a crowd a call is about as quick to go away as among few: it need not look
// for its place in the list.
func TestCrowdIsCancelled(t *testing.T) {
	for name, call := range map[string]func(ctx context.Context, q *queue.Queue[int]) error{
		"Gets": func(ctx context.Context, q *queue.Queue[int]) error { _, err := q.Get(ctx); return err },
		"Puts": func(ctx context.Context, q *queue.Queue[int]) error { return q.Put(ctx, 1) },
	} {
		t.Run(name, func(t *testing.T) {
			defer watch(t)()
			cancelled := func(n int) time.Duration {
				q := queue.New[int](1)
				if name == "Puts" {
					mustPut(t, q, 0)
				}
				ctx, cancel := context.WithCancel(bg)
				defer cancel()
				var others atomic.Int64
				wg := gather(n, waitingIn(q), func(int) {
					if call(ctx, q) != context.Canceled {
						others.Add(1)
					}
				})
				start := time.Now()
				cancel()
				wg.Wait()
				took := time.Since(start)
				require.Zero(t, others.Load(), "of %d calls did not return their context's error", n)
				mustBeDeserted(t, q)
				return took
			}
			n := crowdSize()
			var few, all time.Duration // per call
			for range 3 {              // somebody may disturb us once, but not always
				few, all = cancelled(n/100)/time.Duration(n/100), cancelled(n)/time.Duration(n)
				if all < 10*few {
					break
				}
			}
			t.Logf("%v for each of %d, %v for each of %d", all, n, few, n/100)
			require.Less(t, all, 10*few, "for each of %d, and for each of %d", n, n/100)
		})
	}
}

func TestCrowdOfGetsIsServed(t *testing.T) {
	defer watch(t)()
	n := crowdSize()
	q := queue.New[int](1)
	got := make([]int, n)
	wg := gather(n, waitingIn(q), func(i int) {
		v, err := q.Get(bg)
		if err != nil {
			v = -1
		}
		got[i] = v
	})
	start := time.Now()
	for i := range n {
		require.NoError(t, q.TryPut(i), "somebody waits for it")
	}
	wg.Wait()
	t.Logf("%d served, %v each", n, time.Since(start)/time.Duration(n))
	once := make([]bool, n)
	for i, v := range got {
		require.Equal(t, group(i, n), group(v, n), "goroutine %d of %d got item %d", i, n, v)
		require.False(t, once[v], "item %d came twice", v)
		once[v] = true
	}
	mustBeDeserted(t, q)
}

// Half of them go in before Close, half of them after: they are admitted.
func TestCrowdOfPutsIsServed(t *testing.T) {
	defer watch(t)()
	n := crowdSize()
	q := queue.New[int](1)
	mustPut(t, q, -1)
	var failed atomic.Int64
	wg := gather(n, waitingIn(q), func(i int) {
		if q.Put(bg, i) != nil {
			failed.Add(1)
		}
	})
	mustGet(t, q, -1)
	start := time.Now()
	once := make([]bool, n)
	for i := range n {
		if i == n/2 {
			q.Close()
		}
		v, err := q.TryGet()
		require.NoError(t, err)
		require.Equal(t, group(i, n), group(v, n), "item %d came as number %d of %d", v, i, n)
		require.False(t, once[v], "item %d came twice", v)
		once[v] = true
	}
	wg.Wait()
	t.Logf("%d served, %v each", n, time.Since(start)/time.Duration(n))
	require.Zero(t, failed.Load(), "Puts that failed")
	mustBeDrained(t, q)
}

func TestCrowdAtClose(t *testing.T) {
	defer watch(t)()
	n := crowdSize()
	q := queue.New[int](0)
	var others atomic.Int64
	wg := gather(n, waitingIn(q), func(int) {
		if _, err := q.Get(bg); err != queue.ErrClosed {
			others.Add(1)
		}
	})
	start := time.Now()
	q.Close()
	closed := time.Since(start)
	wg.Wait()
	t.Logf("Close took %v; %d ended in %v, %v each", closed, n, time.Since(start), time.Since(start)/time.Duration(n))
	require.Zero(t, others.Load(), "Gets that did not return ErrClosed")
	mustBeDrained(t, q)
}

// What a waiting call takes beside its goroutine: the same crowd, waiting on a
// channel, tells what the goroutines take. And nothing is left of it.
func TestCrowdMemory(t *testing.T) {
	defer watch(t)()
	n := crowdSize()
	parked := []metrics.Sample{{Name: "/sched/goroutines/waiting:goroutines"}}
	waitingAnywhere := func() int { // with a few that are not ours; it does not matter here
		metrics.Read(parked)
		return int(parked[0].Value.Uint64())
	}
	// measure has n goroutines wait and then cancelled. It returns the bytes of
	// live heap that one of them takes, and those that all have left behind.
	measure := func(waiting func() int, call func(ctx context.Context)) (each, left int) {
		ctx, cancel := context.WithCancel(bg)
		before := heap()
		wg := gather(n, waiting, func(int) { call(ctx) })
		each = int(heap()-before) / n
		cancel()
		wg.Wait()
		return each, int(heap() - before)
	}
	never := make(chan int)
	onChannel := func(ctx context.Context) {
		select {
		case <-never:
		case <-ctx.Done():
		}
	}
	measure(waitingAnywhere, onChannel) // the runtime makes goroutines, and keeps them for reuse
	channel, _ := measure(waitingAnywhere, onChannel)
	q := queue.New[int](1)
	ours, left := measure(waitingIn(q), func(ctx context.Context) { _, _ = q.Get(ctx) })
	t.Logf("bytes beside the stack: %d in a select, %d in a Get; %d left of %d Gets", channel, ours, left, n)
	require.LessOrEqual(t, ours-channel, 256)
	require.Less(t, left, 64<<10)
	mustBeDeserted(t, q)
}

// In tiny queues a call yields once it is listed, but not in a crowd.
func TestWhoYieldsOnceListed(t *testing.T) {
	q := queue.New[int](1)
	for _, yields := range []bool{true, true, true, false} {
		require.Equal(t, yields, q.EnlistGet())
	}
	for range 4 {
		mustPut(t, q, 0) // to one of them
	}
	n := 0
	for ; !q.EnlistGet(); n++ { // until the crowd is forgotten
		mustPut(t, q, 0)
		require.Less(t, n, 10_000)
	}
	require.Greater(t, n, 500)

	for capacity, yields := range map[int]bool{2: true, 3: true, 4: false, 1000: false, 0: false} {
		require.Equal(t, yields, queue.New[int](capacity).EnlistGet(), "capacity %d", capacity)
	}
	require.True(t, queue.NewSPSC[int](3).EnlistGet())
	require.False(t, queue.NewSPSC[int](4).EnlistGet())
}

// With one processor a call yields before it waits, so that whoever is ready to serve it
// finds nobody that waits; but not after a crowd has waited, or many have who had not yielded.
func TestCrowdsDoNotYield(t *testing.T) {
	if stall.Enabled || underRace() {
		t.Skip("a yield is not what it is otherwise")
	}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	// yields returns how many of 100 Gets and 100 Puts have yielded first, if so many have
	// waited at once before, so many times.
	yields := func(crowd, times int) (gets, puts int) {
		q := queue.New[int](queue.MostSolo + 1)
		for range times {
			for range crowd {
				q.EnlistGet()
			}
			mustPut(t, q, make([]int, crowd)...)
		}
		count := func(call, serve func(), n *int) {
			var wg sync.WaitGroup
			wg.Go(func() {
				if gets, puts := q.Waiting(); gets+puts == 0 {
					*n++
				}
				serve()
			})
			call()
			wg.Wait()
		}
		put, get := func() { _ = q.Put(bg, 0) }, func() { _, _ = q.Get(bg) }
		for range 100 {
			count(get, put, &gets)
		}
		mustPut(t, q, make([]int, q.Cap())...)
		for range 100 {
			count(put, get, &puts)
		}
		return gets, puts
	}
	for _, c := range []struct {
		crowd, times int
		least, most  int
	}{
		{0, 0, 90, 100},
		{3, 1, 90, 100}, // is no crowd
		{4, 1, 0, 10},
		{1, 50, 90, 100},
		{1, 64, 0, 10},
	} {
		var gets, puts int
		did := false
		for i := 0; i < 50 && !did; i++ { // one that is interrupted while it yields thinks better of it for a while
			gets, puts = yields(c.crowd, c.times)
			did = min(gets, puts) >= c.least && max(gets, puts) <= c.most
		}
		require.True(t, did, "%d Gets and %d Puts have yielded after %d crowds of %d", gets, puts, c.times, c.crowd)
	}
}
