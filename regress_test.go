package queue_test

import (
	"context"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/parkring/queue"
)

// This file has a test for each bug that others of our kind have had, and that
// ours could have. The comment names where it was seen, or the step of our
// protocol that the test stands guard over.
//
// Races run for real, in a bubble: when everything comes to rest, a waiter that
// should have been served is found at once, without a timeout.

// races says how often a race is run.
func races(n int) int {
	if testing.Short() {
		return n / 10
	}
	return n
}

// sometimes delays a goroutine, or not, so that races fall out differently.
func sometimes() {
	for n := rand.IntN(100); n > 0; n-- {
		if n%32 == 0 {
			runtime.Gosched()
		}
	}
}

// A "false" that means "lost a race" (xsync TryEnqueue, Workiva Offer): each
// goroutine has at most one item in, so it never finds the queue full before its
// put, nor empty after it.
func TestTryNeverFailsForALostRace(t *testing.T) {
	const goroutines = 4
	for _, k := range []variant{{capacity: goroutines}, {capacity: 2 * goroutines}, {capacity: 0}} {
		q := k.make()
		var wg sync.WaitGroup
		for range goroutines {
			wg.Go(func() {
				for i := range races(20_000) {
					if err := q.TryPut(i); err != nil {
						t.Errorf("TryPut: %v, with room for everybody", err)
						return
					}
					if _, err := q.TryGet(); err != nil {
						t.Errorf("TryGet: %v, after a TryPut", err)
						return
					}
				}
			})
		}
		wg.Wait()
	}
}

// The same at capacity 1, where one goroutine alone must never fail, whatever
// others look at.
func TestTryIsStrictWhileOthersLook(t *testing.T) {
	for _, k := range everyKind() {
		q := k.make()
		stop := make(chan struct{})
		var wg sync.WaitGroup
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if n := q.Len(); n < 0 || n > 1 {
					t.Errorf("Len %d with at most one item in", n)
					return
				}
				if q.Drained() || q.Closed() {
					t.Error("closed, or drained")
					return
				}
			}
		})
		for i := range races(20_000) {
			if err := q.TryPut(i); err != nil {
				t.Fatalf("TryPut: %v", err)
			}
			if v, err := q.TryGet(); err != nil || v != i {
				t.Fatalf("TryGet: %d, %v, want %d", v, err, i)
			}
		}
		close(stop)
		wg.Wait()
	}
}

// A getter that stays asleep after close when there are more getters than items
// (aiochannel #13).
func TestMoreGetsThanItemsAtClose(t *testing.T) {
	for range races(2000) {
		conform(t, []variant{{capacity: 1}, {capacity: 0}}, func(t *testing.T, q *queue.Queue[int]) {
			const getters, items = 6, 3
			var delivered, closed atomic.Int32
			for range getters {
				go func() {
					sometimes()
					if _, err := q.Get(bg); err == nil {
						delivered.Add(1)
					} else if err == queue.ErrClosed {
						closed.Add(1)
					}
				}()
			}
			for i := range items {
				sometimes()
				if err := q.Put(bg, i); err != nil {
					t.Error(err)
				}
			}
			q.Close()
			synctest.Wait()
			require.EqualValues(t, items, delivered.Load())
			require.EqualValues(t, getters-items, closed.Load())
		})
	}
}

// A waiter that is cancelled just before close (aiochannel #3).
func TestCancelledThenClosed(t *testing.T) {
	conform(t, everyKind(), func(t *testing.T, q *queue.Queue[int]) {
		g := goGet(q)
		g.cancel()
		g.ended(t, context.Canceled)
		q.Close()
		mustBeDrained(t, q)
	})
}

// A wake-up that is swallowed by a waiter that is being cancelled
// (asyncio bpo-23812, golang/go#37852, anyio #1075, crossfire #22): whichever
// way the race goes, the item is with exactly one getter.
func TestCancelDoesNotSwallowAnItem(t *testing.T) {
	for range races(3000) {
		conform(t, []variant{{capacity: 1}, {capacity: 0}}, func(t *testing.T, q *queue.Queue[int]) {
			first, second := goGet(q), goGet(q)
			go func() { sometimes(); first.cancel() }()
			go func() { sometimes(); assert.NoError(t, q.Put(bg, 5)) }()
			synctest.Wait()
			require.True(t, first.returned)
			if first.err == nil { // served before it was cancelled
				require.Equal(t, 5, first.v)
				second.waits(t)
				mustPut(t, q, 6)
				second.got(t, 6)
			} else {
				require.Equal(t, context.Canceled, first.err)
				second.got(t, 5)
			}
			require.Zero(t, q.Len())
		})
	}
}

// The mirror image: room that is swallowed by a putter that is being cancelled,
// or an item that is in the queue although its Put failed, or the reverse.
func TestCancelDoesNotSwallowRoom(t *testing.T) {
	for range races(3000) {
		conform(t, []variant{{capacity: 1}, {capacity: 2}}, func(t *testing.T, q *queue.Queue[int]) {
			n := fill(t, q)
			first, second := goPut(q, n), goPut(q, n+1)
			go func() { sometimes(); first.cancel() }()
			go func() { sometimes(); _, err := q.Get(bg); assert.NoError(t, err) }()
			synctest.Wait()
			require.True(t, first.returned)
			want := upTo(n + 1)[1:]
			if first.err == nil {
				second.waits(t)
				mustGet(t, q, want[0])
				want = want[1:]
			} else {
				require.Equal(t, context.Canceled, first.err)
				want = want[:len(want)-1]
			}
			second.ended(t, nil)
			mustGet(t, q, append(want, n+1)...)
		})
	}
}

// An item that is in neither the buffer nor the list of waiting putters while it
// moves from one to the other, so that a get that comes by with a close sees
// "drained" (Kotlin, kotlinx.coroutines PR 1736). Tail behind head inside Swap,
// or tail read before head in TryGet, would be the same bug here.
func TestNoItemIsBetweenChairsDuringClose(t *testing.T) {
	for range races(10_000) {
		conform(t, []variant{{capacity: 1}}, func(t *testing.T, q *queue.Queue[int]) {
			const putters, getters = 4, 3
			mustPut(t, q, 0)
			for i := range putters {
				goPut(q, i+1)
			}
			var delivered atomic.Int32
			go func() { sometimes(); q.Close() }()
			for range getters {
				go func() {
					sometimes()
					for {
						switch _, err := q.TryGet(); err {
						case nil:
							delivered.Add(1)
						case queue.ErrClosed:
							// The bug would show here: others have all there is.
							if n := q.Len(); n != 0 {
								t.Errorf("ErrClosed with %d items in the queue", n)
							}
							return
						}
						runtime.Gosched()
					}
				}()
			}
			synctest.Wait()
			require.EqualValues(t, putters+1, delivered.Load())
		})
	}
}

// A put that succeeds after another was told that the queue is closed, or an
// item accepted that nobody is given (TooManyCooks #219, bytedance/gopkg #211).
func TestCloseRacesWithPuts(t *testing.T) {
	for range races(3000) {
		conform(t, []variant{{capacity: 1}, {capacity: 3}, {capacity: 0}}, func(t *testing.T, q *queue.Queue[int]) {
			var accepted, delivered atomic.Int32
			var closing atomic.Bool
			for range 3 {
				go func() {
					for {
						sometimes()
						late := closing.Load()
						err := q.Put(bg, 1)
						if err == nil {
							accepted.Add(1)
							if late {
								t.Error("Put accepted after Close returned")
							}
							continue
						}
						if err != queue.ErrClosed {
							t.Error(err)
						}
						return
					}
				}()
			}
			for range 2 {
				go func() {
					for range q.All(bg) {
						delivered.Add(1)
					}
				}()
			}
			go func() {
				for range 20 {
					sometimes()
				}
				q.Close()
				closing.Store(true)
			}()
			synctest.Wait()
			require.Equal(t, accepted.Load(), delivered.Load())
			mustBeDrained(t, q)
		})
	}
}

// A putter that is about to wait while Close runs: it is either admitted and
// delivered, or told ErrClosed, and never asleep for good.
func TestCloseRacesWithAPutThatIsAboutToWait(t *testing.T) {
	for range races(3000) {
		conform(t, []variant{{capacity: 1}, {capacity: 2}}, func(t *testing.T, q *queue.Queue[int]) {
			n := fill(t, q)
			admitted := goPut(q, n) // so that the gate is up already
			late := &call{cancel: func() {}}
			go func() { sometimes(); late.err = q.Put(bg, n+1); late.returned = true }()
			go func() { sometimes(); q.Close() }()
			synctest.Wait()
			require.True(t, q.Closed())
			mustGet(t, q, upTo(n+1)...)
			admitted.ended(t, nil)
			require.True(t, late.returned || q.Len() == 1)
			if synctest.Wait(); late.err == nil {
				mustGet(t, q, n+1)
				late.ended(t, nil)
			} else {
				late.ended(t, queue.ErrClosed)
			}
			mustBeDrained(t, q)
		})
	}
}

// A getter that is about to wait while Close runs (poco #5213: a wake-all misses
// whoever registers after it).
func TestCloseRacesWithAGetThatIsAboutToWait(t *testing.T) {
	for range races(2000) {
		conform(t, []variant{{capacity: 1}, {capacity: 0}}, func(t *testing.T, q *queue.Queue[int]) {
			var ended atomic.Int32
			for range 3 {
				go func() {
					sometimes()
					if _, err := q.Get(bg); err == queue.ErrClosed {
						ended.Add(1)
					}
				}()
			}
			go func() { sometimes(); q.Close() }()
			synctest.Wait()
			require.EqualValues(t, 3, ended.Load())
		})
	}
}

// A lost wake-up: a Get goes to sleep while a Put comes in, and neither sees the
// other (any parking without the unchanged-word CAS).
func TestPutRacesWithAGetThatIsAboutToWait(t *testing.T) {
	for range races(6000) {
		conform(t, []variant{{capacity: 1}, {capacity: 0}}, func(t *testing.T, q *queue.Queue[int]) {
			var got atomic.Int32
			for range 2 {
				go func() {
					sometimes()
					if _, err := q.Get(bg); err == nil {
						got.Add(1)
					}
				}()
				go func() { sometimes(); assert.NoError(t, q.Put(bg, 1)) }()
			}
			synctest.Wait()
			require.EqualValues(t, 2, got.Load())
		})
	}
}

// The mirror image, with a Put that goes to sleep while a Get makes room.
func TestGetRacesWithAPutThatIsAboutToWait(t *testing.T) {
	for range races(6000) {
		conform(t, []variant{{capacity: 1}, {capacity: 2}}, func(t *testing.T, q *queue.Queue[int]) {
			n := fill(t, q)
			var done atomic.Int32
			for range 2 {
				go func() { sometimes(); assert.NoError(t, q.Put(bg, 1)); done.Add(1) }()
				go func() { sometimes(); _, err := q.Get(bg); assert.NoError(t, err); done.Add(1) }()
			}
			synctest.Wait()
			require.EqualValues(t, 4, done.Load())
			require.Equal(t, n, q.Len())
			for !q.Empty() {
				_, err := q.TryGet()
				require.NoError(t, err)
			}
		})
	}
}

// A waiting putter is overtaken by one that comes later (CPython gh-83055): the
// items of one producer arrive in order although it puts them from goroutines of
// their own, one after the other.
func TestBlockedPutsKeepTheirOrder(t *testing.T) {
	conform(t, bounded(), func(t *testing.T, q *queue.Queue[int]) {
		const n = 200
		go func() {
			for i := range n {
				go func() { assert.NoError(t, q.Put(bg, i)) }()
				time.Sleep(time.Second) // until Put i has gone in, or waits
			}
		}()
		for i := range n {
			if i%7 == 0 {
				time.Sleep(time.Duration(i%5) * 10 * time.Second) // let some pile up
			}
			v, err := q.Get(bg)
			require.NoError(t, err)
			require.Equal(t, i, v)
		}
	})
}

// A goroutine that has been served but does not run for a long time stops nobody
// else (async-channel #45, forget_blocked_receiver). It sleeps on a channel, so
// "does not run" is a waiter that is woken but whose turn has not come: with one
// processor and a busy goroutine in front of it.
func TestServedButNotRunningStopsNobody(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	q := queue.New[int](1)
	ready := make(chan struct{})
	got := make(chan int, 1)
	go func() {
		close(ready)
		v, err := q.Get(bg)
		assert.NoError(t, err)
		got <- v
	}()
	<-ready
	for gets, _ := q.Waiting(); gets == 0; gets, _ = q.Waiting() {
		runtime.Gosched()
	}
	mustPut(t, q, 1) // to the sleeper, which cannot run yet
	for i := range 100 {
		mustPut(t, q, i)
		mustGet(t, q, i)
	}
	require.Equal(t, 1, <-got)
}

// A wait on a slot in flight that spins instead of yielding stops everything
// when there is one processor (rigtorp #18, crossbeam #821, golang/go#13527).
func TestOneProcessorIsEnough(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	for _, k := range []variant{{capacity: 1}, {capacity: 2}, {capacity: 0}} {
		q := k.make()
		const goroutines, each = 8, 2000
		var sum atomic.Int64
		var putters, getters sync.WaitGroup
		for range goroutines {
			putters.Go(func() {
				for i := range each {
					if err := q.Put(bg, i); err != nil {
						t.Error(err)
					}
				}
			})
			getters.Go(func() {
				for v := range q.All(bg) {
					sum.Add(int64(v))
				}
			})
		}
		putters.Wait()
		q.Close()
		getters.Wait()
		require.EqualValues(t, goroutines*each*(each-1)/2, sum.Load())
	}
}

// Len and Full while Gets move waiting Puts in: the queue is full at every
// instant (JCTools testSizeGtCapacity, folly's negative sizes; tail before head
// inside Swap).
func TestLenIsExactDuringPromotions(t *testing.T) {
	for _, capacity := range []int{1, 2, 3} {
		q := queue.New[int](capacity)
		const each = 5000
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				for i := range each {
					if err := q.Put(bg, i); err != nil {
						t.Error(err)
					}
				}
			})
		}
		stop := make(chan struct{})
		var looking sync.WaitGroup
		looking.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if n := q.Len(); n < 0 || n > capacity {
					t.Errorf("Len %d with capacity %d", n, capacity)
				}
			}
		})
		for range 8 * each {
			if _, err := q.Get(bg); err != nil {
				t.Fatal(err)
			}
		}
		wg.Wait()
		close(stop)
		looking.Wait()
		require.Zero(t, q.Len())
	}
}

// A queue used across testing/synctest bubbles: waiters that came from a common
// pool would bring a channel of another bubble (tailscale #20693).
func TestQueuesOfDifferentBubblesShareNothing(t *testing.T) {
	outside := queue.New[int](1)
	wait := func() {
		done := make(chan struct{})
		go func() { _, _ = outside.Get(bg); close(done) }()
		for gets, _ := outside.Waiting(); gets == 0; gets, _ = outside.Waiting() {
			runtime.Gosched()
		}
		mustPut(t, outside, 1)
		<-done
	}
	for range 3 {
		wait()
		synctest.Test(t, func(t *testing.T) {
			q := queue.New[int](1)
			g := goGet(q)
			mustPut(t, q, 1)
			g.got(t, 1)
		})
	}
}

// A bounded queue is a semaphore: what was done before a get happens before the
// return of the put that is Cap items later. The race detector sees if not.
func TestGetSynchronizesBeforeALaterPut(t *testing.T) {
	buf := make([]struct{}, 1)
	enter := map[string]func(q *queue.Queue[struct{}]) error{
		"Put":      func(q *queue.Queue[struct{}]) error { return q.Put(bg, struct{}{}) },
		"PutBatch": func(q *queue.Queue[struct{}]) error { _, err := q.PutBatch(bg, buf); return err },
		"Select": func(q *queue.Queue[struct{}]) error {
			_, err := queue.Select(bg, q.PutCase(struct{}{}))
			return err
		},
	}
	for name, enter := range enter {
		t.Run(name, func(t *testing.T) {
			q := queue.New[struct{}](1)
			n := 0 // guarded by q
			var wg sync.WaitGroup
			for range 4 {
				wg.Go(func() {
					for i := range 2000 {
						if err := enter(q); err != nil {
							t.Error(err)
						}
						n++
						var err error
						if i%2 == 0 {
							_, err = q.TryGet()
						} else {
							_, err = q.TryGetBatch(make([]struct{}, 1))
						}
						if err != nil {
							t.Error(err)
						}
					}
				})
			}
			wg.Wait()
			require.Equal(t, 4*2000, n)
		})
	}
}
