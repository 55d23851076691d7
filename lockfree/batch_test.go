package lockfree

import (
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

// A bounded buffer, or one without a bound, as far as batches are concerned.
type batcher interface {
	TryPut(int) State
	TryGet() (int, State)
	TryPutBatch([]int) (int, State)
	TryGetBatch([]int) (int, State)
	Len() int
	Cap() int
}

// forBatchers runs test on rings, the longest run and its neighbours among the
// capacities, and on a chain.
func forBatchers(t *testing.T, test func(t *testing.T, b batcher)) {
	for name, lap := range laps {
		for _, capacity := range []int{1, 2, 3, 5, 7, 8, longest - 1, longest, longest + 1, 100, 128, 200} {
			t.Run(fmt.Sprintf("cap=%d/%s", capacity, name), func(t *testing.T) {
				r := new(Ring[int])
				r.Init(capacity, lap)
				test(t, r)
			})
			t.Run(fmt.Sprintf("spsc/cap=%d/%s", capacity, name), func(t *testing.T) {
				r := new(SPSC[int])
				r.Init(capacity, lap)
				test(t, r)
			})
		}
		t.Run("chain/"+name, func(t *testing.T) {
			c := new(Chain[int])
			c.Init(4, lap, new(sync.Mutex))
			test(t, c)
		})
	}
}

// Batches and single calls in any mixture, by one goroutine: nothing is lost, all
// is in order, the capacity is exact, and a batch does all that can be done at once.
func TestBatchesAndSinglesInAnyMixture(t *testing.T) {
	forBatchers(t, func(t *testing.T, b batcher) {
		rng := rand.New(rand.NewPCG(1, uint64(b.Cap())))
		most := longest // in a batch
		if _, ok := b.(*SPSC[int]); ok {
			most = math.MaxInt
		}
		in, out := 0, 0
		steps := 20_000
		if testing.Short() {
			steps /= 10
		}
		size := func() int { return []int{1, 2, 3, 5, 63, 64, 65, 200, 1 + rng.IntN(100)}[rng.IntN(9)] }
		for range steps {
			room := b.Cap() - (in - out)
			switch rng.IntN(4) {
			case 0:
				s := b.TryPut(in)
				if b.Cap() > 0 && room == 0 {
					require.Equal(t, Full, s)
					break
				}
				require.Equal(t, OK, s)
				in++
			case 1:
				vs := make([]int, size())
				for i := range vs {
					vs[i] = in + i
				}
				n, s := b.TryPutBatch(vs)
				in += n
				switch {
				case b.Cap() == 0:
					require.Positive(t, n)
				case room == 0:
					require.Equal(t, Full, s)
					require.Zero(t, n)
				default:
					require.Equal(t, OK, s)
					require.Equal(t, min(len(vs), room, most), n)
				}
			case 2:
				v, s := b.TryGet()
				for s == Busy {
					v, s = b.TryGet()
				}
				if in == out {
					require.Equal(t, Empty, s)
					break
				}
				require.Equal(t, OK, s)
				require.Equal(t, out, v)
				out++
			case 3:
				buf := make([]int, size())
				n, s := b.TryGetBatch(buf)
				for s == Busy {
					n, s = b.TryGetBatch(buf)
				}
				if in == out {
					require.Equal(t, Empty, s)
					require.Zero(t, n)
					break
				}
				require.Equal(t, OK, s)
				if b.Cap() > 0 {
					require.Equal(t, min(len(buf), in-out, most), n)
				}
				for i := range n {
					require.Equal(t, out+i, buf[i])
				}
				out += n
			}
			require.Equal(t, in-out, b.Len())
		}
	})
}

// The same by many at once: exactly once, and in order per producer.
func TestBatchesUnderLoad(t *testing.T) {
	forBatchers(t, func(t *testing.T, b batcher) {
		if _, ok := b.(*SPSC[int]); ok {
			return // not for many
		}
		const producers, consumers = 3, 3
		each := 1_500
		if testing.Short() {
			each = 500
		}
		var got atomic.Int64
		seen := make([]atomic.Int32, producers*each)
		var wg sync.WaitGroup
		for p := range producers {
			wg.Go(func() {
				rng := rand.New(rand.NewPCG(2, uint64(p)))
				for i := 0; i < each; {
					vs := make([]int, min(1+rng.IntN(70), each-i))
					for j := range vs {
						vs[j] = p*each + i + j
					}
					n := 0
					if len(vs) > 1 {
						n, _ = b.TryPutBatch(vs)
					} else if b.TryPut(vs[0]) == OK {
						n = 1
					}
					if i += n; n == 0 {
						runtime.Gosched()
					}
				}
			})
		}
		for c := range consumers {
			wg.Go(func() {
				rng := rand.New(rand.NewPCG(3, uint64(c)))
				var last [producers]int
				for got.Load() < int64(producers*each) {
					buf := make([]int, 1+rng.IntN(70))
					n := 0
					if len(buf) > 1 {
						n, _ = b.TryGetBatch(buf)
					} else if v, s := b.TryGet(); s == OK {
						buf[0], n = v, 1
					}
					for _, v := range buf[:n] {
						seen[v].Add(1)
						p, i := v/each, v%each+1
						if i <= last[p] {
							t.Errorf("item %d of producer %d after item %d", i, p, last[p])
						}
						last[p] = i
					}
					if got.Add(int64(n)); n == 0 {
						runtime.Gosched()
					}
				}
			})
		}
		wg.Wait()
		for v := range seen {
			require.EqualValues(t, 1, seen[v].Load(), "item %d", v)
		}
		require.Zero(t, b.Len())
	})
}

// The functions that work under the lock meet runs, too.
func TestSwapAndTakeAllMeetRuns(t *testing.T) {
	forBounded(t, func(t *testing.T, r bounded) {
		n := r.Cap()
		all := make([]int, n)
		for i := range all {
			all[i] = i
		}
		k, s := r.TryPutBatch(all)
		require.Equal(t, OK, s)
		for k < n { // a Ring takes 64 at once
			m, _ := r.TryPutBatch(all[k:])
			k += m
		}
		require.True(t, r.ShutGet())
		for i := range n/2 + 1 {
			require.True(t, r.HeadReady())
			require.Equal(t, i, swap(r, n+i, true))
		}
		r.OpenGet()
		v, s := r.TryGet()
		require.Equal(t, OK, s)
		require.Equal(t, n/2+1, v)
		rest := r.TakeAll()
		require.Len(t, rest, n-1)
		for i, v := range rest {
			require.Equal(t, n/2+2+i, v)
		}
		require.True(t, r.Drained())
	})
}

// A batch of the last items of a closed ring says that they are.
func TestLastOfABatch(t *testing.T) {
	forBounded(t, func(t *testing.T, r bounded) {
		all := make([]int, r.Cap()+1)
		n, _ := r.TryPutBatch(all)
		r.Close()
		k, s := r.TryPutBatch(all)
		require.Zero(t, k)
		require.Equal(t, Closed, s)
		if n > 1 {
			v, s := r.TryGet() // out of a run
			require.Equal(t, OK, s)
			require.Zero(t, v)
			n--
		}
		k, s = r.TryGetBatch(all)
		require.Equal(t, n, k)
		require.Equal(t, Last, s)
		k, s = r.TryGetBatch(all)
		require.Zero(t, k)
		require.Equal(t, Drained, s)
	})
	for _, make := range both {
		require.Equal(t, State(Unmade), second(make().TryPutBatch([]int{1})))
		require.Equal(t, State(Unmade), second(make().TryGetBatch([]int{1})))
	}
}

func second[A, B any](_ A, b B) B { return b }

// A batch clears the slots that it takes from.
func TestGetBatchClearsTheSlots(t *testing.T) {
	r := new(Ring[*int])
	r.Init(3, 0)
	buf := []*int{new(int), new(int), new(int)}
	for range 2 {
		n, _ := r.TryPutBatch(buf)
		require.Equal(t, 3, n)
		n, _ = r.TryGetBatch(buf)
		require.Equal(t, 3, n)
		for i := range r.slots {
			require.Nil(t, r.slots[i].val)
		}
	}
}
