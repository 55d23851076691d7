package queue

import (
	"context"

	"github.com/parkring/queue/internal/backoff"
)

// ForcePut appends v to the queue and never waits: if the queue is full it takes
// the oldest item out, both at one instant, and returns that item and true. Use it
// where new items are worth more than old ones. It returns [ErrClosed] if the
// queue is closed. In a queue without a bound it is TryPut.
//
// ForcePut goes ahead of waiting Puts, whose items have not been accepted yet, but
// takes no place from them: every get still makes room for the one that has waited
// longest. An item that is pushed out counts as done for [Queue.Join]. On a full queue
// ForcePut takes the lock of the slow path; it allocates nothing.
func (q *Queue[T]) ForcePut(v T) (evicted T, ok bool, err error) {
	q.share()
	var off backoff.Backoff
	for {
		s := q.last().TryPut(v)
		if err := q.putElse(context.Background(), &v, s, false); err != ErrFull {
			return evicted, false, err
		}
		if evicted, ok = q.exchange(v); ok {
			return evicted, true, nil
		}
		// Somebody made room, or closed the queue, or the oldest item is in flight.
		off.Wait(backoff.Usual)
	}
}

// exchange takes the oldest item out of a full, open queue, for good, and puts v in. It
// reports whether it did. It takes effect in Swap.
func (q *Queue[T]) exchange(v T) (oldest T, ok bool) {
	q.mu.Lock()
	defer q.unlock()
	if !q.buffer.ShutGet() {
		return oldest, false
	}
	if slot := q.buffer.BeginSwap(); slot != nil {
		oldest, *slot = *slot, v
		q.buffer.EndSwap(!q.putters.Empty())
		q.tasksDone(1)
		return oldest, true
	}
	if q.putters.Empty() {
		q.buffer.OpenGet()
	}
	return oldest, false
}
