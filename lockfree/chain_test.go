package lockfree

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

func forChains(t *testing.T, test func(t *testing.T, c *Chain[int])) {
	for name, lap := range laps {
		t.Run(name, func(t *testing.T) {
			c := new(Chain[int])
			c.Init(FirstSlots, lap, new(sync.Mutex))
			test(t, c)
		})
	}
}

// rings returns the rings of c from first to last.
func rings[T any](c *Chain[T]) (all []*link[T]) {
	for r := c.first.Load(); r != nil; r = r.next.Load() {
		all = append(all, r)
	}
	return all
}

// grow puts v in, into a new ring if need be.
func grow(t *testing.T, c *Chain[int], v int) {
	t.Helper()
	require.Equal(t, OK, c.TryPut(v))
}

// take gets the item want, past drained rings.
func take(t *testing.T, c *Chain[int], want int) {
	t.Helper()
	v, s := c.TryGet()
	for s == Busy {
		v, s = c.TryGet()
	}
	require.Contains(t, []State{OK, Last}, s)
	require.Equal(t, want, v)
}

func TestChainKeepsOrderAcrossRings(t *testing.T) {
	forChains(t, func(t *testing.T, c *Chain[int]) {
		in, out := 0, 0
		for _, burst := range []int{1, 31, 32, 33, 100, 5000, 20000, 3, 0, 50000} {
			for range burst {
				grow(t, c, in)
				in++
				require.Equal(t, in-out, c.Len())
			}
			for range burst - burst/3 {
				take(t, c, out)
				out++
				require.Equal(t, in-out, c.Len())
			}
		}
		for ; out < in; out++ {
			take(t, c, out)
		}
		require.Zero(t, c.Len())
		mustBeEmptied(t, c.Last(), Empty)
	})
}

func TestChainGoesRoundInOneRing(t *testing.T) {
	forChains(t, func(t *testing.T, c *Chain[int]) {
		r := c.Last()
		for i := range 1000 {
			require.Equal(t, OK, c.TryPut(i))
			take(t, c, i)
		}
		require.Same(t, r, c.Last())
		require.Same(t, r, c.First())
	})
}

func TestChainLeavesDrainedRingsBehind(t *testing.T) {
	forChains(t, func(t *testing.T, c *Chain[int]) {
		const n = 100_000
		for i := range n {
			grow(t, c, i)
		}
		all := rings(c)
		require.Greater(t, len(all), 3)
		for i, r := range all[:len(all)-1] {
			require.NotZero(t, r.tail.Load()&retired, "ring %d", i)
			require.Equal(t, Retired, r.TryPut(0))
		}
		require.Zero(t, all[len(all)-1].tail.Load()&retired)
		for i := range n {
			take(t, c, i)
		}
		require.Len(t, rings(c), 1)
	})
}

func TestRingsOfAChainDoubleUpToABound(t *testing.T) {
	c := new(Chain[int])
	c.Init(FirstSlots, 0, new(sync.Mutex))
	want := FirstSlots
	for i := range 100_000 {
		grow(t, c, i)
	}
	for _, r := range rings(c) {
		require.Equal(t, want, r.Cap())
		want = min(2*want, largestBytes/16)
	}
	type big [1 << 20]byte
	require.Equal(t, largestSlots, successorCap[big](FirstSlots), "large items")
	require.Equal(t, 64, successorCap[struct{}](32), "items of no size")
}

func TestGrowOnlyAFullOpenRing(t *testing.T) {
	forChains(t, func(t *testing.T, c *Chain[int]) {
		require.Equal(t, Busy, c.grow(0), "grew an empty ring")
		for i := range FirstSlots {
			require.Equal(t, OK, c.TryPut(i))
		}
		require.Equal(t, Full, c.Last().TryPut(-1))
		take(t, c, 0)
		require.Equal(t, Busy, c.grow(-1), "grew a ring with room")
		require.Equal(t, OK, c.TryPut(FirstSlots))
		c.Last().Close()
		require.Equal(t, Busy, c.grow(-1), "grew a closed ring")
		require.Equal(t, Closed, c.TryPut(-1))
		require.True(t, c.Closed())
		for i := range FirstSlots {
			require.False(t, c.Drained())
			take(t, c, i+1)
		}
		require.True(t, c.Drained())
		_, s := c.TryGet()
		require.Equal(t, Drained, s)
	})
}

// A putter that found the ring retired goes on in its successor, also while the
// one that grew the chain is stopped before it has moved last.
func TestRetiredRingSendsPuttersOn(t *testing.T) {
	forChains(t, func(t *testing.T, c *Chain[int]) {
		old := c.last.Load()
		for i := range FirstSlots {
			grow(t, c, i)
		}
		grow(t, c, FirstSlots)
		c.last.Store(old) // as if the grower had not got so far
		require.Equal(t, FirstSlots+1, c.Len())
		require.False(t, c.Closed())
		require.Equal(t, Busy, c.TryPut(-1))
		require.NotSame(t, old, c.last.Load())
		require.Equal(t, OK, c.TryPut(FirstSlots+1))
		for i := range FirstSlots + 2 {
			take(t, c, i)
		}
	})
}

func TestShutPutMeansAllRingsAreDrained(t *testing.T) {
	forChains(t, func(t *testing.T, c *Chain[int]) {
		const n = 10 * FirstSlots
		for i := range n {
			grow(t, c, i)
		}
		for i := range n {
			require.False(t, c.Last().ShutPut())
			take(t, c, i)
		}
		require.True(t, c.Last().ShutPut())
		require.Equal(t, Gated, c.TryPut(0))
		require.Equal(t, Busy, c.grow(0), "grew behind the gate")
		require.True(t, c.Last().Close())
		c.Last().OpenPut()
		require.Equal(t, Closed, c.TryPut(0))
	})
}

// Getters, putters that grow, and an observer at once: exactly once, in order
// per producer, and Len between what must and what can be in.
func TestChainUnderLoad(t *testing.T) {
	const producers, consumers, each = 4, 4, 20_000
	c := new(Chain[int])
	c.Init(FirstSlots, 0, new(sync.Mutex))
	var put, got atomic.Int64
	seen := make([]atomic.Int32, producers*each)
	var wg sync.WaitGroup
	for p := range producers {
		wg.Go(func() {
			for i := range each {
				for c.TryPut(p*each+i) != OK {
				}
				put.Add(1)
			}
		})
	}
	for range consumers {
		wg.Go(func() {
			var last [producers]int
			for got.Load() < producers*each {
				v, s := c.TryGet()
				if s != OK {
					continue
				}
				got.Add(1)
				seen[v].Add(1)
				p, i := v/each, v%each+1
				if i <= last[p] {
					t.Errorf("item %d of producer %d after item %d", i, p, last[p])
				}
				last[p] = i
			}
		})
	}
	wg.Go(func() {
		for got.Load() < producers*each {
			low, most := put.Load(), int64(producers*each)
			taken := got.Load()
			n := int64(c.Len())
			// What was put before, less all that was taken by now and a claim
			// of each consumer that has not been counted yet, is in.
			if now := got.Load() + consumers; n < low-now || n > most-taken {
				t.Errorf("Len %d, want between %d and %d", n, low-now, most-taken)
			}
		}
	})
	wg.Wait()
	for v := range seen {
		require.EqualValues(t, 1, seen[v].Load(), fmt.Sprintf("item %d", v))
	}
	require.Zero(t, c.Len())
}
