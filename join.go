package queue

import (
	"context"
	"sync/atomic"
)

// tasks is what Join needs. An item is unfinished from the instant at which it is
// accepted until it counts as done. Put and Get do nothing for it: how many have
// been accepted follows from the position of tail, and from the count of those
// that were handed over beside the ring.
type tasks struct {
	done    atomic.Uint64 // the items that count as done
	joining atomic.Int32  // the number of joiners; written under the lock
	first   *joiner       // of the waiting Joins, oldest first; guarded by the lock
}

// joiner is a waiting Join.
type joiner struct {
	accepted uint64        // by the queue, when it began to wait
	joined   chan struct{} // closed to wake it
	next     *joiner
}

// accepted returns how many items have been accepted, at the instant at which it
// looks at the buffer: what was handed over is the same before and after that.
func (q *core[T]) accepted() uint64 {
	for {
		handed := q.handed.Load()
		n := handed + q.buffer.Entered()
		if q.handed.Load() == handed {
			return n
		}
	}
}

// TaskDone says that the caller has finished the work that an item stood for.
// Items that CloseNow took out, or that ForcePut pushed out, count as done
// without it. It never waits, and costs a few atomic operations. TaskDone panics
// if it is called more often than there were items.
func (q *Queue[T]) TaskDone() {
	q.check()
	q.share()
	for {
		d := q.tasks.done.Load()
		if d == q.accepted() { // loaded after d, so there has been no item more
			panic("queue: more TaskDone than items")
		}
		if q.tasks.done.CompareAndSwap(d, d+1) {
			if q.endsJoins(d + 1) {
				q.mu.Lock()
				q.wakeJoiners(d + 1)
				q.unlock()
			}
			return
		}
	}
}

// tasksDone counts n items more as done, that were taken out; but not more than
// there are, if TaskDone has been called for some of them before they were taken.
// It needs mu, from when they were taken out, so that to Unfinished and Join both are
// one instant.
func (q *core[T]) tasksDone(n int) {
	for {
		d := q.tasks.done.Load()
		now := d + min(uint64(n), q.accepted()-d)
		if q.tasks.done.CompareAndSwap(d, now) {
			if q.endsJoins(now) {
				q.wakeJoiners(now)
			}
			return
		}
	}
}

// endsJoins reports whether to wake Joins, now that d items are done: if these are all that
// have been accepted. When that number is loaded, nothing was unfinished for an instant. It
// came within the calls of those joiners who had not seen more accepted when they
// began to wait, because each of them began with something unfinished. A joiner
// counts itself before it looks whether it has to wait, and this looks at the
// count last; so one of the two sees the other. (An instant that is over before
// this looks is nobody's business: a Join need not have seen it.)
func (q *core[T]) endsJoins(d uint64) bool {
	return q.accepted() == d && q.tasks.joining.Load() > 0
}

// wakeJoiners wakes the Joins that began to wait when no more than d items had been
// accepted. It needs mu.
func (q *core[T]) wakeJoiners(d uint64) {
	for j := q.tasks.first; j != nil && j.accepted <= d; j = j.next {
		close(j.joined)
		q.tasks.first = j.next
		q.tasks.joining.Add(-1)
	}
}

// Unfinished returns how many items have been accepted and do not count as done
// yet: those in the queue, and those that were taken and not followed by a
// TaskDone. It is a snapshot, like Len. It takes the lock of the slow path.
func (q *Queue[T]) Unfinished() int {
	q.check()
	q.share()
	q.mu.Lock()
	defer q.unlock()
	return q.unfinished()
}

// unfinished is Unfinished for the holder of the lock.
func (q *core[T]) unfinished() int {
	for {
		d := q.tasks.done.Load()
		n := q.accepted() - d
		if q.tasks.done.Load() == d {
			return int(n)
		}
	}
}

// Join waits until no item is unfinished, and returns nil; or returns ctx.Err()
// if ctx ends first. It need not wait if nothing is unfinished, and does not look
// at ctx then. The queue need not be closed. What a goroutine did before the
// TaskDone of an item happens before the return of a Join that waited for it.
func (q *Queue[T]) Join(ctx context.Context) error {
	if q.Unfinished() == 0 {
		return nil
	}
	over := ended(ctx)
	q.mu.Lock()
	q.tasks.joining.Add(1)
	j := &joiner{accepted: q.accepted(), joined: make(chan struct{})}
	none := q.unfinished() == 0
	if none || over != nil {
		q.tasks.joining.Add(-1)
		q.unlock()
		if none {
			return nil // it may have been so before ctx ended
		}
		return over
	}
	*q.tasks.find(nil) = j
	q.unlock()

	select {
	case <-j.joined:
		return nil
	case <-done(ctx):
	}
	if q.giveUpJoin(j) {
		return why(ctx)
	}
	return nil // it was woken, too
}

// giveUpJoin takes j out if it has not been woken, and reports whether it did.
func (q *core[T]) giveUpJoin(j *joiner) bool {
	q.mu.Lock()
	defer q.unlock()
	p := q.tasks.find(j)
	if *p == nil {
		return false
	}
	*p = j.next
	q.tasks.joining.Add(-1)
	return true
}

// find returns where the list of joiners has j, or nil at its end if it does not. It needs mu.
func (t *tasks) find(j *joiner) **joiner {
	p := &t.first
	for *p != nil && *p != j {
		p = &(*p).next
	}
	return p
}
