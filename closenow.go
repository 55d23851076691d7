package queue

import "sync/atomic"

// CloseNow closes the queue, like [Queue.Close], and empties it: it takes out all
// items, at the instant at which it takes effect, and returns them in order.
// Every waiting Put fails with [ErrClosed], those that were admitted by an
// earlier Close included, and so does every waiting Get. Nothing is lost: each
// value is in the slice, with the Get that took it, or with the producer whose
// Put has failed.
//
// CloseNow does not wait for other calls, but for producers that are in the
// middle of putting an item in, a few instructions, and for its turn at the lock.
// If several are called, one gets all items. It allocates the slice.
func (q *Queue[T]) CloseNow() []T {
	q.check()
	q.share()
	q.mu.Lock()
	items := q.buffer.TakeAll() // takes effect in it
	q.tasksDone(len(items))
	getters := q.getters.RefuseAll()
	putters := q.putters.RefuseAll()
	q.buffer.OpenPut()
	q.settle()
	q.unlock()
	getters.WakeAll()
	putters.WakeAll()
	return items
}

// end is what Done needs.
type end struct {
	done chan struct{} // what Done returns, made by its first call; guarded by the lock
	// come is set when the queue is known to be drained, and done is closed then.
	// Written under the lock, read by anyone.
	come atomic.Bool
}

// Done returns a channel that is closed when the queue is drained: closed, every
// item delivered, and no waiting Put left. It is closed before any get returns
// [ErrClosed], and if Done is called on a drained queue; it can be waited for in a
// select, like that of a context. Every call returns the same channel. A queue that
// is never closed and dropped needs no more than that: there is no goroutine behind
// the channel.
func (q *Queue[T]) Done() <-chan struct{} {
	q.check()
	q.mu.Lock()
	defer q.unlock()
	q.settle() // who has taken the last item may not have come to that yet
	if q.end.done == nil {
		q.end.done = make(chan struct{})
		if q.end.come.Load() {
			close(q.end.done)
		}
	}
	return q.end.done
}

// finish closes Done's channel if the queue is drained. Who must call it: whoever
// makes the queue drained. That is the get that takes the last item, which
// Ring.TryGet tells by Last, and those that close, who look after the flag is in
// both words: a get that did not see it in head has moved head by then. And every
// get that is about to return ErrClosed, and Done.
func (q *core[T]) finish() {
	if q.end.come.Load() {
		return
	}
	q.mu.Lock()
	q.settle()
	q.unlock()
}

// settle is finish for the holder of the lock.
func (q *core[T]) settle() {
	if !q.end.come.Load() && q.buffer.Drained() {
		q.end.come.Store(true)
		if q.end.done != nil {
			close(q.end.done)
		}
	}
}
