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
// Put and Get have a lock-free fast path: a compare-and-swap and an atomic store each,
// no lock and no allocation. A goroutine that has to wait is parked and uses no processor. In
// a small queue it first looks for what it needs, and yields, for some 10 microseconds (60 if
// items came fast until just now), as long as that is of use. Where it is not, as when all
// share a processor, a queue of up to 16 items takes a lock for every call instead, as long as
// calls have to wait. While items stream through a larger queue, a Put or Get that meets the
// other side keeps off for up to 11 microseconds, so that both go on apart and faster.
//
// A goroutine that is stopped by the scheduler in the few instructions between
// claiming a slot and filling it delays the calls that need that very slot (they
// yield the processor in the meantime); one that is stopped in the short critical
// section of the slow path delays the calls that have to wait, wake or close, and all calls
// of a queue that takes the lock for each.
//
// # How to read the source
//
// Start with this file: a call makes one attempt in the ring, and if that does
// not settle it goes on in core.go. Then lockfree (ends.go, ring.go, then
// chain.go for queues without a bound), which knows nothing of waiting; then parking
// (waiter.go, list.go, pool.go), which knows nothing of rings. core.go is where the two meet,
// and the files that stand on it. What a call does before it waits is in
// parking/looker.go, yielder.go and balance.go, and how it keeps off others in pacer.go and
// mutex.go. The
// calls to package stall mark the steps at which tests stop a goroutine; nothing is
// left of them in a build. closenow.go, join.go, batch.go, select.go, spsc.go,
// force.go, stats.go and solo.go have one concern each. docs/design.md has the reasons,
// docs/memory-model.md the proofs.
package queue

import (
	"context"
	"errors"
	"iter"
	"unsafe"

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
// Waiting, closing and observing is in core.go.
type Queue[T any] struct {
	ring lockfree.Ring[T] // padded at both ends; not used if the queue is unbounded

	// Written by New, then only read.
	chain *lockfree.Chain[T] // nil if the queue is bounded

	core[T] // what calls need that cannot go on at once

	_ [lockfree.Pad]byte // between core and the allocator's neighbour
}

// An instance of which nobody makes use: without it the operations of sync/atomic, and much
// else, are calls in packages that do not import sync, and a put and a get take twice as
// long there. docs/design.md has the reason.
var _ = New[int]

// New makes a queue that holds at most capacity items, or any number if
// capacity is 0 or less. It starts no goroutine and no timer; a queue that is
// dropped is collected.
//
// A bounded queue allocates its capacity at once: 8 bytes and a T, rounded up to
// a multiple of 8, per item; but if that is at most 1 KiB in all, up to 120 bytes
// per item and 2 KiB in all, so that items are on different cache lines. An
// unbounded one has room for 32 items at first, grows with what it holds and
// shrinks after a burst. New panics if no address space could hold capacity items.
//
// Whether calls look before they wait depends on GOMAXPROCS when the queue is made. A queue
// that is used in a testing/synctest bubble must be made in it.
func New[T any](capacity int) *Queue[T] { return newQueue[T](capacity, 0) }

// Calls look at their slot before they wait in rings of up to fewSlots, whatever their
// size, and of up to smallBytes; in those of up to trustedSlots as long as looks end quickly,
// in larger ones if more items move then.
const (
	trustedSlots = 16
	fewSlots     = 24
	smallBytes   = 2048 // 128 slots of a word and its stamp
)

// inRegisters is how many bytes the compiler keeps in registers at most. The address of a
// larger item costs nothing. That of a smaller one is not to be taken on the fast path, which
// it would slow down: the slow path gets that of a copy.
const inRegisters = 4 * unsafe.Sizeof(uintptr(0))

// program is shared by all queues. Variable for tests.
var program = new(parking.Program)

// newQueue is New with positions that count from firstLap, which tests start
// close below the wrap-around.
func newQueue[T any](capacity int, firstLap uint64) *Queue[T] {
	q := new(Queue[T])
	q.looker.Join(program)
	if capacity > 0 {
		q.ring.Init(capacity, firstLap)
		q.buffer, q.bounded = &q.ring, &q.ring
		q.tiny = capacity <= tiny
		if capacity <= mostSolo {
			q.stage.Store(early)
		}
		if capacity <= fewSlots || q.ring.Bytes() <= smallBytes {
			q.looker.Init(capacity <= trustedSlots)
		}
	} else {
		q.chain = new(lockfree.Chain[T])
		q.chain.Init(lockfree.FirstSlots, firstLap, &q.mu)
		q.buffer = q.chain
		q.stage.Store(chained)
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
// delivers v. Put allocates nothing in steady state, whether it waits or not, as long
// as an item is no larger than 128 KiB; when a queue without a bound grows Put makes a ring.
func (q *Queue[T]) Put(ctx context.Context, v T) error {
	r := &q.ring
	if stage := q.stage.Load(); stage >= on {
		if stage == on {
			if unsafe.Sizeof(v) > inRegisters {
				return q.soloPut(ctx, &v, true)
			}
			small := v
			return q.soloPut(ctx, &small, true)
		}
		r = q.chain.Last()
	}
	s, t := r.PutSlot()
	st, ok := r.ClaimPutAt(s, t)
	if !ok {
		if unsafe.Sizeof(v) > inRegisters {
			return q.putMore(ctx, &v, r, s, t, st)
		}
		small := v
		return q.putMore(ctx, &small, r, s, t, st)
	}
	*s.Val() = v
	s.Publish(t)
	return nil
}

// putMore is the rest of Put. It is one call, with arguments in registers, so that Put has
// nothing to save before its claim. It sleeps itself, rather than in putElse, for the reason
// that is given there.
func (q *Queue[T]) putMore(ctx context.Context, v *T, r *lockfree.Ring[T], s *lockfree.Slot[T], t, st uint64) error {
	w, err := q.put(ctx, v, r.PutElse(s, t, st, v), true)
	if w != nil {
		end := done(ctx)
		_, err = q.awake(ctx, w, &q.putters, nil, w.Yields && q.yielded(w, &q.putYields, parking.Yield(q.putYields.Start(w.Turn()))) || w.Sleep(end))
	}
	return err
}

// TryPut appends v to the queue if that is possible without waiting. It returns
// [ErrClosed] if the queue is closed, and otherwise [ErrFull] if it held Cap
// items at an instant during the call. It never returns ErrFull because it lost
// a race. A queue without a bound is never full. A TryPut that returns nil
// synchronizes before the return of the Get that delivers v.
func (q *Queue[T]) TryPut(v T) error {
	r := q.last()
	s, t := r.PutSlot()
	st, ok := r.ClaimPutAt(s, t)
	if !ok {
		if q.chain == nil && r.FullAt(t) {
			return ErrFull
		}
		item := v
		return q.putElse(context.Background(), &item, r.PutElse(s, t, st, &item), false)
	}
	*s.Val() = v
	s.Publish(t)
	return nil
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
// the Get. In a bounded queue, what a goroutine did before the Get of an item
// happens before the return of the Put that is Cap items later. Close
// synchronizes before the return of ErrClosed. What Get allocates is what Put does.
func (q *Queue[T]) Get(ctx context.Context) (v T, err error) {
	r := &q.ring
	if stage := q.stage.Load(); stage >= on {
		if stage == on {
			if unsafe.Sizeof(v) > inRegisters {
				err = q.soloGet(ctx, &v, true)
				return v, err
			}
			var small T
			err = q.soloGet(ctx, &small, true)
			return small, err
		}
		r = q.chain.First()
	}
	s, h := r.GetSlot()
	st, ok := r.ClaimGetAt(s, h)
	if !ok {
		if unsafe.Sizeof(v) > inRegisters {
			err = q.getMore(ctx, &v, r, s, h, st)
			return v, err
		}
		var small T
		err = q.getMore(ctx, &small, r, s, h, st)
		return small, err
	}
	v = *s.Val()
	r.Release(s, h)
	return v, nil
}

// getMore is to Get what putMore is to Put.
func (q *Queue[T]) getMore(ctx context.Context, v *T, r *lockfree.Ring[T], s *lockfree.Slot[T], h, st uint64) error {
	w, err := q.get(ctx, v, r.GetElse(s, h, st, v), true)
	if w != nil {
		end := done(ctx)
		_, err = q.awake(ctx, w, &q.getters, v, w.Yields && q.yielded(w, &q.putYields, parking.Yield(q.putYields.Start(w.Turn()))) || w.Sleep(end))
	}
	return err
}

// TryGet takes the oldest item out of the queue if there is one. It returns
// [ErrClosed] if the queue is drained, and [ErrEmpty] if it held no item at an
// instant during the call. It never returns ErrEmpty because it lost a race: if
// a put has returned nil, only another get of that item makes the queue empty.
func (q *Queue[T]) TryGet() (v T, err error) {
	r := q.first()
	s, h := r.GetSlot()
	st, ok := r.ClaimGetAt(s, h)
	if !ok {
		if r.EmptyAt(h) {
			return v, ErrEmpty
		}
		var item T
		err = q.getElse(context.Background(), &item, r.GetElse(s, h, st, &item), false)
		return item, err
	}
	v = *s.Val()
	r.Release(s, h)
	return v, nil
}

// All returns an iterator that takes items out of the queue, one per step, as
// Get does: it waits while the queue is empty. It ends when the queue is
// drained, or when ctx is done and the queue is empty; ctx.Err() tells the
// caller which. A loop that breaks off has taken just the items it has seen, and
// any number of loops may share a queue.
func (q *Queue[T]) All(ctx context.Context) iter.Seq[T] { return all(ctx, q.Get) }

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
