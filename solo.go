package queue

import (
	"context"
	"runtime"

	"github.com/parkring/queue/lockfree"
)

// solo is how a queue of few slots goes on, if the program has one processor, once several
// Puts, or Gets, have waited at once: every call takes the lock, and as nobody else can be in
// the ring then, that takes no atomic operation. To wait and to be served is a quarter
// cheaper so; to put and to get without waiting costs twice as much.
//
// Put, Get, TryPut and TryGet, and the observers, know of it. All others end it for good
// first (share), and so do puts, when the program has more processors, and polls, when
// nobody waits any more: those of a queue that is not solo cost loads only.
//
// Invariants, while stage is on and mu is free:
//  1. Getters is not empty only if the ring is empty, putters only if it is full.
//  2. Both gates are up, so that all others come to the lock.
//
// A call takes effect under the lock, as does the begin and the end of solo, which neither
// let anything in nor out. It may begin between the ring's answer to a call and the lock, so
// whoever takes the lock to serve, or to be listed, without knowing of solo, asks there once
// more. Who sleeps, and who wakes them, is as in core.put and core.get, and the lists
// are the same: those who were listed before it began, or ended, are served by those who come
// after.
//
// All of it is guarded by the lock.
type solo[T any] struct {
	ring lockfree.Held[T]
	left uint64 // the items that have left the queue
	puts uint32 // calls of soloPut
	vain uint32 // polls that have found the queue full or empty since a call has waited
}

// What core.stage is. It is written under the lock and read by anyone.
const (
	over    = iota // the queue is not solo, and will not be
	early          // it may be one day
	due            // several calls of one side have waited at once: from the next Get that waits
	on             // it is
	chained        // the queue has no bound, and will not be
)

const (
	mostSolo = 8   // slots
	lookSolo = 256 // puts between two looks at how many processors there are
	mostVain = 256 // polls that are of no use, until it ends
)

// oneProcessor reports whether the program has one processor. Variable for tests.
var oneProcessor = func() bool { return runtime.GOMAXPROCS(0) == 1 }

// alone reports whether q is solo. If the caller has the lock, it stays so.
func (q *core[T]) alone() bool { return q.stage.Load() == on }

// share ends solo for good, for a call that does not know of it.
func (q *core[T]) share() {
	if s := q.stage.Load(); s > over && s < chained {
		q.mu.Lock()
		q.endSolo()
		q.unlock()
	}
}

// beginSolo makes q solo, unless somebody is still in the ring; and it never does if the
// program has more processors by now. It needs mu, and the gate of tail to be up.
func (q *core[T]) beginSolo() {
	if !oneProcessor() {
		q.stage.Store(over)
		return
	}
	o := new(solo[T])
	if o.ring.Prepare(q.bounded) {
		o.left = q.handed.Load() + q.bounded.Left()
		q.solo = o
		q.stage.Store(on) // before Hold, so that whoever meets the gate of head knows of it
		o.ring.Hold()
	}
}

// endSolo ends solo for good. It needs mu.
func (q *core[T]) endSolo() {
	if q.alone() {
		q.handed.Store(q.solo.left - q.bounded.Left()) // all that has not gone through the ring
		q.solo.ring.Release(!q.getters.Empty(), !q.putters.Empty())
	}
	q.stage.Store(over)
}

// soloPut is all of a put that finds that q is solo; and if it is not any more, too.
func (q *core[T]) soloPut(ctx context.Context, v *T, wait bool) error {
	_ = ended(ctx) // if it panics, then before the call is listed
	q.mu.LockSolo()
	o := q.solo
	if o.puts++; o.puts%lookSolo == 0 && !oneProcessor() {
		q.endSolo()
	}
	if !q.alone() {
		q.unlock()
		return q.putElse(ctx, v, wait)
	}
	if w := q.getters.Oldest(); w != nil {
		q.getters.Shift()
		w.Item = *v
		o.left++
		q.unlock()
		w.Wake()
		return nil
	}
	if !o.ring.Full() {
		o.ring.Put(v)
		q.unlock()
		return nil
	}
	if !wait {
		q.polled()
		q.unlock()
		return ErrFull
	}
	o.vain = 0
	w := q.waiters.Returned()
	if w == nil {
		w = q.waiters.Take()
	}
	w.Yields = false
	w.Item = *v
	q.putters.Push(w)
	q.unlock()
	if !w.Sleep(done(ctx)) {
		_, err := q.awake(ctx, w, &q.putters, nil, false)
		return err
	}
	q.mu.LockSolo()
	served := q.waiters.Return(w)
	q.mu.Unlock()
	if !served {
		return ErrClosed
	}
	return nil
}

// soloGet is all of a get that finds that q is solo; and if it is not any more, too.
func (q *core[T]) soloGet(ctx context.Context, v *T, wait bool) error {
	_ = ended(ctx) // if it panics, then before the call is listed
	q.mu.LockSolo()
	o := q.solo
	if !q.alone() {
		q.unlock()
		return q.getElse(ctx, v, wait)
	}
	if o.ring.Len() > 0 {
		o.ring.Get(v)
		o.left++
		w := q.putters.Oldest()
		if w == nil {
			q.unlock()
			return nil
		}
		q.putters.Shift()
		o.ring.Put(&w.Item)
		q.unlock()
		w.Wake()
		return nil
	}
	if !wait {
		q.polled()
		q.unlock()
		return ErrEmpty
	}
	o.vain = 0
	w := q.waiters.Returned()
	if w == nil {
		w = q.waiters.Take()
	}
	w.Yields = false
	q.getters.Push(w)
	q.unlock()
	if !w.Sleep(done(ctx)) {
		_, err := q.awake(ctx, w, &q.getters, v, false)
		return err
	}
	*v = w.Item
	q.mu.LockSolo()
	served := q.waiters.Return(w)
	q.mu.Unlock()
	if !served {
		return ErrClosed
	}
	return nil
}

// polled takes note of a poll that was of no use. It needs mu.
func (q *core[T]) polled() {
	if q.solo.vain++; q.solo.vain == mostVain {
		q.endSolo()
	}
}

// putElse is the rest of a put if solo has ended meanwhile.
func (q *core[T]) putElse(ctx context.Context, v *T, wait bool) error {
	w, err := q.put(ctx, v, lockfree.Gated, wait)
	if w != nil {
		_, err = q.sleep(ctx, w, &q.putters, nil)
	}
	return err
}

// getElse is the rest of a get if solo has ended meanwhile.
func (q *core[T]) getElse(ctx context.Context, v *T, wait bool) error {
	w, err := q.get(ctx, v, lockfree.Gated, wait)
	if w != nil {
		_, err = q.sleep(ctx, w, &q.getters, v)
	}
	return err
}
