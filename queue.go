// Package queue is a FIFO queue for use within a process: any number of
// goroutines put, any number get, with or without a bound.
//
//	q := queue.New[Job](64) // holds at most 64 jobs; 0 means no bound
//
//	// producers                        // consumers
//	err := q.Put(ctx, job)              for job := range q.All(ctx) {
//	                                        job.Do()
//	q.Close() // nothing new comes in   } // ends when all is delivered
//
// Put waits while the queue is full and Get while it is empty, until their
// context is done. Close means drain, then error: from then on every new Put
// fails with [ErrClosed], but whatever is on its way comes out, in order: the
// items in the queue, and those of Puts that were waiting at that moment. Then
// every Get returns ErrClosed.
//
// # Promises
//
// The capacity is exact. Items leave in the order in which they were accepted,
// and waiting calls are served in the order in which they began to wait. Every
// call takes effect at one instant between its call and its return (it is
// linearizable), so that [ErrFull] means full and [ErrEmpty] empty, and never a
// lost race. A call whose context ends has had no effect. What a goroutine did
// before a Put happens before what another does after the Get of that item.
//
// Put and Get have a lock-free fast path: two atomic read-modify-writes each,
// no lock and no allocation. A goroutine that has to wait is parked and uses no
// processor. A goroutine that is stopped by the scheduler in the few
// instructions between claiming a slot and filling it delays the calls that
// need that very slot (they yield the processor in the meantime); one that is
// stopped in the short critical section of the slow path delays the calls that
// have to wait, wake or close.
//
// # How to read the source
//
// Start with this file: a call makes one attempt in the ring, and if that does
// not settle it goes on in a slow path. Then lockfree (ring.go, then chain.go
// for queues without a bound), which knows nothing of waiting; then parking
// (waiter.go, list.go), which knows nothing of rings. This file is the only
// place where the two meet. The calls to package stall mark the steps at which
// tests stop a goroutine; nothing is left of them in a build. closenow.go, join.go,
// force.go and stats.go have one concern each. docs/design.md has the reasons,
// docs/memory-model.md the proofs.
package queue

import (
	"context"
	"errors"
	"iter"
	"sync/atomic"

	"github.com/parkring/queue/internal/backoff"
	"github.com/parkring/queue/internal/invariants"
	"github.com/parkring/queue/lockfree"
	"github.com/parkring/queue/parking"
)

// The errors are returned as they are, so that both == and errors.Is find them.
var (
	// ErrClosed is what a put gets on a closed queue, and a get on a drained one:
	// closed, no item left and no waiting Put left.
	ErrClosed = errors.New("queue: closed")
	// ErrFull is what TryPut gets on an open queue that holds Cap items.
	ErrFull = errors.New("queue: full")
	// ErrEmpty is what TryGet gets on a queue that holds no item and is open.
	ErrEmpty = errors.New("queue: empty")
)

// Queue is a FIFO queue for any number of putting and getting goroutines. Use
// [New] to make one: the methods of a Queue that is not made by New panic. A
// Queue must not be copied.
//
// A bounded queue is a ring of slots with stamps (D. Vyukov's algorithm, with
// crossbeam's laps), an unbounded one a chain of such rings; see package
// lockfree. Waiting is a hand-off: the Put that finds Gets waiting gives its
// item to the one that has waited longest, and the Get that makes room moves
// the item of the Put that has waited longest into the ring.
//
// Invariants, whenever mu is free:
//  1. The gate of the ring's tail is up exactly while getters is not empty. The
//     ring is then empty and open, and every put comes by here.
//  2. The gate of the ring's head is up exactly while putters is not empty. The
//     ring is then full, and every get comes by here.
type Queue[T any] struct {
	_ [lockfree.Pad]byte // between the allocator's neighbour and chain

	// Written by New, then only read.
	chain *lockfree.Chain[T] // nil if the queue is bounded

	ring lockfree.Ring[T] // padded; not used if the queue is unbounded

	// mu is the lock that lockfree and parking speak of. It guards what follows,
	// the gates, and closing.
	mu      parking.Mutex
	getters parking.List[T] // the Gets that wait, oldest first
	putters parking.List[T] // the Puts that wait, oldest first
	waiters parking.Pool[T]
	handed  atomic.Uint64 // the items that were handed to waiting Gets; read by anyone
	end     end           // for Done
	tasks   tasks         // for Join

	_ [lockfree.Pad]byte // between waiters and the allocator's neighbour
}

// New makes a queue that holds at most capacity items, or any number if
// capacity is 0 or less. It starts no goroutine and no timer; a queue that is
// dropped is collected.
//
// A bounded queue allocates its capacity at once: 8 bytes and a T, rounded up to
// a multiple of 8, per item. An unbounded one starts with 2.5 KiB for small T,
// grows with what it holds and shrinks after a burst. New panics if no address
// space could hold capacity items.
//
// A queue that is used in a testing/synctest bubble must be made in it.
func New[T any](capacity int) *Queue[T] { return newQueue[T](capacity, 0) }

// newQueue is New with positions that count from firstLap, which tests start
// close below the wrap-around.
func newQueue[T any](capacity int, firstLap uint64) *Queue[T] {
	q := new(Queue[T])
	if capacity > 0 {
		q.ring.Init(capacity, firstLap)
	} else {
		q.chain = new(lockfree.Chain[T])
		q.chain.Init(lockfree.FirstSlots, firstLap)
	}
	return q
}

// Put appends v to the queue. While the queue is full it waits; Puts that wait
// go in in the order in which they began to wait, and no newcomer overtakes
// them.
//
// Put returns nil when v has been accepted: v will be delivered exactly once. It
// returns [ErrClosed] if the queue was closed before v was accepted or Put began
// to wait. A Put that is waiting when Close is called goes on waiting: its item
// is delivered after those before it. Put returns ctx.Err() if ctx ended while
// the queue was full; v is not in the queue then. Put does not look at ctx as
// long as it need not wait, and a nil ctx never ends. If room and the end of
// ctx come at once, the result says which was first.
//
// A Put that returns nil synchronizes before the return of the Get that
// delivers v. Put allocates nothing, whether it waits or not, except for the
// queue's first waiters.
func (q *Queue[T]) Put(ctx context.Context, v T) error {
	s := q.last().TryPut(v)
	if s == lockfree.OK {
		return nil
	}
	return q.putSlow(ctx, v, s)
}

// TryPut appends v to the queue if that is possible without waiting. It returns
// [ErrClosed] if the queue is closed, and otherwise [ErrFull] if it held Cap
// items at an instant during the call. It never returns ErrFull because it lost
// a race. A queue without a bound is never full. A TryPut that returns nil
// synchronizes before the return of the Get that delivers v.
func (q *Queue[T]) TryPut(v T) error {
	s := q.last().TryPut(v)
	switch s {
	case lockfree.OK:
		return nil
	case lockfree.Full:
		if q.chain == nil {
			return ErrFull
		}
	}
	return q.tryPutSlow(v, s)
}

// Get takes the oldest item out of the queue. While the queue is empty it waits;
// Gets that wait are served in the order in which they began to wait, and no
// newcomer overtakes them.
//
// Get returns [ErrClosed] if the queue is drained: closed, and every item
// delivered, those of Puts that were waiting at Close included. After one Get
// has returned ErrClosed all do. Get returns ctx.Err() if ctx ended while the
// queue was empty; no item has been taken then. Get does not look at ctx as long
// as it need not wait, and a nil ctx never ends. If an item and the end of ctx
// come at once, Get returns either the item, or the error and leaves the item
// to others.
//
// What the putting goroutine did before its Put happens before the return of
// the Get. Close synchronizes before the return of ErrClosed. Get allocates
// nothing, whether it waits or not, except for the queue's first waiters.
func (q *Queue[T]) Get(ctx context.Context) (T, error) {
	v, s := q.first().TryGet()
	if s == lockfree.OK {
		return v, nil
	}
	return q.getSlow(ctx, v, s)
}

// TryGet takes the oldest item out of the queue if there is one. It returns
// [ErrClosed] if the queue is drained, and [ErrEmpty] if it held no item at an
// instant during the call. It never returns ErrEmpty because it lost a race: if
// a put has returned nil, only another get of that item makes the queue empty.
func (q *Queue[T]) TryGet() (T, error) {
	v, s := q.first().TryGet()
	switch s {
	case lockfree.OK:
		return v, nil
	case lockfree.Empty:
		return v, ErrEmpty
	}
	return q.tryGetSlow(v, s)
}

// All returns an iterator that takes items out of the queue, one per step, as
// Get does: it waits while the queue is empty. It ends when the queue is
// drained, or when ctx is done and the queue is empty; ctx.Err() tells the
// caller which. A loop that breaks off has taken just the items it has seen, and
// any number of loops may share a queue.
func (q *Queue[T]) All(ctx context.Context) iter.Seq[T] {
	return func(yield func(T) bool) {
		for {
			v, err := q.Get(ctx)
			if err != nil || !yield(v) {
				return
			}
		}
	}
}

// Close closes the queue: from the instant at which it takes effect every new
// put fails with [ErrClosed]. Items in the queue and Puts that are waiting at
// that instant are still delivered, in order; then every waiting and every later
// get returns ErrClosed. Close never waits for that, and closing again does
// nothing. If nobody gets any more, Puts that are waiting go on waiting until
// their context ends.
func (q *Queue[T]) Close() {
	q.check()
	q.mu.Lock()
	var getters parking.List[T]
	if q.last().Close() { // takes effect here; the gate was up, so there are getters, and no item
		getters = q.getters.UnlistAll(ErrClosed)
		q.last().OpenPut()
	}
	q.settle()
	q.unlock()
	getters.WakeAll()
}

// Closed reports whether Close has been called.
func (q *Queue[T]) Closed() bool {
	q.check()
	if q.chain == nil {
		return q.ring.Closed()
	}
	return q.chain.Closed()
}

// Drained reports whether the queue is closed, holds no item and has no waiting
// Put. It is so for good then.
func (q *Queue[T]) Drained() bool {
	q.check()
	if q.chain == nil {
		return q.ring.Drained() // a waiting Put means that the ring is full, so not drained
	}
	return q.chain.Drained()
}

// Len returns how many items the queue held at one instant during the call:
// between 0 and Cap. Puts that wait are not counted. It is a snapshot, out of
// date when it is there if others use the queue.
func (q *Queue[T]) Len() int {
	q.check()
	if q.chain == nil {
		return q.ring.Len()
	}
	return q.chain.Len()
}

// Cap returns how many items the queue can hold, or 0 if it has no bound.
func (q *Queue[T]) Cap() int {
	q.check()
	return q.ring.Cap()
}

// Empty reports whether the queue held no item at one instant during the call.
// It is a snapshot, like Len.
func (q *Queue[T]) Empty() bool { return q.Len() == 0 }

// Full reports whether the queue held Cap items at one instant during the call.
// It is a snapshot, like Len. A queue without a bound is never full.
func (q *Queue[T]) Full() bool { return q.chain == nil && q.Len() == q.ring.Cap() }

const notMade = "queue: a Queue must be made by New"

// check panics if q was not made by New.
func (q *Queue[T]) check() {
	if q.chain == nil && q.ring.Cap() == 0 {
		panic(notMade)
	}
}

// last returns the ring that puts go to.
func (q *Queue[T]) last() *lockfree.Ring[T] {
	if q.chain == nil {
		return &q.ring
	}
	return q.chain.Last()
}

// first returns the ring that gets come from.
func (q *Queue[T]) first() *lockfree.Ring[T] {
	if q.chain == nil {
		return &q.ring
	}
	return q.chain.First()
}

// put goes on after an attempt to put v that returned s, until it is settled
// without waiting: OK, Full or Closed.
func (q *Queue[T]) put(v T, s lockfree.State) lockfree.State {
	for {
		switch s {
		case lockfree.Gated:
			if q.hand(v) {
				return lockfree.OK
			}
		case lockfree.Full:
			if q.chain == nil {
				return s
			}
			if q.grow(v) {
				return lockfree.OK
			}
		case lockfree.Busy, lockfree.Retired:
			backoff.Yield()
		case lockfree.Unmade:
			panic(notMade)
		default:
			return s
		}
		if q.chain == nil {
			s = q.ring.TryPut(v)
		} else {
			s = q.chain.TryPut(v)
		}
	}
}

// get goes on after an attempt to get that returned v and s, which is not OK,
// until it is settled without waiting: OK, Empty or Drained.
func (q *Queue[T]) get(v T, s lockfree.State) (T, lockfree.State) {
	for {
		switch s {
		case lockfree.Gated:
			if v, ok := q.promote(); ok {
				return v, lockfree.OK
			}
		case lockfree.Last:
			q.finish()
			return v, lockfree.OK
		case lockfree.Drained:
			q.finish()
			return v, s
		case lockfree.Busy, lockfree.Retired:
			backoff.Yield()
		case lockfree.Unmade:
			panic(notMade)
		default:
			return v, s
		}
		if q.chain == nil {
			v, s = q.ring.TryGet()
		} else {
			v, s = q.chain.TryGet()
		}
	}
}

// tryPutSlow is TryPut after a first attempt that returned s.
func (q *Queue[T]) tryPutSlow(v T, s lockfree.State) error {
	switch q.put(v, s) {
	case lockfree.OK:
		return nil
	case lockfree.Full:
		return ErrFull
	}
	return ErrClosed
}

// tryGetSlow is TryGet after a first attempt that returned v and s, which is not
// OK.
func (q *Queue[T]) tryGetSlow(v T, s lockfree.State) (T, error) {
	v, s = q.get(v, s)
	switch s {
	case lockfree.OK:
		return v, nil
	case lockfree.Empty:
		return v, ErrEmpty
	}
	return v, ErrClosed
}

// putSlow is Put after a first attempt that returned s.
//
// Who sleeps here: a Put of a full, open ring, whose gate on the get side went
// up, or was up, when the Put was listed. Who wakes it: every get of a ring
// whose gate is up comes to promote, which serves the oldest. So a Put sleeps on
// only while nobody gets. Close leaves it listed: it is admitted.
func (q *Queue[T]) putSlow(ctx context.Context, v T, s lockfree.State) error {
	for {
		switch q.put(v, s) {
		case lockfree.OK:
			return nil
		case lockfree.Closed:
			return ErrClosed
		}
		if err := ended(ctx); err != nil {
			return err
		}
		q.mu.Lock()
		if q.ring.ShutGet() {
			w := q.enlist(&q.putters)
			w.Item = v
			q.unlock()
			_, err := q.sleep(ctx, w, &q.putters)
			return err
		}
		q.unlock()
		s = lockfree.Busy // somebody made room, or closed the queue
	}
}

// getSlow is Get after a first attempt that returned v and s, which is not OK.
//
// Who sleeps here: a Get of an empty, open ring, whose gate on the put side went
// up, or was up, when the Get was listed. Who wakes it: every put to a ring
// whose gate is up comes to hand, which serves the oldest, and Close wakes all.
// So a Get sleeps on only while nobody puts.
func (q *Queue[T]) getSlow(ctx context.Context, v T, s lockfree.State) (T, error) {
	for {
		switch v, s = q.get(v, s); s {
		case lockfree.OK:
			return v, nil
		case lockfree.Drained:
			return v, ErrClosed // before ctx is looked at
		}
		if err := ended(ctx); err != nil {
			return v, err
		}
		q.mu.Lock()
		if q.last().ShutPut() {
			w := q.enlist(&q.getters)
			q.unlock()
			return q.sleep(ctx, w, &q.getters)
		}
		q.unlock()
		s = lockfree.Busy // somebody put, or closed the queue
	}
}

// ended returns ctx.Err(), or nil for a nil ctx.
func ended(ctx context.Context) error {
	if ctx == nil {
		return nil
	}
	return ctx.Err()
}

// done returns ctx.Done(), or nil for a nil ctx.
func done(ctx context.Context) <-chan struct{} {
	if ctx == nil {
		return nil
	}
	return ctx.Done()
}

// enlist returns a waiter that is the last in l, whose gate is up. It needs mu.
func (q *Queue[T]) enlist(l *parking.List[T]) *parking.Waiter[T] {
	q.mu.Observe(!l.Empty())
	w := q.waiters.Take()
	l.Push(w)
	return w
}

// sleep waits until w, which is listed in l, is served, and returns what it was
// served with; or until ctx ends. If both happen, what counts is which came
// first to mu: a call that has been served reports success, so that nothing
// that was handed to it is lost, and no wake-up either.
func (q *Queue[T]) sleep(ctx context.Context, w *parking.Waiter[T], l *parking.List[T]) (T, error) {
	if !w.Sleep(done(ctx)) {
		if q.cancel(w, l) {
			q.waiters.Give(w)
			var zero T
			return zero, ctx.Err()
		}
		w.Sleep(nil) // the Wake is under way
	}
	return q.waiters.Give(w)
}

// cancel takes w out of l if it has not been served, and reports whether it did.
func (q *Queue[T]) cancel(w *parking.Waiter[T], l *parking.List[T]) bool {
	q.mu.Lock()
	defer q.unlock()
	if !w.Listed() {
		return false
	}
	l.Remove(w) // a Put or Get that is cancelled takes effect here
	if q.getters.Empty() {
		q.last().OpenPut()
	}
	if q.putters.Empty() {
		q.ring.OpenGet()
	}
	return true
}

// hand gives v to the Get that has waited longest. It reports whether there was
// one; if not, the gate is down by now. The Put and that Get take effect at the
// Pop, one after the other; the ring is empty and stays so.
func (q *Queue[T]) hand(v T) bool {
	q.mu.Lock()
	w := q.getters.Pop()
	if w == nil {
		q.unlock()
		return false
	}
	w.Item = v
	q.handed.Store(q.handed.Load() + 1)
	if q.getters.Empty() {
		q.last().OpenPut()
	}
	q.unlock()
	w.Wake()
	return true
}

// promote takes the oldest item and moves that of the Put that has waited
// longest into the ring. It reports whether it did; if not, the gate is down by
// now, or the oldest item is in flight. The Get and that Put take effect in
// Swap, one after the other.
func (q *Queue[T]) promote() (v T, ok bool) {
	if q.chain != nil { // there is no waiting Put; a CloseNow is under way
		q.mu.Lock()
		q.unlock()
		return v, false
	}
	if !q.ring.HeadReady() {
		backoff.Yield() // without the lock, lest all getters queue up behind a slow putter
		return v, false
	}
	q.mu.Lock()
	if q.putters.Empty() || !q.ring.HeadReady() {
		q.unlock()
		return v, false
	}
	w := q.putters.Pop()
	v = q.ring.Swap(w.Take(), !q.putters.Empty())
	q.unlock()
	w.Wake()
	return v, true
}

// grow puts v into a new ring of the chain, unless the last one has room again
// or must not grow; it reports whether it did.
func (q *Queue[T]) grow(v T) bool {
	q.mu.Lock()
	defer q.unlock()
	return q.chain.Grow(v)
}

// unlock unlocks mu, after checking the invariants in debug builds.
func (q *Queue[T]) unlock() {
	if invariants.Enabled {
		q.last().Check(!q.getters.Empty(), !q.putters.Empty())
	}
	q.mu.Unlock()
}
