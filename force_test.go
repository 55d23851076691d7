package queue_test

import (
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/parkring/queue"
)

func TestForcePutPushesTheOldestOut(t *testing.T) {
	conform(t, bounded(), func(t *testing.T, q *queue.Queue[int]) {
		n := fill(t, q)
		for i := range 3 * n {
			old, ok, err := q.ForcePut(n + i)
			require.NoError(t, err)
			require.True(t, ok)
			require.Equal(t, i, old)
			require.Equal(t, n, q.Len())
		}
		mustGet(t, q, 3*n)
		old, ok, err := q.ForcePut(-1) // there is room
		require.NoError(t, err)
		require.False(t, ok)
		require.Zero(t, old)
		require.Equal(t, n, q.Len())
	})
}

func TestForcePutWithoutABound(t *testing.T) {
	conform(t, []variant{{capacity: 0}}, func(t *testing.T, q *queue.Queue[int]) {
		for i := range 1000 {
			_, ok, err := q.ForcePut(i)
			require.NoError(t, err)
			require.False(t, ok)
		}
		mustGet(t, q, upTo(1000)...)
	})
}

func TestForcePutToAClosedQueue(t *testing.T) {
	conform(t, everyKind(), func(t *testing.T, q *queue.Queue[int]) {
		n := fill(t, q)
		q.Close()
		old, ok, err := q.ForcePut(-1)
		require.Equal(t, queue.ErrClosed, err)
		require.False(t, ok)
		require.Zero(t, old)
		mustGet(t, q, upTo(n)...)
	})
}

func TestForcePutHandsOver(t *testing.T) {
	conform(t, everyKind(), func(t *testing.T, q *queue.Queue[int]) {
		get := goGet(q)
		_, ok, err := q.ForcePut(1)
		require.NoError(t, err)
		require.False(t, ok)
		get.got(t, 1)
	})
}

// It goes ahead of waiting Puts, and they keep their places.
func TestForcePutTakesNoPlaceFromWaitingPuts(t *testing.T) {
	conform(t, bounded(), func(t *testing.T, q *queue.Queue[int]) {
		n := fill(t, q)
		first, second := goPut(q, n+1), goPut(q, n+2)
		old, ok, err := q.ForcePut(n)
		require.NoError(t, err)
		require.True(t, ok)
		require.Zero(t, old)
		first.waits(t)
		mustGet(t, q, 1)
		first.ended(t, nil)
		second.waits(t)
		mustGet(t, q, upTo(n + 2)[2:]...)
		second.ended(t, nil)
		mustGet(t, q, n+2)
	})
}

func TestForcePutAllocatesNothing(t *testing.T) {
	q := queue.New[int](8)
	require.Zero(t, testing.AllocsPerRun(1000, func() { _, _, _ = q.ForcePut(1) }))
}

// Exactly once: an item is with a consumer, or pushed out, or in at the end.
func TestForcePutUnderLoad(t *testing.T) {
	const producers, each = 4, 20_000
	for _, capacity := range []int{1, 2, 7, 64} {
		defer watch(t)()
		q := queue.New[int](capacity)
		places := make([]atomic.Int32, producers*each)
		var putting, getting sync.WaitGroup
		for p := range producers {
			putting.Go(func() {
				for i := range each {
					v := p*each + i
					if v%3 == 0 {
						if q.Put(bg, v) != nil {
							t.Error("Put failed")
						}
						continue
					}
					old, ok, err := q.ForcePut(v)
					if err != nil {
						t.Error("ForcePut:", err)
					}
					if ok {
						places[old].Add(1)
					}
				}
			})
		}
		for range 2 {
			getting.Go(func() {
				for v := range q.All(bg) {
					places[v].Add(1)
				}
			})
		}
		putting.Wait()
		q.Close()
		getting.Wait()
		for v := range places {
			require.EqualValues(t, 1, places[v].Load(), "places of item %d", v)
		}
	}
}
