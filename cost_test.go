package queue_test

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"testing"
	"time"
	"weak"

	"github.com/stretchr/testify/require"

	"github.com/parkring/queue"
	"github.com/parkring/queue/internal/stall"
)

// This file tests what the contract says of cost and of memory.

func TestFastPathAllocatesNothing(t *testing.T) {
	large1, large0 := variant{capacity: 1}.makeLarge(), variant{capacity: 0}.makeLarge()
	for _, q := range []subject[int]{queue.New[int](1), queue.New[int](64), queue.New[int](0), queue.NewSPSC[int](1), queue.NewSPSC[int](64), large1, large0} {
		ctx, cancel := context.WithCancel(bg)
		defer cancel()
		for name, op := range map[string]func(){
			"Put, Get":                  func() { _ = q.Put(ctx, 1); _, _ = q.Get(ctx) },
			"TryPut, TryGet":            func() { _ = q.TryPut(1); _, _ = q.TryGet() },
			"TryGet on empty":           func() { _, _ = q.TryGet() },
			"observers":                 func() { _, _, _, _ = q.Len(), q.Full(), q.Drained(), q.Closed() },
			"TryPut until full, TryGet": func() { _, _ = q.TryPut(1), q.TryPut(2); _, _ = q.TryGet(); _, _ = q.TryGet() },
		} {
			require.Zero(t, testing.AllocsPerRun(1000, op), "%T, capacity %d: %s", q, q.Cap(), name)
		}
	}
}

// An unbounded queue that has grown to what it holds goes round in that ring.
func TestBacklogOfSteadySizeAllocatesNothing(t *testing.T) {
	q := queue.New[int](0)
	for i := range 1500 {
		require.NoError(t, q.Put(bg, i))
	}
	swing := func() {
		for range 100 {
			_ = q.Put(bg, 1)
		}
		for range 100 {
			_, _ = q.Get(bg)
		}
	}
	for range 100 {
		swing()
	}
	require.Zero(t, testing.AllocsPerRun(200, swing))
}

// Both kinds of waiting: Gets on the way there, Puts on the way back.
func TestBlockingHandOverAllocatesNothing(t *testing.T) {
	for kind, make := range map[string]func() subject[int]{
		"bounded":  func() subject[int] { return queue.New[int](1) },
		"no bound": func() subject[int] { return queue.New[int](0) },
		"spsc":     func() subject[int] { return queue.NewSPSC[int](1) },
		"large":    func() subject[int] { return variant{capacity: 1}.makeLarge() },
		"solo":     func() subject[int] { return variant{capacity: 1, solo: true}.makeLarge() },
	} {
		for _, name := range []string{"background", "cancellable"} {
			ctx := bg
			if name == "cancellable" {
				var cancel context.CancelFunc
				ctx, cancel = context.WithCancel(bg)
				defer cancel()
			}
			there, back := make(), make()
			for range 300 { // calls that gave up have given back what they took
				ctx, cancel := context.WithCancel(bg)
				var getting sync.WaitGroup
				getting.Go(func() { _, _ = there.Get(ctx) })
				for gets, _ := there.Waiting(); gets == 0; gets, _ = there.Waiting() {
					runtime.Gosched()
				}
				cancel()
				getting.Wait()
			}
			get, put := func() { _, _ = there.Get(ctx) }, func() { _ = there.Put(ctx, 1) }
			require.Zero(t, parked(there, get, put), "%s, %s: Gets that park", kind, name)
			if n := there.Cap(); n > 0 {
				for range n {
					put()
				}
				require.Zero(t, parked(there, put, get), "%s, %s: Puts that park", kind, name)
				for range n {
					get()
				}
			}
			var echo sync.WaitGroup
			echo.Go(func() {
				for v := range there.All(ctx) {
					_ = back.Put(ctx, v)
				}
			})
			roundTrip := func() { _ = there.Put(ctx, 1); _, _ = back.Get(ctx) }
			require.Zero(t, testing.AllocsPerRun(2000, roundTrip), "%s, %s: round trips", kind, name)
			there.Close()
			echo.Wait()
		}
	}

	for _, q := range []subject[int]{queue.New[int](1), queue.NewSPSC[int](1)} {
		var slow sync.WaitGroup
		slow.Go(func() {
			for range q.All(bg) {
				runtime.Gosched() // lets the putter fill the queue and wait
			}
		})
		burst := func() {
			for i := range 10 {
				_ = q.Put(bg, i)
			}
		}
		require.Zero(t, testing.AllocsPerRun(500, burst), "%T: waiting Puts", q)
		q.Close()
		slow.Wait()
	}
}

// parked returns the allocations of a call that has parked before serve serves it.
func parked(q subject[int], call, serve func()) float64 {
	const n = 1000
	var server sync.WaitGroup
	server.Go(func() {
		for range n + 1 { // AllocsPerRun makes one call more
			for gets, puts := q.Waiting(); gets+puts == 0; gets, puts = q.Waiting() {
				runtime.Gosched()
			}
			serve()
		}
	})
	defer server.Wait()
	return testing.AllocsPerRun(n, call)
}

// With many goroutines the served ones finish in another order than they were
// served in, which must not cost allocations either.
func TestCrowdedHandOverAllocatesNothing(t *testing.T) {
	const goroutines, each = 32, 3000
	for _, k := range []variant{{capacity: 1}, {capacity: 3}} {
		q := k.make()
		// The first round makes the waiters, and has the runtime make what it
		// needs for so many parked goroutines.
		for round := range 3 {
			start := make(chan struct{})
			var wg sync.WaitGroup
			for range goroutines {
				wg.Go(func() {
					<-start
					for i := range each {
						_ = q.Put(bg, i)
					}
				})
				wg.Go(func() {
					<-start
					for range each {
						_, _ = q.Get(bg)
					}
				})
			}
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			close(start)
			wg.Wait()
			runtime.ReadMemStats(&after)
			if round > 0 { // the runtime's own sudogs make a few
				require.Less(t, after.Mallocs-before.Mallocs, uint64(goroutines*each/100), "%v, round %d: for %d items", k, round, goroutines*each)
			}
		}
	}
}

// However many wait at once.
func TestWaitingCrowdAllocatesNothing(t *testing.T) {
	for _, capacity := range []int{1, 64, 0} {
		for _, crowd := range []int{60, 100, 300} {
			q := queue.New[int](capacity)
			var getters sync.WaitGroup
			for range crowd {
				getters.Go(func() {
					for range q.All(bg) {
					}
				})
			}
			all := func() {
				for gets, _ := q.Waiting(); gets < crowd; gets, _ = q.Waiting() {
					runtime.Gosched()
				}
			}
			serve := func() {
				for range crowd {
					_ = q.Put(bg, 1)
				}
				all()
			}
			all()
			allocs := testing.AllocsPerRun(20, serve)
			q.Close()
			getters.Wait()
			if crowd > 64 && underRace() {
				continue // the race detector has a sync.Pool drop every fourth
			}
			require.Zero(t, allocs, "capacity %d, %d waiting Gets", capacity, crowd)
		}
	}
}

// heap returns the bytes of live heap.
func heap() int64 {
	for range 3 {
		runtime.GC()
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

func TestIdleQueueIsSmall(t *testing.T) {
	const n = 1000
	for _, c := range []struct{ capacity, most int }{{0, 4 << 10}, {1, 1536}, {64, 3584}} {
		queues := make([]*queue.Queue[int], n)
		before := heap()
		for i := range queues {
			queues[i] = queue.New[int](c.capacity)
		}
		each := int(heap()-before) / n
		require.Less(t, each, c.most, "bytes per idle queue, capacity %d", c.capacity)
		require.Positive(t, each)
		runtime.KeepAlive(queues)
	}
}

func TestUnboundedQueueGivesMemoryBackAfterABurst(t *testing.T) {
	q := queue.New[[64]byte](0)
	const n = 200_000
	before := heap()
	for range n {
		require.NoError(t, q.Put(bg, [64]byte{}))
	}
	full := heap() - before
	require.Greater(t, full, int64(n*64), "the burst is in memory")
	for range n {
		_, err := q.Get(bg)
		require.NoError(t, err)
	}
	left := heap() - before
	require.Less(t, left, int64(64<<10), "of %d bytes: one ring", full)
	runtime.KeepAlive(q)
}

// Waiters are given back too, after a crowd has waited.
func TestQueueGivesMemoryBackAfterACrowd(t *testing.T) {
	q := queue.New[int](1)
	before := heap()
	var wg sync.WaitGroup
	ctx, cancel := context.WithCancel(bg)
	const n = 10_000
	for range n {
		wg.Go(func() { _, _ = q.Get(ctx) })
	}
	for gets, _ := q.Waiting(); gets < n; gets, _ = q.Waiting() {
		runtime.Gosched()
	}
	cancel()
	wg.Wait()
	q.CheckInvariants()
	// Goroutines that have ended keep about half a KiB each, theirs to reuse.
	require.Less(t, heap()-before, int64(n*1024))

	before = heap()
	for range n {
		wg.Go(func() { _, _ = q.Get(bg) })
	}
	for gets, _ := q.Waiting(); gets < n; gets, _ = q.Waiting() {
		runtime.Gosched()
	}
	q.Close()
	wg.Wait()
	require.Less(t, heap()-before, int64(64<<10), "with the goroutines there already")
}

// gone reports whether what p pointed to has been collected.
func gone[T any](p weak.Pointer[T]) bool {
	for range 10 {
		runtime.GC()
		if p.Value() == nil {
			return true
		}
		time.Sleep(time.Millisecond) // for the goroutine that held it to end
	}
	return false
}

type thing struct{ _ [100]byte }

// Every way that an item can go through a queue, and out of it.
func TestTakenItemsAreNotKeptAlive(t *testing.T) {
	for _, capacity := range []int{1, 3, 0} {
		ways := map[string]func(q subject[*thing], x *thing){
			"through the ring": func(q subject[*thing], x *thing) {
				_ = q.Put(bg, x)
				_, _ = q.Get(bg)
			},
			"handed to a waiting Get": func(q subject[*thing], x *thing) {
				done := make(chan struct{})
				go func() { _, _ = q.Get(bg); close(done) }()
				for gets, _ := q.Waiting(); gets == 0; gets, _ = q.Waiting() {
					runtime.Gosched()
				}
				_ = q.Put(bg, x)
				<-done
			},
			"refused": func(q subject[*thing], x *thing) {
				for q.Cap() > 0 && q.TryPut(nil) == nil {
				}
				if q.TryPut(x) == nil { // no bound
					_, _ = q.TryGet()
				}
				for !q.Empty() {
					_, _ = q.TryGet()
				}
			},
		}
		if capacity > 0 {
			waiting := func(q subject[*thing], x *thing, then func(cancel func())) {
				for q.TryPut(nil) == nil {
				}
				ctx, cancel := context.WithCancel(bg)
				defer cancel()
				done := make(chan struct{})
				go func() { _ = q.Put(ctx, x); close(done) }()
				for _, puts := q.Waiting(); puts == 0; _, puts = q.Waiting() {
					runtime.Gosched()
				}
				then(cancel)
				<-done
				for !q.Empty() {
					_, _ = q.TryGet()
				}
			}
			ways["moved in for a waiting Put"] = func(q subject[*thing], x *thing) {
				waiting(q, x, func(func()) { _, _ = q.Get(bg) })
			}
			ways["cancelled"] = func(q subject[*thing], x *thing) {
				waiting(q, x, func(cancel func()) { cancel() })
			}
		}
		for name, way := range ways {
			t.Run(fmt.Sprintf("cap=%d/%s", capacity, name), func(t *testing.T) {
				queues := []subject[*thing]{queue.New[*thing](capacity), large[*thing]{queue.New[parts[*thing]](capacity)}}
				if capacity > 0 {
					queues = append(queues, queue.NewSPSC[*thing](capacity))
				}
				for _, q := range queues {
					for range 3 {
						x := new(thing)
						p := weak.Make(x)
						way(q, x)
						x = nil
						require.True(t, gone(p), "%T", q)
					}
					runtime.KeepAlive(q)
				}
			})
		}
	}
}

// While they are in, of course, they are kept; so the test above can fail.
func TestItemsInTheQueueAreKeptAlive(t *testing.T) {
	for _, capacity := range []int{3, 0} {
		q := queue.New[*thing](capacity)
		p := func() weak.Pointer[thing] {
			x := new(thing)
			_ = q.Put(bg, x)
			return weak.Make(x)
		}()
		require.False(t, gone(p))
		x, err := q.Get(bg)
		require.NoError(t, err)
		require.Same(t, p.Value(), x)
	}
}

func TestNewStartsNoGoroutine(t *testing.T) {
	before := runtime.NumGoroutine()
	for i := range 100 {
		q := queue.New[int](i)
		_ = q.Put(bg, i)
		_, _ = q.Get(bg)
		q.Close()
	}
	require.LessOrEqual(t, runtime.NumGoroutine(), before) // less, if those of other tests end meanwhile
}

// A call that yields before it parks must not do so for long: beside a goroutine that
// only computes, every yield takes the 10 ms until that is preempted.
func TestCallsYieldWithMeasure(t *testing.T) {
	if stall.Enabled {
		t.Skip("nobody looks at the clock")
	}
	for name, q := range map[string]subject[int]{"queue": queue.New[int](8), "spsc": queue.NewSPSC[int](8), "tiny": queue.New[int](1)} {
		t.Run(name, func(t *testing.T) {
			const items = 4000
			defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
			ctx, stop := context.WithTimeout(t.Context(), time.Minute)
			defer stop()
			go func() {
				for ctx.Err() == nil {
				}
			}()
			go func() {
				for i := range items {
					_ = q.Put(ctx, i)
				}
				q.Close()
			}()
			start := time.Now()
			var got int
			for range q.All(ctx) {
				got++
			}
			require.Equal(t, items, got)
			require.Less(t, time.Since(start), items/8*10*time.Millisecond/2, "at least every other wait yields")
		})
	}
}

// Idle processor time can be measured in real time only. A spinning waiter would
// use all of it, a yielding one too.
func TestWaitersUseNoProcessor(t *testing.T) {
	if _, ok := cpu(); !ok {
		t.Skip("processor time cannot be measured here")
	}
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
		runtime.Gosched()
	}
	best := span // the collector and other tests' leavings may run in one span, not in all
	for range 5 {
		before, _ := cpu()
		time.Sleep(span)
		after, _ := cpu()
		best = min(best, after-before)
	}
	require.Less(t, best, span/100, "processor time of %d waiters in %v", 3*waiters, span)
	cancel()
	wg.Wait()
}
