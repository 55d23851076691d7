package queue

import (
	"context"
	"iter"

	"github.com/parkring/queue/lockfree"
)

// SPSC is a bounded FIFO queue for one putting and one getting goroutine at a
// time: a [Queue] with a faster fast path, one atomic operation that writes per call
// where Queue has two, a compare-and-swap and a store, and no slot that a stopped
// goroutine could hold. Use [NewSPSC] to make one: the methods of an SPSC that is not
// made by NewSPSC panic. An SPSC must not be copied.
//
// Take one where neither side may hold up the other. It is not always the faster one: in
// a small ring, with a goroutine on each side, a Queue is, since its calls can look for an
// item before they wait; from 64 items on they are alike.
//
// Put, TryPut, PutBatch and TryPutBatch are for one goroutine at a time, the
// producer; Get, TryGet, All, GetBatch and TryGetBatch for one, the consumer. Another one may
// take over if something makes the calls of the first happen before its own, like
// a channel, a mutex or a WaitGroup. Close and the observers, Closed, Drained, Len,
// Cap, Empty and Full, are for everybody at any time. Two producers or two
// consumers at once are a bug that the race detector reports; items get lost or
// doubled then.
//
// All else that Queue promises holds: the capacity is exact, every call takes
// effect at one instant, a call that waits is parked and ends with its context, and
// Close means drain, then error. It has no CloseNow, no Done, no ForcePut, no Join, no
// Stats and no cases for Select: some of them would make a third goroutine put or get.
//
// It is L. Lamport's ring with two counters, of which each side remembers what it
// saw last of the other's; see package lockfree.
type SPSC[T any] struct {
	ring lockfree.SPSC[T] // padded

	core[T] // what calls need that cannot go on at once

	_ [lockfree.Pad]byte // between core and the allocator's neighbour
}

// NewSPSC makes a queue for one producer and one consumer that holds at most
// capacity items. It starts no goroutine and no timer; a queue that is dropped is
// collected. It allocates its capacity at once, a T per item. NewSPSC panics if
// capacity is less than 1, or more than any address space could hold.
//
// A queue that is used in a testing/synctest bubble must be made in it.
func NewSPSC[T any](capacity int) *SPSC[T] { return newSPSC[T](capacity, 0) }

// newSPSC is NewSPSC with positions that count from firstLap.
func newSPSC[T any](capacity int, firstLap uint64) *SPSC[T] {
	q := new(SPSC[T])
	q.looker.Join(program)
	q.ring.Init(capacity, firstLap)
	q.buffer = &q.ring
	q.tiny = capacity <= tiny
	return q
}

// Put does what [Queue.Put] does. Only the producer may call it.
func (q *SPSC[T]) Put(ctx context.Context, v T) error {
	if s := q.ring.Room(); s != nil { // the begin of TryPut, inlined
		*s = v
		if q.ring.Publish() {
			return nil
		}
	}
	item := v
	return q.putElse(ctx, &item, q.ring.TryPut(v), true) // TryPut fills that slot again, and clears it if it has to
}

// TryPut does what [Queue.TryPut] does. Only the producer may call it.
func (q *SPSC[T]) TryPut(v T) error {
	s := q.ring.TryPut(v)
	switch s {
	case lockfree.OK:
		return nil
	case lockfree.Full:
		return ErrFull
	}
	item := v
	return q.putElse(context.Background(), &item, s, false)
}

// Get does what [Queue.Get] does. Only the consumer may call it.
func (q *SPSC[T]) Get(ctx context.Context) (T, error) {
	if s := q.ring.Oldest(); s != nil { // the begin of TryGet, inlined
		var v T
		v, *s = *s, v
		if q.ring.Release(0) {
			return v, nil
		}
		*s = v
	}
	v, s := q.ring.TryGet()
	if s == lockfree.OK || s == lockfree.Last {
		return v, nil
	}
	err := q.getElse(ctx, &v, s, true)
	return v, err
}

// TryGet does what [Queue.TryGet] does. Only the consumer may call it.
func (q *SPSC[T]) TryGet() (T, error) {
	v, s := q.ring.TryGet()
	switch s {
	case lockfree.OK, lockfree.Last:
		return v, nil
	case lockfree.Empty:
		return v, ErrEmpty
	}
	err := q.getElse(context.Background(), &v, s, false)
	return v, err
}

// All does what [Queue.All] does. Only the consumer may run the loop.
func (q *SPSC[T]) All(ctx context.Context) iter.Seq[T] { return all(ctx, q.Get) }
