package queue_test

import (
	"sync"
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
		var wg sync.WaitGroup
		for range 3 {
			wg.Go(func() {
				for i := range 10_000 {
					_ = q.Put(bg, i)
				}
			})
			wg.Go(func() {
				for range 10_000 {
					_, _ = q.Get(bg)
				}
			})
		}
		for range races(2000) {
			s := q.Stats()
			require.LessOrEqual(t, s.Gets, s.Puts)
			require.GreaterOrEqual(t, s.Len, 0)
			if capacity > 0 {
				require.LessOrEqual(t, s.Len, capacity)
			}
			require.False(t, s.WaitingGets > 0 && s.WaitingPuts > 0)
		}
		wg.Wait()
		s := q.Stats()
		require.Equal(t, queue.Stats{Cap: capacity, Puts: 30_000, Gets: 30_000}, s)
	}
}
