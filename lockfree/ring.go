package lockfree

import (
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
// A caller that would wait anyway need not know at once which of these it is: it may
// ask by PutIfReady and GetIfReady, which look at its own word and the slot only, and
// so do not take the other word from the processor that works on it.
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
//     head only while it is full. So they are never up together, but for a [Held].
//  4. Gates and closed change only under the lock, and while a gate is up
//     nobody but the holder of the lock changes that word.
type Ring[T any] struct {
	ends[T] // tail, head and the constants that go with them

	slots []Slot[T] // as many as the capacity, or stride times as many; written by Init, then only read

	_ [Pad]byte // between the constants and the allocator's neighbour
}

var _ = (*Ring[int]).TryPut // docs/design.md: an instance for the compiler to inline from

// Slot is one place in the ring.
type Slot[T any] struct {
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
	r.build(capacity, apart[T](capacity), firstLap)
}

// build is Init with slots that are stride, a power of two, apart.
func (r *Ring[T]) build(capacity, stride int, firstLap uint64) {
	r.slots = allocate[Slot[T]](capacity * stride)
	r.init(capacity, stride, firstLap)
	for i := range capacity {
		r.slots[i*stride].stamp.Store(r.start + uint64(i)*r.unit)
	}
}

// A small ring is spread: its slots are apart, so that a putter and a getter that are at
// neighbouring slots, as they mostly are in a small ring, do not contend for a cache
// line. A large one is dense, so that a burst of items takes fewer lines.
const (
	line   = 64      // bytes
	spread = 1 << 11 // bytes, at most
)

// apart returns how far the slots of a ring of that capacity should be apart.
func apart[T any](capacity int) int {
	size := int(unsafe.Sizeof(Slot[T]{}))
	n := 1
	for n*size < line && capacity <= spread/(2*n*size) {
		n *= 2
	}
	return n
}

// Bytes returns how much memory the slots take, without what is between those of a ring
// that is spread.
func (r *Ring[T]) Bytes() int { return r.Cap() * int(unsafe.Sizeof(Slot[T]{})) }

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
	state := r.PutIfReady(v)
	if state == Unready {
		state = r.NotPut()
	}
	return state
}

// PutIfReady is TryPut without a look at head, which getters are busy with: if the slot
// is not free it returns Unready, and NotPut knows more.
func (r *Ring[T]) PutIfReady(v T) State { return r.PutFrom(&v) }

// PutFrom is PutIfReady of *v, which is copied only once.
func (r *Ring[T]) PutFrom(v *T) State {
	s, t, state := r.ClaimPut()
	if state == OK {
		*s.Val() = *v
		s.Publish(t)
	}
	return state
}

// ClaimPut is the first half of PutFrom: if it returns OK the slot is the caller's,
// who has to store the item in Val and to Publish it, without delay. In halves an item
// is copied into the ring only once. If it returns Unready, t is for FullAt.
//
// It is made of three parts, so that the first two, which do in the usual case, can be
// inlined: that makes a put a tenth faster.
func (r *Ring[T]) ClaimPut() (s *Slot[T], t uint64, _ State) {
	s, t = r.PutSlot()
	st, ok := r.ClaimPutAt(s, t)
	if !ok {
		return r.ClaimPutElse(s, t, st)
	}
	return s, t, OK
}

// PutSlot returns the slot that tail falls on, or nil if there was no Init, and tail.
func (r *Ring[T]) PutSlot() (s *Slot[T], t uint64) {
	t = r.tail.Load()
	i := r.index(t)
	if i >= uint64(len(r.slots)) {
		return nil, flags
	}
	return &r.slots[i], t
}

// ClaimPutAt reports whether it has claimed s, which PutSlot returned with t. If not,
// st, the stamp that it read, is for ClaimPutElse.
func (r *Ring[T]) ClaimPutAt(s *Slot[T], t uint64) (st uint64, ok bool) {
	if s != nil {
		stall.At(stall.PutStamp)
		// A word with a flag equals no free stamp, so this is also the test that the
		// ring is open and that nobody waits.
		if st = s.stamp.Load(); st == t {
			stall.At(stall.PutClaim)
			if ok = r.tail.CompareAndSwap(t, r.next(t)); ok { // not if another putter, or a flag, was quicker
				if invariants.Enabled {
					invariants.Check(s.stamp.Load() == t, "claimed slot changed hands before it was published")
				}
				stall.At(stall.PutWrite)
			}
		}
	}
	return st, ok
}

// ClaimPutElse is the rest of ClaimPut.
func (r *Ring[T]) ClaimPutElse(s *Slot[T], t, st uint64) (*Slot[T], uint64, State) {
	switch {
	case s == nil:
		return nil, t, Unmade
	case st == t:
		return nil, t, Busy // it lost the race
	case st&^runs == t && r.pass(&r.tail, t, r.next(st)-follower): // s begins a run
		stall.At(stall.PutClaim)
		if !r.tail.CompareAndSwap(t, r.next(t)) {
			return nil, t, Busy
		}
		stall.At(stall.PutWrite)
		return s, t, OK
	case t&flags == 0:
		return nil, t, Unready
	}
	return nil, t, r.NotPut()
}

// PutElse is the rest of PutFrom, for a caller that has made its first two parts.
func (r *Ring[T]) PutElse(s *Slot[T], t, st uint64, v *T) State {
	s, t, state := r.ClaimPutElse(s, t, st)
	if state == OK {
		*s.Val() = *v
		s.Publish(t)
	}
	return state
}

// Val returns where the item of s is, which is the caller's from its claim until Publish
// or Release.
func (s *Slot[T]) Val() *T { return &s.val }

// Publish is the end of a put that has claimed s at position t.
func (s *Slot[T]) Publish(t uint64) {
	stall.At(stall.PutPublish)
	s.stamp.Store(t | full) // publishes val and passes s on; pairs with the Load in ClaimGetAt
}

// FullAt reports whether the ring is full, and open, if PutSlot has read t from tail and
// the slot was not claimed: tail <= head+capacity, and both only grow, so if head is there
// tail is still at t. It is the usual case of NotPut, and small enough to be inlined.
func (r *Ring[T]) FullAt(t uint64) bool {
	stall.At(stall.PutFull)
	return r.position(r.head.Load())+r.lap == t
}

// NotPut returns what TryPut does if nothing can be put, or, if something can be put by
// now, Busy.
func (r *Ring[T]) NotPut() State {
	switch t := r.tail.Load(); {
	case t&closed != 0:
		return Closed
	case t&gate != 0:
		return Gated
	case t&retired != 0:
		return Retired
	case r.FullAt(t):
		return Full
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
func (r *Ring[T]) TryGet() (v T, state State) {
	v, state = r.GetIfReady()
	if state == Unready {
		state = r.NotGot()
	}
	return v, state
}

// GetIfReady is TryGet without a look at tail, which putters are busy with: if the slot
// is not full it returns Unready, and NotGot knows more.
func (r *Ring[T]) GetIfReady() (v T, state State) {
	state = r.GetTo(&v)
	return v, state
}

// GetTo is GetIfReady for *v, which is left alone if there is no item.
func (r *Ring[T]) GetTo(v *T) State {
	s, h, state := r.ClaimGet()
	if s != nil {
		*v = *s.Val()
		r.Release(s, h)
	}
	return state
}

// ClaimGet is the first half of GetTo: if it returns OK, or Last, the slot is the
// caller's, who has to take the item out of Val and to Release the slot, without delay.
// If it returns Unready, h is for EmptyAt. It is made of three parts, as ClaimPut is.
func (r *Ring[T]) ClaimGet() (s *Slot[T], h uint64, _ State) {
	s, h = r.GetSlot()
	st, ok := r.ClaimGetAt(s, h)
	if !ok {
		return r.ClaimGetElse(s, h, st)
	}
	return s, h, OK
}

// GetSlot returns the slot that head falls on, or nil if there was no Init, and head.
func (r *Ring[T]) GetSlot() (s *Slot[T], h uint64) {
	h = r.head.Load()
	i := r.index(h)
	if i >= uint64(len(r.slots)) {
		return nil, flags
	}
	return &r.slots[i], h
}

// ClaimGetAt reports whether it has claimed s, which GetSlot returned with h. If not,
// st, the stamp that it read, is for ClaimGetElse.
func (r *Ring[T]) ClaimGetAt(s *Slot[T], h uint64) (st uint64, ok bool) {
	if s != nil {
		stall.At(stall.GetStamp)
		if st = s.stamp.Load(); st == h|full { // false while a flag is set; pairs with the Store in Publish
			stall.At(stall.GetClaim)
			if ok = r.head.CompareAndSwap(h, r.next(h)); ok { // not if another getter, or a flag, was quicker
				if invariants.Enabled {
					invariants.Check(s.stamp.Load() == h|full, "claimed slot changed hands before it was released")
				}
				stall.At(stall.GetRead)
			}
		}
	}
	return st, ok
}

// ClaimGetElse is the rest of ClaimGet.
func (r *Ring[T]) ClaimGetElse(s *Slot[T], h, st uint64) (*Slot[T], uint64, State) {
	p := r.position(h)
	switch {
	case s == nil:
		return nil, h, Unmade
	case st == h|full:
		return nil, h, Busy // it lost the race
	case h&gate != 0:
		return nil, h, Gated
	case st&^runs == p|full && (st&runs == 0 || r.pass(&r.head, h, r.next(st)-follower)):
		// The ring is closed, or s begins a run.
		stall.At(stall.GetClaim)
		n := r.next(h)
		if !r.head.CompareAndSwap(h, n) {
			return nil, h, Busy
		}
		stall.At(stall.GetRead)
		if h&closed != 0 && r.position(r.tail.Load()) == r.position(n) {
			return s, p, Last // nothing enters any more but by Swap, and that needs a full ring
		}
		return s, p, OK
	case h&flags == 0:
		return nil, h, Unready
	}
	return nil, h, r.NotGot()
}

// GetElse is the rest of GetTo, for a caller that has made its first two parts.
func (r *Ring[T]) GetElse(s *Slot[T], h, st uint64, v *T) State {
	s, h, state := r.ClaimGetElse(s, h, st)
	if s != nil {
		*v = *s.Val()
		r.Release(s, h)
	}
	return state
}

// Release is the end of a get that has claimed s at position h. It clears the item.
func (r *Ring[T]) Release(s *Slot[T], h uint64) {
	var zero T
	s.val = zero
	stall.At(stall.GetRelease)
	s.stamp.Store(h + r.lap) // to the putter of the next lap; pairs with the Load in ClaimPutAt
}

// EmptyAt reports whether the ring holds nothing, and is open, if GetSlot has read h from
// head and the slot was not claimed: head is between h and tail. It is the usual case of
// NotGot, and small enough to be inlined.
func (r *Ring[T]) EmptyAt(h uint64) bool {
	stall.At(stall.GetEmpty)
	return h&flags == 0 && r.tail.Load()&^gate == h
}

// NotGot returns what TryGet does if nothing can be taken, or, if something can be taken
// by now, Busy.
func (r *Ring[T]) NotGot() State {
	h := r.head.Load()
	stall.At(stall.GetEmpty)
	t := r.tail.Load() // after head: the other order could call a ring drained that is not
	switch {
	case h&gate != 0:
		return Gated
	case r.position(t) != r.position(h):
		return Busy
	case t&closed != 0:
		return Drained
	case t&retired != 0:
		return Retired
	}
	return Empty
}

// The functions below need the lock, as those of ends do. TryPut, TryGet, the
// batches and the observers may run at any time beside them.

// HeadReady reports whether the item at head has been published, as a hint: it does
// not need the lock.
func (r *Ring[T]) HeadReady() bool {
	h := r.position(r.head.Load())
	stall.At(stall.HeadStamp)
	return r.slots[r.index(h)].stamp.Load()&^runs == h|full
}

// Swap is to take the oldest item out of a full ring and to put another in as the newest,
// both at one instant: the Store to head. The gate of head must be up; it stays up if
// more is true. It is in two halves, so that items are copied only once: BeginSwap, which
// has no effect yet, returns the slot, where the caller replaces the oldest item by the
// new one. It returns nil if the oldest item is in flight.
//
// The order of the stores matters. The item comes first, then its stamp, so that
// nobody reads a half-written slot; head last, so that nobody sees room, or an empty
// ring, in between: for the others the slot is in flight until then.
func (r *Ring[T]) BeginSwap() *T {
	flagged := r.head.Load()
	h := r.position(flagged)
	if invariants.Enabled {
		invariants.Check(flagged&gate != 0, "Swap with the gate of head down")
		invariants.Check(r.position(r.tail.Load()) == h+r.lap, "gate of head up, ring not full")
	}
	s := &r.slots[r.index(h)]
	stall.At(stall.HeadStamp)
	st := s.stamp.Load() // pairs with the Store in Publish
	if st&^runs != h|full {
		return nil
	}
	for st&runs != 0 && !r.pass(&r.head, flagged, r.next(st)-follower) {
		// The next slot's stamp was just changed, by somebody who is late.
	}
	stall.At(stall.SwapRead)
	return &s.val
}

// EndSwap is the second half of Swap.
func (r *Ring[T]) EndSwap(more bool) {
	flagged, t := r.head.Load(), r.tail.Load()
	h := r.position(flagged)
	stall.At(stall.SwapStamp)
	r.slots[r.index(h)].stamp.Store((h + r.lap) | full)
	stall.At(stall.SwapTail)
	r.tail.Store(r.next(r.position(t)) | t&flags)
	n := r.next(h) | flagged&closed
	if more {
		n |= gate
	}
	stall.At(stall.SwapHead)
	r.head.Store(n)
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

// takeTo appends the items from head, whose gate is up, to the position t.
func (r *Ring[T]) takeTo(t uint64, items []T) []T {
	var off backoff.Backoff
	for p := r.position(r.head.Load()); p != t; {
		st := r.slots[r.index(p)].stamp.Load() // pairs with the Store in Publish
		if st&^runs != p|full {
			off.Wait(backoff.Usual)
			continue
		}
		for range r.run(st) {
			s := &r.slots[r.index(p)]
			items = append(items, s.val)
			r.Release(s, p)
			p = r.next(p)
		}
	}
	return items
}
