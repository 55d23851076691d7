package lockfree

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// hold has a Held hold r, which must be empty.
func hold(t *testing.T, r *Ring[int]) *Held[int] {
	t.Helper()
	h := new(Held[int])
	require.True(t, r.ShutPut())
	require.True(t, h.Prepare(r))
	h.Hold()
	return h
}

// What a holder puts and gets is in order, wherever it began, and what it leaves to the Ring
// is too.
func TestHeld(t *testing.T) {
	forRings(t, func(t *testing.T, r *Ring[int]) {
		next, oldest := 0, 0
		for round := range 3*r.Cap() + 5 {
			h := hold(t, r)
			for range round % (2*r.Cap() + 1) { // begins and ends elsewhere each time
				require.False(t, h.Full())
				h.Put(&next)
				next++
				var v int
				h.Get(&v)
				require.Equal(t, oldest, v)
				oldest++
			}
			left := round % (r.Cap() + 1)
			for n := range left {
				require.Equal(t, n, h.Len())
				require.False(t, h.Full())
				h.Put(&next)
				next++
			}
			require.Equal(t, left == r.Cap(), h.Full())
			require.Equal(t, Gated, r.TryPut(-1))
			mustBeEmptied(t, r, Gated)

			h.Release(false, false)
			r.Check(false, false)
			require.Equal(t, left, r.Len())
			for n := left; n < r.Cap(); n++ {
				put(t, r, next)
				next++
			}
			require.Equal(t, Full, r.TryPut(-1))
			for range r.Cap() {
				get(t, r, oldest)
				oldest++
			}
			mustBeEmptied(t, r, Empty)
		}
		require.Equal(t, next, oldest)
	})
}

// The gates stay up for those who wait.
func TestHeldIsReleasedWithGates(t *testing.T) {
	forRings(t, func(t *testing.T, r *Ring[int]) {
		h := hold(t, r)
		h.Release(true, false)
		r.Check(true, false)
		r.OpenPut()

		h = hold(t, r)
		for i := range r.Cap() {
			h.Put(&i)
		}
		h.Release(false, true)
		r.Check(false, true)
		*r.BeginSwap() = r.Cap()
		r.EndSwap(false)
		for i := range r.Cap() {
			get(t, r, i+1)
		}
	})
}

// Nobody holds a ring in which a get is under way: it has the slot that the first put would
// fill.
func TestNobodyHoldsASlotInFlight(t *testing.T) {
	forRings(t, func(t *testing.T, r *Ring[int]) {
		for range r.Cap() {
			put(t, r, 1)
			release := claimGet(r)
			require.True(t, r.ShutPut())
			require.False(t, new(Held[int]).Prepare(r))
			r.Check(true, false)
			release()
			require.True(t, new(Held[int]).Prepare(r))
			r.OpenPut()
		}
	})
}

// To begin and to end allocates nothing, so a queue may do so again and again.
func TestHeldAllocatesNothing(t *testing.T) {
	r, h := new(Ring[int]), new(Held[int])
	r.Init(8, 0)
	next, oldest := 0, 0
	require.Zero(t, testing.AllocsPerRun(100, func() {
		r.ShutPut()
		h.Prepare(r)
		h.Hold()
		for range 5 {
			h.Put(&next)
			next++
		}
		v := 0
		h.Get(&v)
		oldest++
		h.Release(false, false)
		for range 4 {
			if v, _ := r.TryGet(); v != oldest {
				t.Errorf("got %d, want %d", v, oldest)
			}
			oldest++
		}
	}))
}

// The items that were in are not kept alive.
func TestHeldClears(t *testing.T) {
	r := new(Ring[*int])
	r.Init(3, 0)
	h := new(Held[*int])
	require.True(t, r.ShutPut())
	require.True(t, h.Prepare(r))
	h.Hold()
	for range 2 {
		v := new(int)
		h.Put(&v)
	}
	h.Get(new(*int))
	h.Release(false, false)
	_, s := r.TryGet()
	require.Equal(t, OK, s)
	for i := range r.slots {
		require.Nil(t, r.slots[i].val)
	}
}
