package queue_test

import (
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/parkring/queue"
)

func TestStatsCountEverything(t *testing.T) {
	conform(t, everyKind(), func(t *testing.T, q *queue.Queue[int]) {
		require.Equal(t, queue.Stats{Cap: q.Cap()}, q.Stats())
		get := goGet(q)
		require.Equal(t, queue.Stats{Cap: q.Cap(), WaitingGets: 1}, q.Stats())
		mustPut(t, q, 0) // handed over
		get.got(t, 0)
		require.Equal(t, queue.Stats{Cap: q.Cap(), Puts: 1, Gets: 1}, q.Stats())
		for range 3 { // round the ring
			n := fill(t, q)
			mustGet(t, q, upTo(n)...)
		}
		n := fill(t, q)
		want := queue.Stats{Cap: q.Cap(), Len: n, Puts: uint64(1 + 4*n), Gets: uint64(1 + 3*n)}
		require.Equal(t, want, q.Stats())
		if q.Cap() > 0 {
			put := goPut(q, n)
			want.WaitingPuts = 1
			require.Equal(t, want, q.Stats())
			mustGet(t, q, 0)
			put.ended(t, nil)
			want.WaitingPuts = 0
			want.Puts++
			want.Gets++
			require.Equal(t, want, q.Stats())
		}
		q.CloseNow()
		want.Len, want.Gets, want.Closed = 0, want.Puts, true
		require.Equal(t, want, q.Stats())
	})
}

func TestStatsUnderLoad(t *testing.T) {
	for _, capacity := range []int{1, 3, 64, 0} {
		q := queue.New[int](capacity)
		var putters, getters sync.WaitGroup
		var puts, gets atomic.Uint64
		var stop atomic.Bool
		for range 3 {
			putters.Go(func() {
				for !stop.Load() {
					_ = q.Put(bg, 1)
					puts.Add(1)
				}
			})
			getters.Go(func() {
				for range q.All(bg) {
					gets.Add(1)
				}
			})
		}
		busy := 0 // snapshots that saw an item, or a call that waits
		for n := 0; n < races(2000) || busy < 10; n++ {
			require.Less(t, n, 1_000_000, "%d snapshots while somebody puts or gets", busy)
			s := q.Stats()
			require.LessOrEqual(t, s.Gets, s.Puts)
			require.GreaterOrEqual(t, s.Len, 0)
			if capacity > 0 {
				require.LessOrEqual(t, s.Len, capacity)
			}
			require.False(t, s.WaitingGets > 0 && s.WaitingPuts > 0)
			if s.Len+s.WaitingGets+s.WaitingPuts > 0 {
				busy++
			}
			if busy < 10 {
				runtime.Gosched() // with one processor the others come only now
			}
		}
		stop.Store(true)
		putters.Wait()
		q.Close()
		getters.Wait()
		require.Equal(t, puts.Load(), gets.Load())
		require.Equal(t, queue.Stats{Cap: capacity, Puts: puts.Load(), Gets: gets.Load(), Closed: true}, q.Stats())
	}
}
