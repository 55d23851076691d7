package queue

import (
	"context"
	"iter"
	"sync/atomic"

	"github.com/parkring/queue/internal/backoff"
	"github.com/parkring/queue/internal/invariants"
	"github.com/parkring/queue/lockfree"
	"github.com/parkring/queue/parking"
)

// buffer is what a queue stores its items in: a lockfree.Ring, Chain or SPSC.
type buffer[T any] interface {
	TryPut(T) lockfree.State
	TryGet() (T, lockfree.State)
	TryPutBatch(vs []T) (int, lockfree.State)
	TryGetBatch(buf []T) (int, lockfree.State)
	Len() int
	Cap() int // 0: no bound
	Closed() bool
	Drained() bool
	Entered() uint64
	Left() uint64

	// These need the lock.
	ShutPut() bool
	OpenPut()
	ShutGet() bool
	OpenGet()
	HeadReady() bool
	Swap(v T, more bool) (oldest T)
	Close() (gated bool)
	TakeAll() []T
	Check(putGate, getGate bool)
}

// core is a queue without its fast path: how calls wait, serve each other and
// are closed, whatever the buffer is. The fast path knows its buffer by type;
// core knows it as an interface.
//
// Invariants, whenever mu is free:
//  1. The gate of the buffer's tail is up exactly while getters is not empty. The
//     buffer is then empty and open, and every put comes by here.
//  2. The gate of the buffer's head is up exactly while putters is not empty. The
//     buffer is then full, and every get comes by here.
type core[T any] struct {
	// Written when the queue is made, then only read.
	buffer buffer[T] // nil if the queue was not made
	single bool      // the capacity is 1

	_ [lockfree.Pad]byte // between single and mu

	// mu is the lock that lockfree and parking speak of. It guards what follows,
	// the gates, and closing.
	mu      parking.Mutex
	getters parking.List[T] // the Gets that wait, oldest first
	putters parking.List[T] // the Puts that wait, oldest first
	waiters parking.Pool[T]
	handed  atomic.Uint64 // the items that were handed to waiting Gets; read by anyone
	end     end           // for Done
	tasks   tasks         // for Join

	_ [lockfree.Pad]byte // between what the lock guards and getYields

	getYields, putYields parking.Yielder // whether to yield before waiting
}

const notMade = "queue: a queue must be made by New or NewSPSC"

// check panics if the queue was not made by New.
func (q *core[T]) check() {
	if q.buffer == nil {
		panic(notMade)
	}
}

// Close closes the queue: from the instant at which it takes effect every new
// put fails with [ErrClosed]. Items in the queue and Puts that are waiting at
// that instant are still delivered, in order; then every waiting and every later
// get returns ErrClosed. Close never waits for that, and closing again does
// nothing. If nobody gets any more, Puts that are waiting go on waiting until
// their context ends.
func (q *core[T]) Close() {
	q.check()
	q.mu.Lock()
	var getters parking.List[T]
	if q.buffer.Close() { // takes effect here; the gate was up, so there are getters, and no item
		getters = q.getters.RefuseAll()
		q.buffer.OpenPut()
	}
	putters := q.putters.RefuseChoices() // a Select is not admitted
	if q.putters.Empty() {
		q.buffer.OpenGet()
	}
	q.settle()
	q.unlock()
	getters.WakeAll()
	putters.WakeAll()
}

// Closed reports whether Close has been called.
func (q *core[T]) Closed() bool {
	q.check()
	return q.buffer.Closed()
}

// Drained reports whether the queue is closed, holds no item and has no waiting
// Put. It is so for good then.
func (q *core[T]) Drained() bool {
	q.check()
	return q.buffer.Drained() // a waiting Put means that the buffer is full, so not drained
}

// Len returns how many items the queue held at one instant during the call:
// between 0 and Cap. Puts that wait are not counted. It is a snapshot, out of
// date when it is there if others use the queue.
func (q *core[T]) Len() int {
	q.check()
	return q.buffer.Len()
}

// Cap returns how many items the queue can hold, or 0 if it has no bound.
func (q *core[T]) Cap() int {
	q.check()
	return q.buffer.Cap()
}

// Empty reports whether the queue held no item at one instant during the call.
// It is a snapshot, like Len.
func (q *core[T]) Empty() bool { return q.Len() == 0 }

// Full reports whether the queue held Cap items at one instant during the call.
// It is a snapshot, like Len. A queue without a bound is never full.
func (q *core[T]) Full() bool { return q.Cap() > 0 && q.Len() == q.Cap() }

// put goes on after an attempt to put v that returned s, until it is settled
// without waiting: OK, Full or Closed.
func (q *core[T]) put(v T, s lockfree.State) lockfree.State {
	for {
		switch s {
		case lockfree.Gated:
			if q.hand(v) {
				return lockfree.OK
			}
		case lockfree.Full:
			if q.buffer.Cap() > 0 {
				return s
			}
		case lockfree.Busy, lockfree.Retired:
			backoff.Yield()
		case lockfree.Unmade:
			panic(notMade)
		default:
			return s
		}
		s = q.buffer.TryPut(v)
	}
}

// get goes on after an attempt to get that returned v and s, which is not OK,
// until it is settled without waiting: OK, Empty or Drained.
func (q *core[T]) get(v T, s lockfree.State) (T, lockfree.State) {
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
		v, s = q.buffer.TryGet()
	}
}

// tryPutSlow is TryPut after a first attempt that returned s.
func (q *core[T]) tryPutSlow(v T, s lockfree.State) error {
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
func (q *core[T]) tryGetSlow(v T, s lockfree.State) (T, error) {
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
func (q *core[T]) putSlow(ctx context.Context, v T, s lockfree.State) error {
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
		if !q.single && q.mu.Calm() && q.putYields.Yield() {
			if s = q.buffer.TryPut(v); q.putYields.Helped(s != lockfree.Full) {
				continue
			}
		}
		if waited, _, err := q.waitPut(ctx, v, nil); waited {
			return err
		}
		s = lockfree.Busy // somebody made room, or closed the queue
	}
}

// waitPut waits until v and then rest have been moved into the buffer, which was
// full. It reports whether it has; if not, the buffer is not full and open any
// more. With an error it returns how many of the items are not in. The caller has
// looked at ctx.
//
// Who sleeps here: a put of a full, open buffer, whose gate on the get side went
// up, or was up, when the put was listed. Who wakes it: every get of a buffer
// whose gate is up comes to promote, which serves the oldest. So a put sleeps on
// only while nobody gets. Close leaves it listed: it is admitted.
func (q *core[T]) waitPut(ctx context.Context, v T, rest []T) (waited bool, left int, err error) {
	q.mu.Lock()
	if !q.buffer.ShutGet() {
		q.unlock()
		return false, 0, nil
	}
	w := q.enlist(&q.putters)
	w.Bring(v, rest)
	q.unlock()
	if q.single {
		q.getYields.Rest() // Puts come faster than one by one; parked they bring two at a time
	}
	_, left, err = q.sleep(ctx, w, &q.putters)
	return true, 1 + left, err
}

// getSlow is Get after a first attempt that returned v and s, which is not OK.
//
// Who sleeps here: a Get of an empty, open ring, whose gate on the put side went
// up, or was up, when the Get was listed. Who wakes it: every put to a ring
// whose gate is up comes to hand, which serves the oldest, and Close wakes all.
// So a Get sleeps on only while nobody puts.
func (q *core[T]) getSlow(ctx context.Context, v T, s lockfree.State) (T, error) {
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
		if q.mu.Calm() && q.getYields.Yield() {
			if v, s = q.buffer.TryGet(); q.getYields.Helped(s != lockfree.Empty) {
				continue
			}
		}
		q.mu.Lock()
		if q.buffer.ShutPut() {
			w := q.enlist(&q.getters)
			q.unlock()
			v, _, err := q.sleep(ctx, w, &q.getters)
			return v, err
		}
		q.unlock()
		s = lockfree.Busy // somebody put, or closed the queue
	}
}

// all returns an iterator over what get returns until it fails.
func all[T any](ctx context.Context, get func(context.Context) (T, error)) iter.Seq[T] {
	return func(yield func(T) bool) {
		for {
			v, err := get(ctx)
			if err != nil || !yield(v) {
				return
			}
		}
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
func (q *core[T]) enlist(l *parking.List[T]) *parking.Waiter[T] {
	q.mu.Observe(!l.Empty())
	w := q.waiters.Take()
	l.Push(w)
	return w
}

// sleep waits until w, which is listed in l, is served, and returns what it was
// served with; or until ctx ends. If both happen, what counts is which came
// first to mu: a call that has been served reports success, so that nothing
// that was handed to it is lost, and no wake-up either.
func (q *core[T]) sleep(ctx context.Context, w *parking.Waiter[T], l *parking.List[T]) (v T, left int, err error) {
	if !w.Sleep(done(ctx)) {
		if q.cancel(w, l) {
			left = w.Left()
			q.waiters.Give(w)
			return v, left, ctx.Err()
		}
		w.Sleep(nil) // the Wake is under way
	}
	left = w.Left()
	v, served := q.waiters.Give(w)
	if !served {
		err = ErrClosed
	}
	return v, left, err
}

// cancel takes w out of l if it has not been served, and reports whether it did.
func (q *core[T]) cancel(w *parking.Waiter[T], l *parking.List[T]) bool {
	q.mu.Lock()
	defer q.unlock()
	return q.leave(w, l)
}

// leave is cancel for the holder of the lock.
func (q *core[T]) leave(w *parking.Waiter[T], l *parking.List[T]) bool {
	if !w.Listed() {
		return false
	}
	l.Remove(w) // a Put or Get that is cancelled takes effect here
	if q.getters.Empty() {
		q.buffer.OpenPut()
	}
	if q.putters.Empty() {
		q.buffer.OpenGet()
	}
	return true
}

// hand gives v to the Get that has waited longest. It reports whether there was
// one; if not, the gate is down by now.
func (q *core[T]) hand(v T) bool {
	q.mu.Lock()
	w := q.give(v)
	q.unlock()
	if w == nil {
		return false
	}
	w.Wake()
	return true
}

// give is hand for the holder of mu, who has to unlock and then to wake the waiter
// that it returns, if there is one. The Put and that Get take effect at the Pop, one
// after the other; the buffer is empty and stays so.
func (q *core[T]) give(v T) *parking.Waiter[T] {
	w := q.getters.Pop()
	if w != nil {
		w.Item = v
		q.handed.Store(q.handed.Load() + 1)
	}
	if q.getters.Empty() {
		q.buffer.OpenPut()
	}
	return w
}

// promote takes the oldest item and moves that of the Put that has waited longest
// into the buffer. It reports whether it did; if not, the gate is down by now, or
// the oldest item is in flight.
func (q *core[T]) promote() (v T, ok bool) {
	if !q.buffer.HeadReady() {
		backoff.Yield() // without the lock, lest all getters queue up behind a slow putter
		return v, false
	}
	q.mu.Lock()
	v, w, ok := q.admit()
	q.unlock()
	if w != nil {
		w.Wake()
	}
	return v, ok
}

// admit is promote for the holder of mu, who has to unlock and then to wake the
// waiter that it returns: there is none if it brings more items. The Get and that Put
// take effect in Swap, one after the other.
func (q *core[T]) admit() (v T, w *parking.Waiter[T], ok bool) {
	if q.putters.Empty() || !q.buffer.HeadReady() {
		return v, nil, false
	}
	w = q.putters.First()
	if w == nil {
		q.buffer.OpenGet()
		return v, nil, false
	}
	next, more := w.Take()
	if more {
		return q.buffer.Swap(next, true), nil, true
	}
	q.putters.Remove(w)
	return q.buffer.Swap(next, !q.putters.Empty()), w, true
}

// unlock unlocks mu, after checking the invariants in debug builds.
func (q *core[T]) unlock() {
	if invariants.Enabled {
		q.buffer.Check(!q.getters.Empty(), !q.putters.Empty())
	}
	q.mu.Unlock()
}
