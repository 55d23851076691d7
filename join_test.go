package queue_test

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/parkring/queue"
)

// goJoin starts a Join.
func goJoin(q *queue.Queue[int]) *call {
	ctx, cancel := context.WithCancel(bg)
	c := &call{cancel: cancel}
	go func() { defer cancel(); c.err = q.Join(ctx); c.returned = true }()
	synctest.Wait()
	return c
}

func TestJoinWaitsUntilAllIsDone(t *testing.T) {
	conform(t, everyKind(), func(t *testing.T, q *queue.Queue[int]) {
		require.NoError(t, q.Join(bg), "nothing to wait for")
		n := fill(t, q)
		require.Equal(t, n, q.Unfinished())
		joins := []*call{goJoin(q), goJoin(q)}
		for i := range n {
			mustGet(t, q, i)
		}
		require.Equal(t, n, q.Unfinished(), "taken is not done")
		for i := range n {
			joins[0].waits(t)
			require.Equal(t, n-i, q.Unfinished())
			q.TaskDone()
		}
		for _, j := range joins {
			j.ended(t, nil)
		}
		require.Zero(t, q.Unfinished())
		var none context.Context // never ends
		require.NoError(t, q.Join(none))
	})
}

func TestJoinCountsItemsHandedOver(t *testing.T) {
	conform(t, everyKind(), func(t *testing.T, q *queue.Queue[int]) {
		get := goGet(q)
		mustPut(t, q, 1) // beside the ring
		get.got(t, 1)
		require.Equal(t, 1, q.Unfinished())
		join := goJoin(q)
		join.waits(t)
		q.TaskDone()
		join.ended(t, nil)
	})
}

func TestJoinCountsPromotedItemsAndNoneThatWait(t *testing.T) {
	conform(t, bounded(), func(t *testing.T, q *queue.Queue[int]) {
		n := fill(t, q)
		put, left := goPut(q, n), goPut(q, -1)
		require.Equal(t, n, q.Unfinished())
		left.cancel()
		left.ended(t, context.Canceled)
		mustGet(t, q, 0)
		put.ended(t, nil)
		require.Equal(t, n+1, q.Unfinished())
		q.CloseNow()
		require.Equal(t, 1, q.Unfinished())
	})
}

func TestItemsTakenOutCountAsDone(t *testing.T) {
	conform(t, everyKind(), func(t *testing.T, q *queue.Queue[int]) {
		fill(t, q)
		mustGet(t, q, 0)
		join := goJoin(q)
		q.CloseNow()
		require.Equal(t, 1, q.Unfinished())
		join.waits(t)
		q.TaskDone()
		join.ended(t, nil)
	})
	conform(t, bounded(), func(t *testing.T, q *queue.Queue[int]) {
		n := fill(t, q)
		_, ok, err := q.ForcePut(n)
		require.True(t, ok)
		require.NoError(t, err)
		require.Equal(t, n, q.Unfinished())
	})
}

func TestJoinEndsWithItsContext(t *testing.T) {
	conform(t, everyKind(), func(t *testing.T, q *queue.Queue[int]) {
		mustPut(t, q, 1)
		join, other := goJoin(q), goJoin(q)
		join.cancel()
		join.ended(t, context.Canceled)
		other.waits(t)
		require.Equal(t, context.Canceled, q.Join(cancelled()))
		mustGet(t, q, 1)
		q.TaskDone()
		other.ended(t, nil)
		require.NoError(t, q.Join(cancelled()), "nothing to wait for")
	})
}

func cancelled() context.Context {
	ctx, cancel := context.WithCancel(bg)
	cancel()
	return ctx
}

// A Join returns if nothing was unfinished when a TaskDone looked, also if
// something is again when the Join runs.
func TestJoinIsToldOfAnInstant(t *testing.T) {
	conform(t, everyKind(), func(t *testing.T, q *queue.Queue[int]) {
		mustPut(t, q, 1)
		join := goJoin(q)
		mustGet(t, q, 1)
		q.TaskDone()
		mustPut(t, q, 2) // before the Join runs again
		later := goJoin(q)
		join.ended(t, nil)
		later.waits(t)
		mustGet(t, q, 2)
		q.TaskDone()
		later.ended(t, nil)
	})
}

func TestMoreTaskDoneThanItemsPanics(t *testing.T) {
	conform(t, everyKind(), func(t *testing.T, q *queue.Queue[int]) {
		const want = "queue: more TaskDone than items"
		require.PanicsWithValue(t, want, q.TaskDone)
		mustPut(t, q, 1)
		mustGet(t, q, 1)
		q.TaskDone()
		require.PanicsWithValue(t, want, q.TaskDone)
		mustPut(t, q, 2)
		require.Equal(t, 1, q.Unfinished(), "a panic leaves no trace")
	})
}

// TaskDone may come before the item is taken; CloseNow and ForcePut count no item
// twice then.
func TestTaskDoneOfAnItemThatIsTakenOut(t *testing.T) {
	conform(t, everyKind(), func(t *testing.T, q *queue.Queue[int]) {
		n := fill(t, q)
		q.TaskDone()
		if q.Full() {
			_, _, err := q.ForcePut(n)
			require.NoError(t, err)
			require.Equal(t, n-1, q.Unfinished())
		}
		q.CloseNow()
		require.Zero(t, q.Unfinished())
		require.NoError(t, q.Join(ended))
	})
}

// Rounds of work for many: after each Join everything that was put before it has
// been done.
func TestJoinUnderLoad(t *testing.T) {
	for _, capacity := range []int{1, 3, 64, 0} {
		defer watch(t)()
		q := queue.New[int](capacity)
		var workers sync.WaitGroup
		total := 0 // plain: Join synchronizes
		var mu sync.Mutex
		for range 4 {
			workers.Go(func() {
				for v := range q.All(bg) {
					mu.Lock()
					total += v
					mu.Unlock()
					q.TaskDone()
				}
			})
		}
		want := 0
		for range races(500) {
			var producers sync.WaitGroup
			for range 3 {
				producers.Go(func() {
					for range 10 {
						_ = q.Put(bg, 1)
					}
				})
			}
			producers.Wait()
			want += 30
			require.NoError(t, q.Join(bg))
			require.Equal(t, want, total)
			require.Zero(t, q.Unfinished())
		}
		q.Close()
		workers.Wait()
	}
}

// TaskDone of the last item, and a Join that is about to wait.
func TestTaskDoneRacesWithJoin(t *testing.T) {
	for range races(2000) {
		synctest.Test(t, func(t *testing.T) {
			q := queue.New[int](1)
			mustPut(t, q, 1)
			mustGet(t, q, 1)
			go func() {
				sometimes()
				q.TaskDone()
			}()
			ctx, cancel := context.WithTimeout(bg, time.Hour) // in virtual time: when all rests
			defer cancel()
			sometimes()
			require.NoError(t, q.Join(ctx))
		})
	}
}

// What is taken out counts as done at that instant.
func TestWhatIsTakenOutIsDone(t *testing.T) {
	for _, capacity := range []int{1, 8, 1000} {
		t.Run(fmt.Sprint(capacity), func(t *testing.T) {
			q := queue.New[int](capacity)
			fill(t, q)
			var halt atomic.Bool
			var wg sync.WaitGroup
			wg.Go(func() {
				for !halt.Load() {
					if n := q.Unfinished(); n != capacity {
						t.Errorf("ForcePut into a full queue: %d unfinished", n)
						return
					}
					runtime.Gosched()
				}
			})
			for i := range races(20_000) {
				_, ok, err := q.ForcePut(i)
				require.True(t, ok)
				require.NoError(t, err)
			}
			halt.Store(true)
			wg.Wait()

			for range races(200) {
				q := queue.New[int](capacity)
				fill(t, q)
				for range 100 { // whom CloseNow has to wake, which takes a while
					wg.Go(func() { _ = q.Put(bg, 0) })
				}
				for _, puts := q.Waiting(); puts < 100; _, puts = q.Waiting() {
					runtime.Gosched()
				}
				wg.Go(func() {
					for !q.Drained() {
						runtime.Gosched()
					}
					if n := q.Unfinished(); n != 0 {
						t.Errorf("drained by CloseNow: %d unfinished", n)
					}
				})
				runtime.Gosched()
				q.CloseNow()
				wg.Wait()
			}
		})
	}
}
