package lockfree

import (
	"sync"
	"sync/atomic"
	"unsafe"

	"github.com/parkring/queue/internal/invariants"
	"github.com/parkring/queue/internal/stall"
)

// Chain is an unbounded FIFO buffer for any number of putting and getting
// goroutines: a linked list of Rings. In steady state one ring goes round and
// nothing is allocated. When it is full, the chain grows by a ring of twice the
// size; after a burst the rings that are behind are garbage.
//
// Idea: puts go to the last ring, gets come from the first. A full ring is
// retired: a flag in its tail, after which no put enters, so that it can be
// drained and left for good. Its successor begins life with the item that did
// not fit. The garbage collector takes the place of hazard pointers: nobody
// reuses a ring that somebody may still see.
//
//	put  1. r = last; put into r. OK, Closed, Gated: done
//	     2. Retired: move last on to r.next, and again
//	     3. Full: take the lock; grow
//	get  1. r = first; get from r. OK, Empty, Drained: done
//	     2. Retired, so drained for good: move first on to r.next, and again
//
//	first               last
//	  |                   |
//	  v                   v
//	[retired] -next-> [open, closed, or its gate up]
//
// Sources: A. Morrison and Y. Afek, "Fast concurrent queues for x86 processors"
// (LCRQ, PPoPP 2013): a list of rings that are closed when they are full;
// sync.Pool's poolChain (Go): rings of doubling size. Growing under the lock is
// ours.
//
// Not given: a bound, a Swap (nobody waits to put, so there is nobody to
// promote), and lock-freedom of the put that grows the chain.
//
// Invariants:
//  1. Every ring but the last is retired; next of a ring is set before the ring
//     is retired, and never changes afterwards.
//  2. The last ring is never retired, so the flags closed and gate, which live
//     in its tail, need never move: both are set under the lock, like retired.
//  3. A ring joins with one item in it. So head == tail in the last ring
//     implies that all earlier rings are drained.
type Chain[T any] struct {
	_ [Pad]byte // between the allocator's neighbour and last

	// last is the ring that puts go to, or one that is retired and about to be
	// left. Moved to a ring's next by the holder of the lock and by putters that
	// find the ring retired.
	last atomic.Pointer[link[T]]
	_    [Pad - unsafe.Sizeof(uintptr(0))]byte // between last and first

	// first is the ring that gets come from. Moved to a ring's next by getters
	// that find the ring drained.
	first atomic.Pointer[link[T]]

	_ [Pad - unsafe.Sizeof(uintptr(0))]byte // between first and the constants

	// Written by Init, then only read.
	start uint64      // the first position
	lock  sync.Locker // held to grow

	_ [Pad]byte // between the constants and the allocator's neighbour
}

// link is a ring in a chain. Its capacity is a power of two.
type link[T any] struct {
	Ring[T]
	// base is the chain's position of this ring's position 0: positions run
	// through all rings of a chain without a gap. Written before the ring before
	// is retired, and never afterwards.
	base uint64
	// next is the ring that follows. Set once, under the lock.
	next atomic.Pointer[link[T]]
}

// FirstSlots is a good size for a chain's first ring: small, for chains that are
// never used much.
const FirstSlots = 32

// The largest ring bounds what a chain keeps after a burst, in bytes or, for
// large items, in slots.
const (
	largestBytes = 64 << 10
	largestSlots = 32 // at least
)

// Init makes c an empty chain. It must not be called on a chain in use. The
// first ring has so many slots, a power of two, and counts from firstLap, as in
// Ring.Init. The lock is the one that the functions below need; TryPut takes it
// to grow.
func (c *Chain[T]) Init(slots int, firstLap uint64, lock sync.Locker) {
	if slots&(slots-1) != 0 {
		panic("queue: a chain needs rings whose size is a power of two")
	}
	r := new(link[T])
	r.build(slots, 1, firstLap)
	c.start = r.start
	c.lock = lock
	c.last.Store(r)
	c.first.Store(r)
}

// Last returns the ring that puts go to. It may be retired by the time of its
// use, unless the lock is held: a TryPut says so.
func (c *Chain[T]) Last() *Ring[T] { return &c.last.Load().Ring }

// First returns the ring that gets come from. It may be retired and drained by
// the time of its use: a TryGet says so.
func (c *Chain[T]) First() *Ring[T] { return &c.first.Load().Ring }

// TryPut attempts once to put v in. It returns what Ring.TryPut does, except
// for Retired and Full: it makes the chain longer then, which allocates, and
// takes the lock.
func (c *Chain[T]) TryPut(v T) State {
	r := c.last.Load()
	stall.At(stall.ChainPut)
	s := r.TryPut(v)
	if s == Retired || s == Full {
		return c.putNext(r, s, v)
	}
	return s
}

// PutIfReady is TryPut: a chain has always room.
func (c *Chain[T]) PutIfReady(v T) State { return c.TryPut(v) }

// GetIfReady is to TryGet what Ring.GetIfReady is to Ring.TryGet.
func (c *Chain[T]) GetIfReady() (T, State) {
	r := c.first.Load()
	v, s := r.GetIfReady()
	return v, c.leave(r, s)
}

// NotPut returns what Ring.NotPut does of the last ring.
func (c *Chain[T]) NotPut() State { return c.last.Load().NotPut() }

// NotGot returns what Ring.NotGot does, except for Retired.
func (c *Chain[T]) NotGot() State {
	r := c.first.Load()
	return c.leave(r, r.NotGot())
}

// TryPutBatch is to TryPut what Ring.TryPutBatch is to Ring.TryPut.
func (c *Chain[T]) TryPutBatch(vs []T) (int, State) {
	r := c.last.Load()
	stall.At(stall.ChainPut)
	n, s := r.TryPutBatch(vs)
	if s == Retired || s == Full {
		if s = c.putNext(r, s, vs[0]); s == OK {
			n = 1
		}
	}
	return n, s
}

// putNext goes on with a put of v to the ring r, which was Retired or Full.
func (c *Chain[T]) putNext(r *link[T], s State, v T) State {
	if s == Full {
		c.lock.Lock()
		defer c.lock.Unlock()
		return c.grow(v)
	}
	stall.At(stall.ChainNext)
	c.last.CompareAndSwap(r, r.next.Load())
	return Busy
}

// TryGet attempts once to take the oldest item. It returns what Ring.TryGet
// does, except for Retired.
func (c *Chain[T]) TryGet() (T, State) {
	r := c.first.Load()
	stall.At(stall.ChainGet)
	v, s := r.TryGet()
	return v, c.leave(r, s)
}

// TryGetBatch is to TryGet what Ring.TryGetBatch is to Ring.TryGet.
func (c *Chain[T]) TryGetBatch(buf []T) (int, State) {
	r := c.first.Load()
	stall.At(stall.ChainGet)
	n, s := r.TryGetBatch(buf)
	return n, c.leave(r, s)
}

// leave moves first on from r if s, of a get, is Retired, which makes it Busy.
func (c *Chain[T]) leave(r *link[T], s State) State {
	if s != Retired {
		return s
	}
	stall.At(stall.ChainLeave)
	c.first.CompareAndSwap(r, r.next.Load())
	return Busy
}

// tail returns the position of the next put, and the flags of the last ring, at
// the instant of the load that read it.
func (c *Chain[T]) tail() (position, flagged uint64) {
	r := c.last.Load()
	for {
		stall.At(stall.ChainTail)
		t := r.tail.Load()
		if t&retired == 0 { // a ring that is not retired is the last
			return r.base + r.position(t), t & flags
		}
		r = r.next.Load()
	}
}

// head returns the position of the next get at one instant between the two
// loads. Nobody had gone beyond r at the first one; if somebody has by the second,
// r was drained in between, and the position is that of its end.
func (c *Chain[T]) head() (position uint64) {
	r := c.first.Load()
	stall.At(stall.ChainHead)
	return r.base + r.position(r.head.Load())
}

// Cap returns 0: a chain has no bound.
func (c *Chain[T]) Cap() int { return 0 }

// Len returns how many items the chain held at one instant during the call.
func (c *Chain[T]) Len() int {
	for {
		t, flagged := c.tail()
		h := c.head()
		if now, is := c.tail(); now != t || (is^flagged)&emptied != 0 {
			continue // tail was not t when head was read
		}
		if flagged&emptied != 0 {
			return 0
		}
		return int((t - h) / one)
	}
}

// Closed reports whether the chain is closed.
func (c *Chain[T]) Closed() bool {
	_, flagged := c.tail()
	return flagged&closed != 0
}

// Drained reports whether the chain is closed and holds nothing, which is then
// so for good.
func (c *Chain[T]) Drained() bool {
	h := c.head()
	t, flagged := c.tail() // after head, as in Ring
	return flagged&emptied != 0 || flagged&closed != 0 && t == h
}

// Entered returns how many items have come in.
func (c *Chain[T]) Entered() uint64 {
	t, _ := c.tail()
	return (t - c.start) / one
}

// Left returns how many items have gone out.
func (c *Chain[T]) Left() uint64 { return (c.head() - c.start) / one }

// The functions below need the lock, as those of Ring do.

// ShutPut does what Ring.ShutPut does.
func (c *Chain[T]) ShutPut() bool { return c.last.Load().ShutPut() }

// OpenPut does what Ring.OpenPut does.
func (c *Chain[T]) OpenPut() { c.last.Load().OpenPut() }

// Close does what Ring.Close does.
func (c *Chain[T]) Close() (gated bool) { return c.last.Load().Close() }

// Check does what Ring.Check does.
func (c *Chain[T]) Check(putGate, getGate bool) { c.last.Load().Check(putGate, getGate) }

// A chain is never full, so nobody waits to put: the gate on the get side is up
// only while TakeAll is at work.

// ShutGet does nothing, and returns false.
func (c *Chain[T]) ShutGet() bool { return false }

// OpenGet does nothing.
func (c *Chain[T]) OpenGet() {}

// HeadReady returns false: there is nothing to Swap.
func (c *Chain[T]) HeadReady() bool { return false }

// BeginSwap and EndSwap panic.
func (c *Chain[T]) BeginSwap() *T { panic(neverFull) }
func (c *Chain[T]) EndSwap(bool)  { panic(neverFull) }

const neverFull = "queue: a chain is never full"

// grow puts v into a new ring behind the last one, if that is full and open: OK.
// If not, it is Busy. It takes effect when the last ring is retired.
func (c *Chain[T]) grow(v T) State {
	r := c.last.Load()
	if r.tail.Load()&flags != 0 || r.Len() < r.Cap() {
		return Busy
	}
	m := new(link[T])
	m.build(successorCap[T](r.Cap()), 1, 0)
	m.TryPut(v)
	stall.At(stall.GrowLink)
	r.next.Store(m)
	for {
		// Getters may have made room by now and putters have used it. That is
		// no harm: whatever is in r when it is retired is older than v.
		stall.At(stall.GrowTail)
		t := r.tail.Load()
		m.base = r.base + t
		stall.At(stall.GrowRetire)
		if r.tail.CompareAndSwap(t, t|retired) {
			break
		}
	}
	stall.At(stall.GrowLast)
	c.last.CompareAndSwap(r, m) // a putter may have done it
	if invariants.Enabled {
		invariants.Check(c.last.Load() == m, "the last ring of a chain moved under the lock")
	}
	return OK
}

// TakeAll does what Ring.TakeAll does. It raises the gate of the first ring that
// is not drained for good: nobody gets beyond that one.
func (c *Chain[T]) TakeAll() (items []T) {
	last := c.last.Load()
	if last.tail.Load()&emptied != 0 {
		return nil
	}
	r := c.first.Load()
	for r.raiseHead() == r.position(r.tail.Load()) && r != last {
		r = r.next.Load() // only the last ring is not retired
	}
	stall.At(stall.TakeFlag)
	end := r.position(last.tail.Or(closed | emptied))
	for ; r != last; r = r.next.Load() {
		items = r.takeTo(r.position(r.tail.Load()), items)
	}
	items = last.takeTo(end, items)
	c.first.Store(last)
	stall.At(stall.TakeHead)
	last.head.Store(end | closed)
	return items
}

// successorCap returns the capacity of the ring that follows one of capacity n.
func successorCap[T any](n int) int {
	largest := max(largestSlots, largestBytes/int(unsafe.Sizeof(Slot[T]{})))
	if 2*n > largest {
		return n
	}
	return 2 * n
}
