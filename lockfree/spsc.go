package lockfree

import (
	"slices"

	"github.com/parkring/queue/internal/backoff"
	"github.com/parkring/queue/internal/invariants"
	"github.com/parkring/queue/internal/stall"
)

// SPSC is a bounded FIFO buffer for one putting and one getting goroutine at a
// time. It holds exactly the number of items it was made for, never blocks and
// never allocates after Init.
//
// Idea: with one goroutine on each side nobody competes for a position, so a slot
// needs no stamp: it is the putter's until tail has gone past it, and the getter's
// from then on until head has. One compare-and-swap per call moves the word, which
// passes the slot on and proves at once that no flag was set. Each side has a copy
// of its own word, and remembers how far it may go: as far as the other side was
// when it last looked. It looks again only when that is not enough, so while there
// is room and there are items neither reads what the other writes.
//
//	put  1. t = putter.at; room if t is before putter.limit
//	        if not: t = tail, limit = head + one lap, and again; still not: full
//	     2. slot of t = v                                    the putter's still
//	     3. CAS tail from t to next(t)    publishes v        takes effect
//	        lost, to a flag: clear the slot; closed or gated
//	get  1. h = getter.at; an item if h is before getter.limit
//	        if not: limit = tail, and again; still not: empty
//	     2. v = slot of h; clear the slot                    the getter's still
//	     3. CAS head from h to next(h)    passes it on       takes effect
//	        lost, to a flag: put v back; gated, or begin again with closed in h
//
//	positions   ... | head  the getter's ... | tail  the putter's ... | head + one lap
//
// What is remembered may be out of date, but only to the safe side, and is never
// the ground for an answer: Full takes effect at the Load of head in step 1, Empty
// and Drained at that of tail, Closed and Gated at the Load of the own word, in
// step 1 or after a CAS was lost.
//
// A CAS can only be lost to the holder of the lock, who sets a flag in the word:
// nobody else writes it. So there is no Busy, and no slot is ever in flight. A
// goroutine that is stopped anywhere in a call delays nobody, because what it has
// done to a slot before its step 3 is its own business; and a call takes a bounded
// number of steps, but for flags that come and go.
//
// While the gate of head is up the putter waits and the ring is full, and the getter
// moves both words, in Swap. So the putter's copy may be behind tail; but it was at
// its limit when the putter began to wait, so that the next put looks again. And
// head may be beyond the getter's limit. Hence "before" is a signed difference.
//
// Batches take the same steps, with several slots in step 2.
//
// Sources: L. Lamport, "Proving the Correctness of Multiprocess Programs", 1977
// (the ring with two counters); P. Lee et al., "A lock-free, cache-efficient
// shared ring buffer" (MCRingBuffer), ANCS 2009, and E. Rigtorp, SPSCQueue (what the
// sides remember of each other). The gate is ours.
//
// Not given: any sense to what happens if two goroutines put, or two get, at the
// same time. Items get lost or come twice then. Slots and copies are plain memory,
// so that the race detector reports it.
//
// Invariants:
//  1. head <= tail <= head+capacity. (The holder of the lock may see tail one
//     further, inside Swap.)
//  2. putter.at is tail's position, or it is putter.limit. getter.at is head's
//     position. (But for the instant between a CAS and the store of its copy.)
//  3. putter.limit <= head + one lap, getter.limit <= tail.
//  4. The slots from tail to head+capacity are clear, but for those of a put in
//     its step 2.
//  5. The gate of tail is up only while the ring is empty and open, the gate of
//     head only while it is full.
//  6. Gates and closed change only under the lock, and while a gate is up nobody
//     but the holder of the lock changes that word.
type SPSC[T any] struct {
	ends[T]

	// Written by Init, then only read.
	items    []T  // the slots, as many as the capacity
	parallel bool // both sides may run at once

	_      [Pad]byte // between the constants and putter
	putter side
	looked uint64    // where the putter was when it last looked for room and found some
	_      [Pad]byte // between putter and getter
	getter side
	_      [Pad]byte // between getter and the allocator's neighbour
}

// side is what belongs to one of the two goroutines.
type side struct {
	// at is the position of its word, tail or head, as it left it or last saw it.
	at uint64
	// limit is the position up to which it knows the slots to be its own: head of some
	// time ago and a lap for the putter, tail of some time ago for the getter.
	limit uint64
}

// Init makes r an empty ring that holds capacity items. It panics if capacity
// is less than 1 or more than the address space holds. It must not be called on
// a ring that is in use.
//
// Positions count from the begin of firstLap: 0, except in tests that start
// close below the wrap-around.
func (r *SPSC[T]) Init(capacity int, firstLap uint64) {
	if capacity < 1 {
		panic("queue: an SPSC needs a capacity of at least 1")
	}
	r.items = allocate[T](capacity)
	r.parallel = backoff.Parallel()
	r.init(capacity, 1, firstLap)
	r.looked = r.start
	r.putter = side{at: r.start, limit: r.start + r.lap}
	r.getter = side{at: r.start, limit: r.start}
}

// TryPut attempts once to put v in. It returns
//
//   - OK: v is in. It took effect when tail moved.
//   - Full: the ring held exactly its capacity when head was read, and was open
//     just before.
//   - Closed or Gated: tail had that flag. (Closed goes first.)
//   - Unmade: there was no Init.
//
// It never blocks and allocates nothing. One goroutine at a time may call it. A
// TryPut that returns OK synchronizes before the return of the TryGet, or Swap,
// that yields v.
func (r *SPSC[T]) TryPut(v T) State {
	for {
		if s := r.Room(); s != nil {
			*s = v
			if r.Publish() {
				return OK
			}
			stall.At(stall.SPSCPutClear)
			var zero T
			*s = zero
		}
		if state := r.lookForRoom(); state != OK {
			return state
		}
	}
}

// Room and Publish are TryPut in two halves, each small enough to be inlined. Room
// returns the slot that the next put fills, or nil if the putter knows of none. The
// slot is the putter's, to be filled before Publish, and to be left alone after it.
func (r *SPSC[T]) Room() *T {
	t := r.putter.at
	if int64(r.putter.limit-t) <= 0 {
		return nil
	}
	stall.At(stall.SPSCPutWrite)
	return &r.items[r.index(t)]
}

// Publish puts what is in the slot that Room returned into the ring. It reports
// whether it has. If not, tail has a flag, and the slot is the putter's still: it
// has to be cleared. A TryPut finds out about the flag.
func (r *SPSC[T]) Publish() bool {
	t := r.putter.at
	n := r.next(t)
	stall.At(stall.SPSCPutMove)
	if !r.tail.CompareAndSwap(t, n) { // pairs with the Loads of tail in Oldest and lookForItems
		return false
	}
	r.putter.at = n
	return true
}

// lookForRoom brings what the putter knows up to date. It returns OK if there is
// room, or else what TryPut returns.
func (r *SPSC[T]) lookForRoom() State {
	if r.items == nil {
		return Unmade
	}
	stall.At(stall.SPSCPutTail)
	t := r.tail.Load()
	switch {
	case t&closed != 0:
		return Closed
	case t&gate != 0:
		return Gated
	}
	stall.At(stall.SPSCPutHead)
	h := r.position(r.head.Load()) // pairs with the CAS on head in release, and the Store in Swap
	r.putter.at, r.putter.limit = t, h+r.lap
	switch {
	case t == r.putter.limit:
		return Full
	case r.onTheHeels(t):
		for range min(r.capacity, mostPauses*itemsPerPause) / itemsPerPause {
			backoff.Pause()
		}
		r.putter.limit = r.position(r.head.Load()) + r.lap // as above
	}
	r.looked = t
	return OK
}

// The putter keeps off the getter for some time, which depends on the capacity.
const (
	itemsPerPause = 16
	mostPauses    = 20 // 0.13 us
)

// onTheHeels reports whether the putter, at t, is close behind the getter: it has found
// little room now, and had found little the last time. Both write to the same cache lines
// then, and are slower than either needs to be; nothing is gained by going on at once.
func (r *SPSC[T]) onTheHeels(t uint64) bool {
	near := r.lap / 4
	return r.parallel && r.putter.limit-t < near && t-r.looked < near
}

// TryGet attempts once to take the oldest item. It returns
//
//   - OK: v is the item. It took effect when head moved.
//   - Last: the same, the ring is closed, and it was the last one.
//   - Empty: the ring held nothing, and was open, when tail was read.
//   - Drained: the ring held nothing and was closed then. It is so for good.
//   - Gated: the gate was up when head was read.
//   - Unmade: there was no Init.
//
// It never blocks and allocates nothing. One goroutine at a time may call it.
func (r *SPSC[T]) TryGet() (v T, _ State) {
	var flag uint64 // closed, when the getter has seen that
	for {
		s := r.Oldest()
		if s == nil {
			if state := r.lookForItems(); state != OK {
				return v, state
			}
			continue
		}
		v, *s = *s, v
		if r.Release(flag) {
			return v, r.taken(flag)
		}
		v, *s = *s, v
		if flag = r.lookForFlags(); flag&gate != 0 {
			return v, Gated
		}
	}
}

// Oldest and Release are TryGet in two halves, each small enough to be inlined.
// Oldest returns the slot of the oldest item, or nil if there is none. The slot is
// the getter's, to be cleared before Release, and to be left alone after it.
func (r *SPSC[T]) Oldest() *T {
	h := r.getter.at
	if int64(r.getter.limit-h) <= 0 {
		stall.At(stall.SPSCGetTail)
		r.getter.limit = r.position(r.tail.Load()) // pairs with the CAS on tail in Publish
		if r.getter.limit == h {
			return nil
		}
	}
	stall.At(stall.SPSCGetRead)
	return &r.items[r.index(h)]
}

// Release passes the slot that Oldest returned on to the putter, if head has this
// flag and no other. It reports whether it has. If not, the slot is the getter's
// still: the item has to be put back. A TryGet finds out about the flag, which is 0
// for everybody else.
func (r *SPSC[T]) Release(flag uint64) bool {
	h := r.getter.at | flag
	n := r.next(h)
	stall.At(stall.SPSCGetMove)
	if !r.head.CompareAndSwap(h, n) { // pairs with the Load of head in lookForRoom
		return false
	}
	r.getter.at = n ^ flag
	return true
}

// lookForItems brings what the getter knows up to date. It returns OK if there are
// items, or else what TryGet returns.
func (r *SPSC[T]) lookForItems() State {
	if r.items == nil {
		return Unmade
	}
	stall.At(stall.SPSCGetTail)
	t := r.tail.Load() // pairs with the CAS on tail in Publish
	r.getter.limit = r.position(t)
	switch {
	case r.getter.limit != r.getter.at:
		return OK
	case t&closed != 0:
		return Drained
	}
	return Empty
}

// lookForFlags returns the flags of head, for the getter that lost its CAS to one.
func (r *SPSC[T]) lookForFlags() uint64 {
	stall.At(stall.SPSCGetFlags)
	h := r.head.Load()
	r.getter.at = r.position(h)
	return h & flags
}

// taken returns what a get returns that has taken items off a head with that flag.
func (r *SPSC[T]) taken(flag uint64) State {
	if flag == 0 {
		return OK
	}
	stall.At(stall.SPSCLast)
	if r.position(r.tail.Load()) != r.getter.at {
		return OK
	}
	return Last // nothing enters any more but by Swap, and that needs a full ring
}

// PutIfReady, GetIfReady, NotPut and NotGot are for callers that do not know which kind
// of ring they have. A side of an SPSC cannot tell without a look at the other's word.

// PutIfReady is TryPut.
func (r *SPSC[T]) PutIfReady(v T) State { return r.TryPut(v) }

// GetIfReady is TryGet.
func (r *SPSC[T]) GetIfReady() (T, State) { return r.TryGet() }

// NotPut returns what TryPut does if nothing can be put, or else Busy.
func (r *SPSC[T]) NotPut() State {
	if state := r.lookForRoom(); state != OK {
		return state
	}
	return Busy
}

// NotGot returns what TryGet does if nothing can be taken, or else Busy.
func (r *SPSC[T]) NotGot() State {
	if state := r.lookForItems(); state != OK {
		return state
	}
	return Busy
}

// TryPutBatch attempts once to put the items of vs in, in order. It returns how
// many are in and OK if there are any; if not, what TryPut would return. vs must
// not be empty. It takes effect when tail moved, at one instant. One goroutine at
// a time may call it, or TryPut.
func (r *SPSC[T]) TryPutBatch(vs []T) (int, State) {
	for {
		n := r.reach(&r.putter)
		if n < len(vs) {
			if state := r.lookForRoom(); state != OK {
				return 0, state
			}
			n = r.reach(&r.putter)
		}
		n = min(n, len(vs))
		t := r.putter.at
		stall.At(stall.SPSCPutWrite)
		first, second := r.part(t, n)
		copy(second, vs[copy(first, vs[:n]):n])
		stall.At(stall.SPSCPutMove)
		if to := r.advance(t, n); r.tail.CompareAndSwap(t, to) { // as in Publish
			r.putter.at = to
			return n, OK
		}
		stall.At(stall.SPSCPutClear)
		clear(first)
		clear(second)
		if state := r.lookForRoom(); state != OK {
			return 0, state
		}
	}
}

// TryGetBatch attempts once to take items into buf, oldest first. It returns how
// many it took and OK, or Last, if there are any; if not, what TryGet would
// return. buf must not be empty. It takes effect when head moved, at one instant.
// If it is Gated, buf may have got items that are in the ring still, the oldest
// first. One goroutine at a time may call it, or TryGet.
func (r *SPSC[T]) TryGetBatch(buf []T) (int, State) {
	var flag uint64
	for {
		n := r.reach(&r.getter)
		if n < len(buf) {
			if state := r.lookForItems(); state != OK {
				return 0, state
			}
			n = r.reach(&r.getter)
		}
		n = min(n, len(buf))
		stall.At(stall.SPSCGetRead)
		first, second := r.part(r.getter.at, n)
		copy(buf[copy(buf, first):], second)
		clear(first)
		clear(second)
		h := r.getter.at | flag
		stall.At(stall.SPSCGetMove)
		if to := r.advance(h, n); r.head.CompareAndSwap(h, to) { // as in Release
			r.getter.at = to ^ flag
			return n, r.taken(flag)
		}
		copy(second, buf[copy(first, buf):])
		if flag = r.lookForFlags(); flag&gate != 0 {
			return 0, Gated
		}
	}
}

// reach returns how many slots s knows to be its own.
func (r *SPSC[T]) reach(s *side) int {
	if int64(s.limit-s.at) <= 0 {
		return 0
	}
	return int(r.distance(s.at, s.limit))
}

// part returns n slots from that of p on: those up to the end of the ring, and those
// from its begin.
func (r *SPSC[T]) part(p uint64, n int) (first, second []T) {
	first = r.items[r.index(p):]
	if n <= len(first) {
		return first[:n], nil
	}
	return first, r.items[:n-len(first)]
}

// The functions below need the lock, as those of ends do. Only the getting
// goroutine may call Swap and TakeAll.

// HeadReady reports whether there is an item at head.
func (r *SPSC[T]) HeadReady() bool {
	h := r.position(r.head.Load())
	stall.At(stall.HeadStamp)
	return r.position(r.tail.Load()) != h
}

// BeginSwap is the first half of Swap, as of Ring. It never returns nil.
func (r *SPSC[T]) BeginSwap() *T {
	h, t := r.head.Load(), r.tail.Load()
	if invariants.Enabled {
		invariants.Check(h&gate != 0, "Swap with the gate of head down")
		invariants.Check(r.position(t) == r.position(h)+r.lap, "gate of head up, ring not full")
	}
	stall.At(stall.SwapRead)
	return &r.items[r.index(h)]
}

// EndSwap is the second half of Swap. Tail moves before head, so that nobody sees room in
// between, or an empty ring.
func (r *SPSC[T]) EndSwap(more bool) {
	h, t := r.head.Load(), r.tail.Load()
	stall.At(stall.SwapTail)
	r.tail.Store(r.next(t)) // with its flags; the putter waits
	n := r.next(h) &^ gate
	r.getter.at = r.position(n)
	if more {
		n |= gate
	}
	stall.At(stall.SwapHead)
	r.head.Store(n)
}

// TakeAll closes the ring and takes out all items, oldest first, at one instant:
// when the flags are set in tail. The gate of head is down afterwards.
func (r *SPSC[T]) TakeAll() (items []T) {
	if r.tail.Load()&emptied != 0 {
		return nil
	}
	h := r.position(r.head.Load()) // the getter's, so it stays where it is
	stall.At(stall.TakeFlag)
	t := r.position(r.tail.Or(closed | emptied))
	first, second := r.part(h, int(r.distance(h, t)))
	items = slices.Concat(first, second)
	clear(first)
	clear(second)
	stall.At(stall.TakeHead)
	r.getter.at = t
	r.head.Store(t | closed)
	return items
}
