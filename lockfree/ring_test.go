package lockfree

import (
	"fmt"
	"math"
	"math/rand/v2"
	"sync"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// laps are where positions start: at zero, and so that they wrap around in the
// middle of a test.
var laps = map[string]uint64{"start=0": 0, "start=wrap": math.MaxUint64 - 1}

// forRings runs test on rings of the capacities that differ in kind.
func forRings(t *testing.T, test func(t *testing.T, r *Ring[int])) {
	for _, capacity := range []int{1, 2, 3, 5, 7, 8, 100} {
		for name, lap := range laps {
			t.Run(fmt.Sprintf("cap=%d/%s", capacity, name), func(t *testing.T) {
				r := new(Ring[int])
				r.Init(capacity, lap)
				test(t, r)
			})
		}
	}
}

// put and get are for when the answer cannot be Busy.
func put(t *testing.T, b interface{ TryPut(int) State }, v int) {
	t.Helper()
	require.Equal(t, OK, b.TryPut(v))
}

func get(t *testing.T, b interface{ TryGet() (int, State) }, want int) {
	t.Helper()
	v, s := b.TryGet()
	require.Contains(t, []State{OK, Last}, s)
	require.Equal(t, want, v)
}

func mustBeEmptied[T any](t *testing.T, b interface{ TryGet() (T, State) }, want State) {
	t.Helper()
	v, s := b.TryGet()
	require.Equal(t, want, s)
	require.Zero(t, v)
}

// claimPut and claimGet do the first step of TryPut and TryGet and stop there,
// like a goroutine that is descheduled between claim and stamp. The second step
// is what they return.
func claimPut(r *Ring[int], v int) (publish func()) {
	s, at, state := r.ClaimPut()
	if state != OK {
		panic("nothing to claim")
	}
	return func() { *s.Val() = v; s.Publish(at) }
}

func claimGet(r *Ring[int]) (release func() int) {
	s, h, state := r.ClaimGet()
	if state != OK {
		panic("nothing to claim")
	}
	return func() int {
		v := *s.Val()
		r.Release(s, h)
		return v
	}
}

func TestRingHoldsExactlyItsCapacityInOrder(t *testing.T) {
	forBounded(t, func(t *testing.T, r bounded) {
		n := r.Cap()
		in, out := 0, 0
		for round := range 5 * n { // every fill level, over several laps
			for r.Len() < n-round%2 {
				put(t, r, in)
				in++
				require.Equal(t, in-out, r.Len())
			}
			if r.Len() == n {
				require.Equal(t, Full, r.TryPut(-1))
			}
			for range round%n + 1 {
				if r.Len() > 0 {
					get(t, r, out)
					out++
				}
			}
		}
		for ; out < in; out++ {
			get(t, r, out)
		}
		mustBeEmptied(t, r, Empty)
		require.Zero(t, r.Len())
	})
}

func TestRingWithoutInit(t *testing.T) {
	for _, make := range both {
		r := make()
		require.Equal(t, Unmade, r.TryPut(1))
		mustBeEmptied(t, r, Unmade)
		require.Zero(t, r.Cap())
	}
}

func TestInitRefusesWhatNoRingCanHold(t *testing.T) {
	for _, capacity := range []int{0, -1} {
		require.PanicsWithValue(t, "queue: a ring needs a capacity of at least 1", func() { new(Ring[int]).Init(capacity, 0) })
	}
	require.PanicsWithValue(t, "queue: capacity exceeds the address space", func() { new(Ring[int]).Init(math.MaxInt, 0) })
}

func TestClosedRingLetsItemsOutAndNothingIn(t *testing.T) {
	forBounded(t, func(t *testing.T, r bounded) {
		put(t, r, 7)
		require.False(t, r.Closed())
		require.False(t, r.Close())
		require.True(t, r.Closed())
		require.False(t, r.Drained())
		require.Equal(t, Closed, r.TryPut(8))
		get(t, r, 7)
		require.True(t, r.Drained())
		mustBeEmptied(t, r, Drained)
		require.False(t, r.Close())
		mustBeEmptied(t, r, Drained)
	})
}

// A closed ring that is full still says closed, not full.
func TestClosedGoesBeforeFull(t *testing.T) {
	forBounded(t, func(t *testing.T, r bounded) {
		for i := range r.Cap() {
			put(t, r, i)
		}
		r.Close()
		require.Equal(t, Closed, r.TryPut(-1))
	})
}

func TestGetClearsTheSlot(t *testing.T) {
	var r Ring[*int]
	r.Init(3, 0)
	for range 7 {
		require.Equal(t, OK, r.TryPut(new(int)))
		_, s := r.TryGet()
		require.Equal(t, OK, s)
	}
	for i := range r.slots {
		require.Nil(t, r.slots[i].val)
	}
}

// What follows stops a goroutine between its claim and its stamp.

func TestSlotInFlightIsNeitherEmptyNorFull(t *testing.T) {
	forRings(t, func(t *testing.T, r *Ring[int]) {
		publish := claimPut(r, 1)
		require.Equal(t, 1, r.Len(), "a put counts from its claim")
		mustBeEmptied(t, r, Busy)
		if r.Cap() > 1 { // a second put has returned; the first one still hides its item
			put(t, r, 2)
			mustBeEmptied(t, r, Busy)
		}
		publish()
		get(t, r, 1)
		if r.Cap() > 1 {
			get(t, r, 2)
		}

		for i := range r.Cap() {
			put(t, r, i)
		}
		release := claimGet(r)
		require.Equal(t, r.Cap()-1, r.Len(), "a get counts from its claim")
		require.Equal(t, Busy, r.TryPut(-1), "there is room, but its slot is being released")
		require.Zero(t, release())
		put(t, r, r.Cap())
	})
}

// The putter of the lap before may be stopped still: then the ring is full,
// whatever the stamp says.
func TestFullIsDecidedByTheCounters(t *testing.T) {
	forRings(t, func(t *testing.T, r *Ring[int]) {
		publish := claimPut(r, 0)
		for i := 1; i < r.Cap(); i++ {
			put(t, r, i)
		}
		require.Equal(t, Full, r.TryPut(-1))
		publish()
		for i := range r.Cap() {
			get(t, r, i)
		}
	})
}

func TestDrainedWaitsForTheClaimedPut(t *testing.T) {
	forRings(t, func(t *testing.T, r *Ring[int]) {
		publish := claimPut(r, 9)
		r.Close()
		require.False(t, r.Drained())
		mustBeEmptied(t, r, Busy)
		publish()
		get(t, r, 9)
		mustBeEmptied(t, r, Drained)
	})
}

func TestShutPutOnlyIfEmptyClaimsIncluded(t *testing.T) {
	forRings(t, func(t *testing.T, r *Ring[int]) {
		publish := claimPut(r, 1)
		require.False(t, r.ShutPut(), "shut on a put in flight")
		publish()
		require.False(t, r.ShutPut(), "shut on an item")
		release := claimGet(r)
		require.True(t, r.ShutPut(), "the item is taken, wherever its getter is")
		release()
		require.True(t, r.ShutPut(), "shut already")
		require.Equal(t, Gated, r.TryPut(2))
		mustBeEmptied(t, r, Empty)
		r.OpenPut()
		r.OpenPut() // nothing
		put(t, r, 3)
		get(t, r, 3)
	})
}

func TestShutGetOnlyIfFullClaimsIncluded(t *testing.T) {
	forRings(t, func(t *testing.T, r *Ring[int]) {
		for i := 1; i < r.Cap(); i++ {
			put(t, r, i)
		}
		require.False(t, r.ShutGet(), "shut with room for one")
		publish := claimPut(r, 0)
		require.True(t, r.ShutGet(), "the room is taken, wherever its putter is")
		publish()
		require.True(t, r.ShutGet(), "shut already")
		mustBeEmptied(t, r, Gated)
		require.Equal(t, Full, r.TryPut(-1))
		r.OpenGet()
		r.OpenGet() // nothing
		release := claimGet(r)
		require.False(t, r.ShutGet(), "shut while an item is being taken")
		release()
	})
}

func TestGatesDoNotGoUpOnAClosedRing(t *testing.T) {
	forBounded(t, func(t *testing.T, r bounded) {
		r.Close()
		require.False(t, r.ShutPut())
	})
	forBounded(t, func(t *testing.T, r bounded) {
		for i := range r.Cap() {
			put(t, r, i)
		}
		require.True(t, r.ShutGet())
		require.False(t, r.Close(), "it was the other gate")
		require.False(t, r.ShutGet(), "a put that comes after Close joined those before it")
	})
}

func TestCloseReportsTheGateAndLeavesItToTheCaller(t *testing.T) {
	forBounded(t, func(t *testing.T, r bounded) {
		require.True(t, r.ShutPut())
		require.True(t, r.Close())
		require.Equal(t, Closed, r.TryPut(1))
		r.OpenPut()
		require.Equal(t, Closed, r.TryPut(1))
		require.False(t, r.Close())
	})
}

func TestSwapTakesTheOldestAndKeepsTheRingFull(t *testing.T) {
	forBounded(t, func(t *testing.T, r bounded) {
		n := r.Cap()
		for i := range n {
			put(t, r, i)
		}
		require.True(t, r.ShutGet())
		last := 3*n + 1
		for i := range last { // over several laps
			require.True(t, r.HeadReady())
			require.Equal(t, i, swap(r, n+i, i < last-1))
			require.Equal(t, n, r.Len())
			require.Equal(t, Full, r.TryPut(-1))
			if i == last/2 {
				r.Check(false, true)
			}
		}
		r.Check(false, false)
		for i := range n {
			get(t, r, last+i)
		}
		mustBeEmptied(t, r, Empty)
	})
}

func TestSwapKeepsClosed(t *testing.T) {
	forBounded(t, func(t *testing.T, r bounded) {
		for i := range r.Cap() {
			put(t, r, i)
		}
		require.True(t, r.ShutGet())
		r.Close()
		require.Zero(t, swap(r, -1, false))
		require.True(t, r.Closed())
		require.Equal(t, Closed, r.TryPut(-2))
		for range r.Cap() - 1 {
			_, s := r.TryGet()
			require.Equal(t, OK, s)
		}
		_, s := r.TryGet()
		require.Equal(t, Last, s)
	})
}

func TestHeadReadyOnlyWhenPublished(t *testing.T) {
	forRings(t, func(t *testing.T, r *Ring[int]) {
		require.False(t, r.HeadReady())
		publish := claimPut(r, 0)
		for i := 1; i < r.Cap(); i++ {
			put(t, r, i)
		}
		require.True(t, r.ShutGet())
		require.False(t, r.HeadReady())
		publish()
		require.True(t, r.HeadReady())
	})
}

// While Swap follows Swap the ring is full at every instant, so whoever looks
// must see it full. Tail behind head, or head before the stamp, would show.
func TestRingNeverLooksOtherThanFullDuringSwaps(t *testing.T) {
	swaps := 1_000_000
	if testing.Short() {
		swaps /= 10
	}
	for capacity := range 6 {
		kind := []string{"ring", "spsc"}[capacity%2]
		capacity = 1 + capacity/2
		r := both[kind]()
		r.Init(capacity, 0)
		for i := range capacity {
			put(t, r, i)
		}
		require.True(t, r.ShutGet())
		r.Close() // so that a get that sees the ring empty says so for good
		var wg sync.WaitGroup
		halt := make(chan struct{})
		for range 2 {
			wg.Go(func() {
				for {
					select {
					case <-halt:
						return
					default:
					}
					if n := r.Len(); n != capacity {
						t.Errorf("Len %d, want %d", n, capacity)
						return
					}
					if r.Drained() {
						t.Error("drained")
						return
					}
				}
			})
		}
		for i := range swaps {
			if got := swap(r, capacity+i, true); got != i {
				t.Errorf("Swap returned %d, want %d", got, i)
				break
			}
			for range rand.IntN(50) { // lets the words lie for a moment, where others read them
			}
		}
		close(halt)
		wg.Wait()
	}
}

// Layout.

func TestHotWordsAreApart(t *testing.T) {
	var r Ring[int]
	base := unsafe.Offsetof(r.tail)
	assert.GreaterOrEqual(t, base, uintptr(Pad), "tail is beside the allocator's neighbour")
	assert.GreaterOrEqual(t, unsafe.Offsetof(r.head)-base, uintptr(Pad), "head is beside tail")
	assert.GreaterOrEqual(t, unsafe.Offsetof(r.capacity)-unsafe.Offsetof(r.head), uintptr(Pad), "the constants are beside head")
	assert.GreaterOrEqual(t, unsafe.Sizeof(r)-unsafe.Offsetof(r.slots), uintptr(Pad), "the constants are beside the allocator's neighbour")

	var c Chain[int]
	assert.GreaterOrEqual(t, unsafe.Offsetof(c.last), uintptr(Pad), "last is beside the allocator's neighbour")
	assert.GreaterOrEqual(t, unsafe.Offsetof(c.first)-unsafe.Offsetof(c.last), uintptr(Pad), "first is beside last")
	assert.GreaterOrEqual(t, unsafe.Sizeof(c)-unsafe.Offsetof(c.first), uintptr(Pad), "first is beside the allocator's neighbour")

	assert.Equal(t, uintptr(16), unsafe.Sizeof(Slot[uint64]{}), "a slot is a stamp and an item")
}

// spacing checks how the slots of a ring of items of type T lie.
func spacing[T any](t *testing.T) {
	size := int(unsafe.Sizeof(Slot[T]{}))
	for _, n := range []int{1, 2, 3, 7, 8, 16, 31, 32, 33, 64, 65, 128, 129, 1000} {
		var r Ring[T]
		r.Init(n, 0)
		apart := int(r.stride()) * size
		require.Equal(t, n*int(r.stride()), len(r.slots))
		require.Equal(t, n*size, r.Bytes())
		if r.stride() > 1 {
			assert.Less(t, apart/2, line, "%d slots of %d bytes are farther apart than of use", n, size)
			assert.LessOrEqual(t, len(r.slots)*size, spread, "%d slots of %d bytes", n, size)
		}
		if n*size > spread {
			assert.Equal(t, size, apart, "a large ring takes no more than it needs")
		}
		if n*line <= spread {
			assert.GreaterOrEqual(t, apart, line/2, "%d slots of %d bytes", n, size)
		}
	}
}

func TestSmallRingsAreSpread(t *testing.T) {
	spacing[byte](t)
	spacing[uint64](t)
	spacing[string](t)
	spacing[[3]uint64](t)
	spacing[[7]uint64](t)
}

// A claim that has not been passed on makes the slot unready, and nothing more.
func TestUnready(t *testing.T) {
	var r Ring[int]
	r.Init(2, 0)
	s, at, state := r.ClaimPut()
	require.Equal(t, OK, state)
	_, state = r.GetIfReady()
	require.Equal(t, Unready, state)
	require.Equal(t, Busy, r.NotGot(), "there is an item, in flight")
	_, state = r.TryGet()
	require.Equal(t, Busy, state)
	require.Equal(t, OK, r.PutIfReady(2))
	require.Equal(t, Unready, r.PutIfReady(3))
	require.Equal(t, Full, r.NotPut())
	*s.Val() = 1
	s.Publish(at)

	s, h, state := r.ClaimGet()
	require.Equal(t, OK, state)
	require.Equal(t, 1, *s.Val())
	require.Equal(t, Unready, r.PutIfReady(3))
	require.Equal(t, Busy, r.NotPut(), "there is room, in flight")
	r.Release(s, h)
	require.Equal(t, Busy, r.NotPut(), "there is room")
	require.Equal(t, OK, r.PutIfReady(3))

	for want := 2; want <= 3; want++ {
		v, state := r.GetIfReady()
		require.Equal(t, OK, state)
		require.Equal(t, want, v)
	}
	_, state = r.GetIfReady()
	require.Equal(t, Unready, state)
	require.Equal(t, Empty, r.NotGot())
	r.Close()
	require.Equal(t, Closed, r.PutIfReady(4))
	require.Equal(t, Closed, r.NotPut())
	_, state = r.GetIfReady()
	require.Equal(t, Drained, state)
	require.Equal(t, Drained, r.NotGot())
}
