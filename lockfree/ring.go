package lockfree

import (
	"math/bits"
	"sync/atomic"
	"unsafe"

	"github.com/parkring/queue/internal/backoff"
	"github.com/parkring/queue/internal/invariants"
	"github.com/parkring/queue/internal/stall"
)

// Ring is a bounded FIFO buffer for any number of putting and getting
// goroutines. It holds exactly the number of items it was made for, never
// blocks and never allocates after Init.
//
// Idea: a ring of slots, each with a stamp that says for which position the
// slot is free, or full. Putters claim the position in tail by a
// compare-and-swap, getters the one in head; whoever has claimed a position
// owns its slot until it stores the slot's next stamp. Tail and head also carry
// flags, so that the claim itself proves that the ring was open and that nobody
// was waiting: there is nothing to look at before it or after it.
//
//	put  1. t = tail; s = slot of t
//	     2. s.stamp == free(t)   claim: CAS tail from t to next(t)    takes effect
//	     3. s.val = v; s.stamp = full(t)                              publishes v
//	get  1. h = head; s = slot of h
//	     2. s.stamp == full(h)   claim: CAS head from h to next(h)    takes effect
//	     3. v = s.val; clear s.val; s.stamp = free(h + one lap)       releases s
//
//	slot of p:   free(p) --put--> full(p) --get--> free(p+lap) --put--> ...
//	                                 |
//	                                 +---Swap----> full(p+lap)
//
// "Full" and "empty" are decided by comparing head and tail, never by a stamp.
// A stamp that is behind only means that another goroutine is between its claim
// and its store (the slot is in flight); calling that "empty" would let a
// TryGet miss an item whose put has long returned.
//
// The stamp of a full slot has a bit of its own, so that it differs from every
// free stamp: with the usual pos, pos+1, pos+capacity a ring of one slot could
// not tell "full" from "free in the next lap". A lap is a power of two long and
// the positions between the last slot and its end are skipped, so that any
// capacity is exact without a division.
//
// Sources: D. Vyukov, "Bounded MPMC queue", 1024cores.net (the stamps);
// crossbeam-channel, flavors/array.rs (laps in the stamps, a flag in the tail,
// full and empty by counters). The gate is ours.
//
// Not given: lock-freedom in the strict sense. A goroutine stopped between
// steps 2 and 3 delays the calls that need that very slot. They get Busy.
//
// Invariants:
//  1. head <= tail <= head+capacity. (The holder of the lock may see tail one
//     further, inside Swap.)
//  2. Between a claim and the store of the next stamp exactly one goroutine
//     touches the slot: the claimer, or the holder of the lock inside Swap.
//  3. The gate of tail is up only while the ring is empty and open, the gate of
//     head only while it is full. So they are never up together.
//  4. Gates and closed change only under the lock, and while a gate is up
//     nobody but the holder of the lock changes that word.
type Ring[T any] struct {
	_ [Pad]byte // between the allocator's neighbour and tail

	// tail is the next position to fill, with the flags closed, gate and
	// retired. Putters move it by CAS while no flag is set; the holder of the
	// lock sets and clears flags, and moves it in Swap.
	tail atomic.Uint64
	_    [Pad - unsafe.Sizeof(atomic.Uint64{})]byte // between tail and head

	// head is the next position to take, with the flags gate and closed. Getters
	// move it by CAS while the gate is down; the holder of the lock sets and
	// clears flags, and moves head in Swap and TakeAll.
	head atomic.Uint64
	_    [Pad - unsafe.Sizeof(atomic.Uint64{})]byte // between head and the constants

	// Written by Init, then only read.
	slots []slot[T] // as many as the capacity
	mask  uint64    // of an index: 2^k - 1
	lap   uint64    // the distance from a position to the same slot's next one: 2^k positions
	skip  uint64    // the distance from the position after the last slot to the next lap
	start uint64    // the first position

	_ [Pad]byte // between the constants and the allocator's neighbour
}

// slot is one place in the ring.
type slot[T any] struct {
	// stamp is free(p) = p or full(p) = p|full for the position p that the slot
	// serves now. Written by whoever owns the slot, to pass it on. It may begin a
	// run: see batch.go.
	stamp atomic.Uint64
	// val is the item while stamp is full, else the zero T, so that the ring
	// keeps nothing alive. Owned by whoever claimed the position.
	val T
}

// Init makes r an empty ring that holds capacity items. It panics if capacity
// is less than 1 or more than the address space holds. It must not be called on
// a ring that is in use.
//
// Positions count from the begin of firstLap: 0, except in tests that start
// close below the wrap-around.
func (r *Ring[T]) Init(capacity int, firstLap uint64) {
	if capacity < 1 {
		panic("queue: a ring needs a capacity of at least 1")
	}
	r.slots = makeSlots[T](capacity)
	lap := uint64(1) << bits.Len(uint(capacity-1))
	r.mask = lap - 1
	r.lap = lap * one
	r.skip = (lap - uint64(capacity)) * one
	r.start = firstLap * r.lap
	for i := range r.slots {
		r.slots[i].stamp.Store(r.start + uint64(i)*one)
	}
	r.tail.Store(r.start)
	r.head.Store(r.start)
}

// makeSlots is make with a panic of our own for what no address space holds.
func makeSlots[T any](n int) []slot[T] {
	defer func() {
		if recover() != nil {
			panic("queue: capacity exceeds the address space")
		}
	}()
	return make([]slot[T], n)
}

// next returns the position after p.
func (r *Ring[T]) next(p uint64) uint64 { return r.advance(p, 1) }

// advance returns the position n after p, at most a capacity away, with the flags
// of p.
func (r *Ring[T]) advance(p uint64, n int) uint64 {
	if r.index(p)+uint64(n) >= uint64(len(r.slots)) {
		p += r.skip
	}
	return p + uint64(n)*one
}

// distance returns the number of items between the positions from and to.
func (r *Ring[T]) distance(from, to uint64) uint64 {
	laps := (to&^(r.lap-1) - from&^(r.lap-1)) / r.lap
	return (to - from - laps*r.skip) / one
}

// TryPut attempts once to put v in. It returns
//
//   - OK: v is in. It took effect when tail moved.
//   - Full: the ring held exactly its capacity when tail was read.
//   - Closed, Gated or Retired: tail had that flag. (Closed goes first.)
//   - Busy: it lost a race, or met a slot that is being released.
//   - Unmade: there was no Init.
//
// It never blocks and allocates nothing. Any goroutine may call it at any time.
// A TryPut that returns OK synchronizes before the return of the TryGet, or
// Swap, that yields v.
func (r *Ring[T]) TryPut(v T) State {
	t := r.tail.Load()
	i := r.index(t)
	if i >= uint64(len(r.slots)) {
		return Unmade
	}
	s := &r.slots[i]
	stall.At(stall.PutStamp)
	// A word with a flag equals no free stamp, so this is also the test that the
	// ring is open and that nobody waits.
	switch st := s.stamp.Load(); {
	case st == t:
	case st&^runs == t && r.pass(&r.tail, t, r.next(st)-follower):
		// s begins a run. TryPut calls nothing, or it would be a tenth slower.
	default:
		return r.notPut(t)
	}
	stall.At(stall.PutClaim)
	if !r.tail.CompareAndSwap(t, r.next(t)) {
		return Busy // another putter, or a flag, was quicker
	}
	if invariants.Enabled {
		invariants.Check(s.stamp.Load()&^runs == t, "claimed slot changed hands before it was published")
	}
	stall.At(stall.PutWrite)
	s.val = v
	stall.At(stall.PutPublish)
	s.stamp.Store(t | full) // publishes v and passes s on; pairs with the Load in TryGet
	return OK
}

// notPut returns why nothing could be put when tail was t.
func (r *Ring[T]) notPut(t uint64) State {
	stall.At(stall.PutFull)
	switch {
	case t&closed != 0:
		return Closed
	case t&gate != 0:
		return Gated
	case t&retired != 0:
		return Retired
	case r.position(r.head.Load())+r.lap == t:
		return Full // tail <= head+capacity, and both only grow: head was there when tail was read
	}
	return Busy
}

// TryGet attempts once to take the oldest item. It returns
//
//   - OK: v is the item. It took effect when head moved.
//   - Last: the same, the ring is closed, and it was the last one.
//   - Empty: the ring held nothing, and was open, when tail was read.
//   - Drained: the ring held nothing and was closed then. It is so for good.
//   - Retired: the same of a ring with a successor.
//   - Gated: the gate was up when head was read.
//   - Busy: it lost a race, or met a slot that is being published.
//   - Unmade: there was no Init.
//
// It never blocks and allocates nothing. Any goroutine may call it at any time.
func (r *Ring[T]) TryGet() (v T, _ State) {
	h := r.head.Load()
	i := r.index(h)
	if i >= uint64(len(r.slots)) {
		return v, Unmade
	}
	s := &r.slots[i]
	stall.At(stall.GetStamp)
	st := s.stamp.Load() // pairs with the Store in TryPut
	if st == h|full {    // false while a flag is set
		stall.At(stall.GetClaim)
		if !r.head.CompareAndSwap(h, r.next(h)) {
			return v, Busy // another getter, or a flag, was quicker
		}
		if invariants.Enabled {
			invariants.Check(s.stamp.Load() == h|full, "claimed slot changed hands before it was released")
		}
		return r.release(s, h), OK
	}
	if h&gate != 0 {
		return v, Gated
	}
	// The same if the ring is closed, or if s begins a run.
	if p := r.position(h); st&^runs == p|full && (st&runs == 0 || r.pass(&r.head, h, r.next(st)-follower)) {
		stall.At(stall.GetClaim)
		n := r.next(h)
		if !r.head.CompareAndSwap(h, n) {
			return v, Busy
		}
		v = r.release(s, p)
		if h&closed != 0 && r.position(r.tail.Load()) == r.position(n) {
			return v, Last // nothing enters any more but by Swap, and that needs a full ring
		}
		return v, OK
	}
	return v, r.notGot(h)
}

// notGot returns why nothing could be taken when head was h, with the gate down.
func (r *Ring[T]) notGot(h uint64) State {
	stall.At(stall.GetEmpty)
	t := r.tail.Load() // after head: the other order could call a ring drained that is not
	switch {
	case r.position(t) != r.position(h):
		return Busy
	case t&closed != 0:
		return Drained
	case t&retired != 0:
		return Retired
	}
	return Empty
}

// release takes the item out of s, which the caller has claimed at position p,
// and passes s on.
func (r *Ring[T]) release(s *slot[T], p uint64) (v T) {
	stall.At(stall.GetRead)
	v, s.val = s.val, v
	stall.At(stall.GetRelease)
	s.stamp.Store(p + r.lap) // to the putter of the next lap; pairs with the Load in TryPut
	return v
}

// Cap returns the capacity.
func (r *Ring[T]) Cap() int { return len(r.slots) }

// Len returns how many items the ring held at one instant during the call:
// between 0 and Cap. An item counts from its claim to the claim of its getter.
func (r *Ring[T]) Len() int {
	for {
		t := r.tail.Load()
		stall.At(stall.LenHead)
		h := r.head.Load()
		stall.At(stall.LenAgain)
		if (r.tail.Load()^t)&^gate != 0 {
			continue // tail was not t when head was read
		}
		if t&emptied != 0 {
			return 0
		}
		return min(int(r.distance(r.position(h), r.position(t))), len(r.slots)) // min: we may look into a Swap
	}
}

// Closed reports whether the ring is closed.
func (r *Ring[T]) Closed() bool { return r.tail.Load()&closed != 0 }

// Drained reports whether the ring is closed and holds nothing, which is then
// so for good.
func (r *Ring[T]) Drained() bool {
	h := r.head.Load()
	stall.At(stall.DrainedTail)
	t := r.tail.Load() // after head, as in TryGet
	return t&emptied != 0 || t&closed != 0 && r.position(t) == r.position(h)
}

// Entered returns how many items have come in, by TryPut or Swap.
func (r *Ring[T]) Entered() uint64 { return r.distance(r.start, r.position(r.tail.Load())) }

// Left returns how many items have gone out, by TryGet, Swap or TakeAll.
func (r *Ring[T]) Left() uint64 { return r.distance(r.start, r.position(r.head.Load())) }

// The functions below need the lock: one lock per ring, the caller's, the same
// for all of them. TryPut, TryGet and the observers above may run at any time
// beside them.

// ShutPut raises the gate of tail, so that every put goes to the lock. It
// reports whether the gate is up: it goes up only if the ring is empty and open.
// The CAS on the unchanged word proves both at that instant, claims that are
// not yet published included: a putter whose claim came first makes it fail,
// and one that comes later sees the gate.
func (r *Ring[T]) ShutPut() bool {
	t := r.tail.Load()
	stall.At(stall.ShutPutHead)
	switch {
	case t&gate != 0:
		return true
	case t&flags != 0 || r.position(r.head.Load()) != t:
		return false
	}
	stall.At(stall.ShutPutRaise)
	return r.tail.CompareAndSwap(t, t|gate)
}

// OpenPut lowers the gate of tail, if it is up.
func (r *Ring[T]) OpenPut() { lower(&r.tail) }

// ShutGet raises the gate of head, so that every get goes to the lock. It
// reports whether the gate is up and the ring open: the gate goes up only if
// the ring is full and open. The CAS proves it as in ShutPut. Closed is looked
// at first, because a closed ring may have its gate up still, and whoever comes
// now must not be let in behind it.
func (r *Ring[T]) ShutGet() bool {
	t := r.tail.Load()
	if t&closed != 0 {
		return false
	}
	stall.At(stall.ShutGetHead)
	h := r.head.Load()
	if h&gate != 0 {
		return true
	}
	stall.At(stall.ShutGetRaise)
	return h+r.lap == t && r.head.CompareAndSwap(h, h|gate)
}

// OpenGet lowers the gate of head, if it is up.
func (r *Ring[T]) OpenGet() { lower(&r.head) }

// lower clears the gate of w. A plain Store is enough: while the gate is up
// nobody else changes the word.
func lower(w *atomic.Uint64) {
	if old := w.Load(); old&gate != 0 {
		stall.At(stall.Lower)
		w.Store(old &^ gate)
	}
}

// HeadReady reports whether the item at head has been published. The answer
// yes stands for as long as the gate of head is up and the lock held. Without
// the lock it is a hint.
func (r *Ring[T]) HeadReady() bool {
	h := r.position(r.head.Load())
	stall.At(stall.HeadStamp)
	return r.slots[r.index(h)].stamp.Load()&^runs == h|full
}

// Swap takes the oldest item out of a full ring and puts v in as the newest,
// both at one instant: the Store to head. The gate of head must be up and
// HeadReady; the gate stays up if more is true.
//
// The order of the stores matters. The value comes first, then its stamp, so
// that nobody reads a half-written slot; head last, so that nobody sees room,
// or an empty ring, in between: for the others the slot is in flight until then.
func (r *Ring[T]) Swap(v T, more bool) (oldest T) {
	flagged := r.head.Load()
	h := r.position(flagged)
	t := r.tail.Load()
	if invariants.Enabled {
		invariants.Check(r.head.Load()&gate != 0 && r.HeadReady(), "Swap with the gate of head down, or its item in flight")
		invariants.Check(r.position(t) == h+r.lap, "gate of head up, ring not full")
	}
	s := &r.slots[r.index(h)]
	for st := s.stamp.Load(); st&runs != 0 && !r.pass(&r.head, flagged, r.next(st)-follower); {
		// The next slot's stamp was just changed, by somebody who is late.
	}
	stall.At(stall.SwapRead)
	oldest, s.val = s.val, v
	stall.At(stall.SwapStamp)
	s.stamp.Store((h + r.lap) | full)
	stall.At(stall.SwapTail)
	r.tail.Store(r.next(r.position(t)) | t&flags)
	n := r.next(h) | flagged&closed
	if more {
		n |= gate
	}
	stall.At(stall.SwapHead)
	r.head.Store(n)
	return oldest
}

// Close closes the ring: no put enters any more, except by Swap. It reports
// whether the gate of tail was up. It takes effect when the flag in tail is set;
// that in head makes gets look for the last item from then on. A get that takes
// it in between is none of Last's: ask Drained afterwards.
func (r *Ring[T]) Close() (gated bool) {
	stall.At(stall.CloseFlag)
	gated = r.tail.Or(closed)&gate != 0
	stall.At(stall.CloseHead)
	r.head.Or(closed)
	return gated
}

// TakeAll closes the ring and takes out all items, oldest first, at one instant:
// when the flags are set in tail. Before that it raises the gate of head, so that
// whatever is in at that instant is its own. It has to wait for items in flight
// to be published. The gate is down afterwards.
func (r *Ring[T]) TakeAll() (items []T) {
	if r.tail.Load()&emptied != 0 {
		return nil
	}
	h := r.raiseHead()
	stall.At(stall.TakeFlag)
	t := r.position(r.tail.Or(closed | emptied))
	items = r.takeTo(t, make([]T, 0, r.distance(h, t)))
	stall.At(stall.TakeHead)
	r.head.Store(t | closed)
	return items
}

// raiseHead raises the gate of head whatever is in the ring, and returns the
// position.
func (r *Ring[T]) raiseHead() uint64 {
	for {
		h := r.head.Load()
		stall.At(stall.TakeRaise)
		if h&gate != 0 || r.head.CompareAndSwap(h, h|gate) {
			return r.position(h)
		}
	}
}

// takeTo appends the items from head, whose gate is up, to the position t.
func (r *Ring[T]) takeTo(t uint64, items []T) []T {
	for p := r.position(r.head.Load()); p != t; {
		st := r.slots[r.index(p)].stamp.Load() // pairs with the Store in TryPut
		if st&^runs != p|full {
			backoff.Yield()
			continue
		}
		for range r.run(st) {
			items = append(items, r.release(&r.slots[r.index(p)], p))
			p = r.next(p)
		}
	}
	return items
}

// Check panics unless the gates of tail and head are up exactly if the
// arguments say so, and mean what they should. For debug builds and tests.
func (r *Ring[T]) Check(putGate, getGate bool) {
	t, h := r.tail.Load(), r.head.Load()
	invariants.Check(t&gate != 0 == putGate, "gate of tail does not match the list of getters")
	invariants.Check(h&gate != 0 == getGate, "gate of head does not match the list of putters")
	invariants.Check(!putGate || t&closed == 0 && r.position(t) == r.position(h), "gate of tail up, ring not empty and open")
	invariants.Check(!getGate || r.position(t) == r.position(h)+r.lap, "gate of head up, ring not full")
}
