package lockfree

import (
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// bounded is what Ring and SPSC have in common.
type bounded interface {
	batcher
	Init(capacity int, firstLap uint64)
	Closed() bool
	Drained() bool
	Entered() uint64
	Left() uint64
	ShutPut() bool
	OpenPut()
	ShutGet() bool
	OpenGet()
	HeadReady() bool
	BeginSwap() *int
	EndSwap(more bool)
	Close() bool
	TakeAll() []int
	Check(putGate, getGate bool)
}

// swap swaps the oldest item of r, which it returns, for v.
func swap(r bounded, v int, more bool) (oldest int) {
	slot := r.BeginSwap()
	oldest, *slot = *slot, v
	r.EndSwap(more)
	return oldest
}

// both are the kinds of bounded buffer.
var both = map[string]func() bounded{
	"ring": func() bounded { return new(Ring[int]) },
	"spsc": func() bounded { return new(SPSC[int]) },
}

// forBounded runs test, which has one putter and one getter at a time, on both
// kinds of bounded buffer, of the capacities that differ in kind.
func forBounded(t *testing.T, test func(t *testing.T, r bounded)) {
	for kind, make := range both {
		for _, capacity := range []int{1, 2, 3, 5, 7, 8, 100} {
			for name, lap := range laps {
				t.Run(fmt.Sprintf("%s/cap=%d/%s", kind, capacity, name), func(t *testing.T) {
					r := make()
					r.Init(capacity, lap)
					test(t, r)
				})
			}
		}
	}
}

// forSPSC runs test on an SPSC of each of the capacities that differ in kind.
func forSPSC(t *testing.T, test func(t *testing.T, r *SPSC[int])) {
	forBounded(t, func(t *testing.T, r bounded) {
		if r, ok := r.(*SPSC[int]); ok {
			test(t, r)
		}
	})
}

func TestSPSCRefusesWhatItCannotHold(t *testing.T) {
	for _, capacity := range []int{0, -1} {
		require.PanicsWithValue(t, "queue: an SPSC needs a capacity of at least 1", func() { new(SPSC[int]).Init(capacity, 0) })
	}
	require.PanicsWithValue(t, "queue: capacity exceeds the address space", func() { new(SPSC[int]).Init(math.MaxInt, 0) })
	if math.MaxInt > math.MaxInt32 {
		require.PanicsWithValue(t, "queue: capacity exceeds the address space", func() { new(SPSC[struct{}]).Init(math.MaxInt, 0) })
	}
}

func TestSPSCClearsItsSlots(t *testing.T) {
	var r SPSC[*int]
	r.Init(3, 0)
	buf := []*int{new(int), new(int), new(int)}
	mustBeClear := func() {
		t.Helper()
		for _, p := range r.items {
			require.Nil(t, p)
		}
	}
	for range 7 {
		require.Equal(t, OK, r.TryPut(new(int)))
		_, s := r.TryGet()
		require.Equal(t, OK, s)
		mustBeClear()
		for range 2 {
			n, _ := r.TryPutBatch(buf)
			require.Equal(t, 3, n)
			n, _ = r.TryGetBatch(buf)
			require.Equal(t, 3, n)
			mustBeClear()
		}
	}
	n, _ := r.TryPutBatch(buf)
	require.Len(t, r.TakeAll(), n)
	mustBeClear()
}

// What follows stops a goroutine before it moves its word.

// A put that loses to a flag leaves no trace of its item.
func TestSPSCPutThatLosesLeavesNothing(t *testing.T) {
	for want, set := range map[State]func(r *SPSC[int]){
		Gated:  func(r *SPSC[int]) { require.True(t, r.ShutPut()) },
		Closed: func(r *SPSC[int]) { r.Close() },
	} {
		forSPSC(t, func(t *testing.T, r *SPSC[int]) {
			*r.Room() = 7
			require.Zero(t, r.Len())
			require.False(t, r.HeadReady())
			set(r)
			require.False(t, r.Publish())
			require.Equal(t, want, r.TryPut(7))
			n, s := r.TryPutBatch([]int{8, 9})
			require.Zero(t, n)
			require.Equal(t, want, s)
			require.Equal(t, make([]int, r.Cap()), r.items)
			require.Zero(t, r.Len())
			require.Zero(t, r.Entered())
		})
	}
}

// A get that loses to the gate, or to Close, has not taken its item.
func TestSPSCGetThatLosesHasTakenNothing(t *testing.T) {
	forSPSC(t, func(t *testing.T, r *SPSC[int]) {
		n := r.Cap()
		for i := range n {
			put(t, r, 1+i)
		}
		lose := func(set func()) {
			t.Helper()
			s := r.Oldest()
			v := *s
			*s = 0
			set()
			require.False(t, r.Release(0))
			*s = v
			require.Equal(t, n, r.Len())
		}
		lose(func() { require.True(t, r.ShutGet()) })
		mustBeEmptied(t, r, Gated)
		buf := make([]int, n)
		k, s := r.TryGetBatch(buf)
		require.Zero(t, k)
		require.Equal(t, Gated, s)
		require.Equal(t, 1, swap(r, n+1, false))

		lose(func() { r.Close() })
		k, s = r.TryGetBatch(buf)
		require.Equal(t, n, k)
		require.Equal(t, Last, s)
		for i, v := range buf {
			require.Equal(t, 2+i, v)
		}
	})
}

// While Swap goes on, the putter's copy of tail falls behind, and head overtakes
// the limit of the getter. Neither must believe what it knew before.
func TestSPSCGoesOnAfterSwaps(t *testing.T) {
	forSPSC(t, func(t *testing.T, r *SPSC[int]) {
		n := r.Cap()
		in, out := 0, 0
		for swaps := range 2*n + 2 {
			for r.Len() < n {
				put(t, r, in)
				in++
			}
			require.Equal(t, Full, r.TryPut(-1))
			require.True(t, r.ShutGet())
			for range swaps {
				require.Equal(t, out, swap(r, in, true))
				in++
				out++
			}
			r.OpenGet()
			r.Check(false, false)
			switch swaps % 3 {
			case 0: // the getter first
				get(t, r, out)
				out++
				put(t, r, in)
				in++
			case 1:
				require.Equal(t, Full, r.TryPut(-1))
			case 2:
				k, s := r.TryPutBatch([]int{-1, -2})
				require.Zero(t, k)
				require.Equal(t, Full, s)
			}
			for range 1 + swaps%n {
				get(t, r, out)
				out++
			}
			require.Equal(t, in-out, r.Len())
			require.EqualValues(t, in, r.Entered())
			require.EqualValues(t, out, r.Left())
		}
	})
}

// A putter and a getter, who do all there is to do in any order: nothing is lost or
// doubled, all is in order, and Full and Empty are true. Each of them knows a number
// of puts, or gets, that have returned before its call.
func TestSPSCUnderLoad(t *testing.T) {
	for _, procs := range []int{1, 2, 4} {
		for _, capacity := range []int{1, 2, 3, 7, 64, 100} {
			t.Run(fmt.Sprintf("procs=%d/cap=%d", procs, capacity), func(t *testing.T) {
				defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(procs))
				items := 20_000
				if testing.Short() {
					items = 2_000
				}
				r := new(SPSC[int])
				r.Init(capacity, math.MaxUint64) // positions wrap around in the first lap
				var in, out atomic.Int64
				var wg sync.WaitGroup
				wg.Go(func() {
					rng := rand.New(rand.NewPCG(1, uint64(capacity)))
					for next := 0; next < items; {
						taken := int(out.Load())
						n, s := 1, OK
						if rng.IntN(4) == 0 {
							vs := make([]int, min(1+rng.IntN(2*capacity), items-next))
							for i := range vs {
								vs[i] = next + i
							}
							n, s = r.TryPutBatch(vs)
						} else {
							s = r.TryPut(next)
						}
						switch {
						case s == OK:
							next += n
							in.Store(int64(next))
						case s != Full:
							t.Errorf("put: state %d", s)
							return
						case next-taken < capacity:
							t.Errorf("full with %d items", next-taken)
							return
						default:
							runtime.Gosched()
						}
					}
				})
				rng := rand.New(rand.NewPCG(2, uint64(capacity)))
				buf := make([]int, 2*capacity)
				for next := 0; next < items; {
					put := int(in.Load())
					n, s := 1, OK
					if rng.IntN(4) == 0 {
						n, s = r.TryGetBatch(buf[:1+rng.IntN(len(buf))])
					} else {
						buf[0], s = r.TryGet()
					}
					if s != OK {
						require.Equal(t, Empty, s)
						require.LessOrEqual(t, put, next, "empty, and there were items")
						runtime.Gosched()
						continue
					}
					for _, v := range buf[:n] {
						if v != next {
							t.Fatalf("got %d, want %d", v, next)
						}
						next++
					}
					out.Store(int64(next))
				}
				wg.Wait()
				require.Zero(t, r.Len())
			})
		}
	}
}

func TestSPSCKeepsThePartiesApart(t *testing.T) {
	var r SPSC[int]
	tail, head, items := unsafe.Offsetof(r.tail), unsafe.Offsetof(r.head), unsafe.Offsetof(r.items)
	putter, getter := unsafe.Offsetof(r.putter), unsafe.Offsetof(r.getter)
	assert.GreaterOrEqual(t, tail, uintptr(Pad), "tail is beside the allocator's neighbour")
	assert.GreaterOrEqual(t, head-tail, uintptr(Pad), "head is beside tail")
	assert.GreaterOrEqual(t, unsafe.Offsetof(r.capacity)-head, uintptr(Pad), "the constants are beside head")
	assert.GreaterOrEqual(t, putter-items, uintptr(Pad), "putter is beside the constants")
	assert.GreaterOrEqual(t, getter-putter, uintptr(Pad), "getter is beside putter")
	assert.GreaterOrEqual(t, unsafe.Sizeof(r)-getter-unsafe.Sizeof(r.getter), uintptr(Pad), "getter is beside the allocator's neighbour")
}

// A putter that is much faster than the getter must not follow it slot by slot.
func TestPutterKeepsOffTheGetter(t *testing.T) {
	var r SPSC[int]
	r.Init(64, 0)
	onTheHeels := func(looked, at, limit int) bool {
		r.looked, r.putter.limit = uint64(looked)*one, uint64(limit)*one
		return r.onTheHeels(uint64(at) * one)
	}
	r.parallel = true
	require.True(t, onTheHeels(64, 65, 66), "one slot each time")
	require.True(t, onTheHeels(49, 64, 79), "nearly a quarter of the ring")
	require.False(t, onTheHeels(48, 64, 79), "it has just put a quarter")
	require.False(t, onTheHeels(49, 64, 80), "it has a quarter to go")
	r.parallel = false
	require.False(t, onTheHeels(64, 65, 66), "the getter cannot run meanwhile")
}
