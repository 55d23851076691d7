package lockfree

import (
	"math/bits"
	"sync/atomic"
	"unsafe"

	"github.com/parkring/queue/internal/invariants"
	"github.com/parkring/queue/internal/stall"
)

// ends are the two words of a bounded buffer of items of type T, and what can be
// said and done with them alone, whatever the slots look like. (It has no use for T. But
// as a plain type it is slower, and we do not know why: docs/design.md.)
type ends[T any] struct {
	_ [Pad]byte // between the allocator's neighbour and tail

	// tail is the next position to fill, with the flags closed, gate, retired and
	// emptied. Putters move it by CAS while no flag is set; the holder of the lock
	// sets and clears flags, and moves it in Swap.
	tail atomic.Uint64
	_    [Pad - unsafe.Sizeof(atomic.Uint64{})]byte // between tail and head

	// head is the next position to take, with the flags gate and closed. Getters
	// move it by CAS while the gate is down; the holder of the lock sets and clears
	// flags, and moves head in Swap and TakeAll.
	head atomic.Uint64
	_    [Pad - unsafe.Sizeof(atomic.Uint64{})]byte // between head and the constants

	// Written by init, then only read.
	capacity uint64
	start    uint64 // the first position
	// The fast path needs those from here on, and the slots.
	lap   uint64 // the distance from a position to the same slot's next one: 2^k times one
	skip  uint64 // the distance from the position after the last slot to the next lap
	end   uint64 // that position, as far as inLap goes
	inLap uint64 // the mask of an index in a position
	unit  uint64 // the distance from a position to the next: stride() times one
	mask  uint64 // of an index: 2^k - 1
}

// init sets the words and constants for a capacity of at least 1, and slots that are
// stride, a power of two, apart. Positions count from the begin of firstLap.
func (e *ends[T]) init(capacity, stride int, firstLap uint64) {
	lap := uint64(1) << bits.Len(uint(capacity-1))
	e.capacity = uint64(capacity)
	e.unit = uint64(stride) * one
	e.mask = lap*uint64(stride) - 1
	e.lap = lap * e.unit
	e.inLap = e.lap - one
	e.end = e.capacity * e.unit & e.inLap // 0 if skip is 0
	e.skip = (lap - uint64(capacity)) * e.unit
	e.start = firstLap * e.lap
	e.tail.Store(e.start)
	e.head.Store(e.start)
}

// allocate is make with a panic of our own for what no address space holds, or no
// word counts, as it could be for items of no size.
func allocate[E any](n int) []E {
	const beyond = "queue: capacity exceeds the address space"
	if bits.Len(uint(n)) > 62-flagBits {
		panic(beyond)
	}
	defer func() {
		if recover() != nil {
			panic(beyond)
		}
	}()
	return make([]E, n)
}

// stride returns how far the slots of consecutive positions are apart: 1, or 2^j.
func (e *ends[T]) stride() uint64 { return e.unit / one }

// position returns w without its flags.
func (e *ends[T]) position(w uint64) uint64 { return w &^ flags }

// index returns the index of the slot that the position of w falls on.
func (e *ends[T]) index(w uint64) uint64 { return w >> flagBits & e.mask }

// advance returns the position n after p, at most a capacity away, with the flags
// of p.
func (e *ends[T]) advance(p uint64, n int) uint64 {
	if p&e.inLap+uint64(n)*e.unit >= e.end {
		p += e.skip
	}
	return p + uint64(n)*e.unit
}

// next returns advance(p, 1), and is cheaper to inline.
func (e *ends[T]) next(p uint64) uint64 {
	p += e.unit
	if p&e.inLap == e.end {
		p += e.skip
	}
	return p
}

// distance returns the number of items between the positions from and to.
func (e *ends[T]) distance(from, to uint64) uint64 {
	laps := (to&^(e.lap-1) - from&^(e.lap-1)) >> bits.TrailingZeros64(e.lap)
	return (to - from - laps*e.skip) >> bits.TrailingZeros64(e.unit)
}

// Cap returns the capacity.
func (e *ends[T]) Cap() int { return int(e.capacity) }

// Len returns how many items the buffer held at one instant during the call:
// between 0 and Cap. In a Ring an item counts from its claim to the claim of its
// getter.
func (e *ends[T]) Len() int {
	for {
		t := e.tail.Load()
		stall.At(stall.LenHead)
		h := e.head.Load()
		stall.At(stall.LenAgain)
		if (e.tail.Load()^t)&^gate != 0 {
			continue // tail was not t when head was read
		}
		if t&emptied != 0 {
			return 0
		}
		return int(min(e.distance(e.position(h), e.position(t)), e.capacity)) // min: we may look into a Swap
	}
}

// Closed reports whether the buffer is closed.
func (e *ends[T]) Closed() bool { return e.tail.Load()&closed != 0 }

// Drained reports whether the buffer is closed and holds nothing, which is then
// so for good.
func (e *ends[T]) Drained() bool {
	h := e.head.Load()
	stall.At(stall.DrainedTail)
	t := e.tail.Load() // after head: the other order could call a buffer drained that is not
	return t&emptied != 0 || t&closed != 0 && e.position(t) == e.position(h)
}

// Entered returns how many items have come in, by TryPut or Swap.
func (e *ends[T]) Entered() uint64 { return e.distance(e.start, e.position(e.tail.Load())) }

// Left returns how many items have gone out, by TryGet, Swap or TakeAll.
func (e *ends[T]) Left() uint64 { return e.distance(e.start, e.position(e.head.Load())) }

// The functions below need the lock: one lock per buffer, the caller's, the same
// for all of them. The functions above, and the attempts to put and to get, may
// run at any time beside them.

// ShutPut raises the gate of tail, so that every put goes to the lock. It
// reports whether the gate is up: it goes up only if the buffer is empty and open.
// The CAS on the unchanged word proves both at that instant, claims that are not
// yet published included: a putter that moved tail before makes it fail, and one
// that comes later sees the gate.
func (e *ends[T]) ShutPut() bool {
	t := e.tail.Load()
	stall.At(stall.ShutPutHead)
	switch {
	case t&gate != 0:
		return true
	case t&flags != 0 || e.position(e.head.Load()) != t:
		return false
	}
	stall.At(stall.ShutPutRaise)
	return e.tail.CompareAndSwap(t, t|gate)
}

// OpenPut lowers the gate of tail, if it is up.
func (e *ends[T]) OpenPut() { lower(&e.tail) }

// ShutGet raises the gate of head, so that every get goes to the lock. It
// reports whether the gate is up and the buffer open: the gate goes up only if
// the buffer is full and open. The CAS proves it as in ShutPut. Closed is looked
// at first, because a closed buffer may have its gate up still, and whoever comes
// now must not be let in behind it.
func (e *ends[T]) ShutGet() bool {
	t := e.tail.Load()
	if t&closed != 0 {
		return false
	}
	stall.At(stall.ShutGetHead)
	h := e.head.Load()
	if h&gate != 0 {
		return true
	}
	stall.At(stall.ShutGetRaise)
	return h+e.lap == t && e.head.CompareAndSwap(h, h|gate)
}

// OpenGet lowers the gate of head, if it is up.
func (e *ends[T]) OpenGet() { lower(&e.head) }

// lower clears the gate of w. A plain Store is enough: while the gate is up
// nobody else changes the word.
func lower(w *atomic.Uint64) {
	if old := w.Load(); old&gate != 0 {
		stall.At(stall.Lower)
		w.Store(old &^ gate)
	}
}

// Close closes the buffer: nothing enters any more, except by Swap. It reports
// whether the gate of tail was up. It takes effect when the flag in tail is set;
// that in head makes gets look for the last item from then on. A get that takes
// it in between is none of Last's: ask Drained afterwards.
func (e *ends[T]) Close() (gated bool) {
	stall.At(stall.CloseFlag)
	gated = e.tail.Or(closed)&gate != 0
	stall.At(stall.CloseHead)
	e.head.Or(closed)
	return gated
}

// raiseHead raises the gate of head whatever is in the buffer, and returns the
// position.
func (e *ends[T]) raiseHead() uint64 {
	for {
		h := e.head.Load()
		stall.At(stall.TakeRaise)
		if h&gate != 0 || e.head.CompareAndSwap(h, h|gate) {
			return e.position(h)
		}
	}
}

// Check panics unless the gates of tail and head are up exactly if the
// arguments say so, and mean what they should. For debug builds and tests.
func (e *ends[T]) Check(putGate, getGate bool) {
	t, h := e.tail.Load(), e.head.Load()
	invariants.Check(t&gate != 0 == putGate, "gate of tail does not match the list of getters")
	invariants.Check(h&gate != 0 == getGate, "gate of head does not match the list of putters")
	invariants.Check(!putGate || t&closed == 0 && e.position(t) == e.position(h), "gate of tail up, ring not empty and open")
	invariants.Check(!getGate || e.position(t) == e.position(h)+e.lap, "gate of head up, ring not full")
}
