package queue

import "github.com/parkring/queue/internal/stall"

// CloseNow closes the queue, like [Queue.Close], and empties it: it takes out all
// items, at the instant at which it takes effect, and returns them in order.
// Every waiting Put fails with [ErrClosed], those that were admitted by an
// earlier Close included, and so does every waiting Get. Nothing is lost: each
// value is in the slice, with the Get that took it, or with the producer whose
// Put has failed.
//
// It waits only for producers that are between claiming a slot and filling it, and for
// the lock. Of several calls one gets all items, the others none. It allocates the
// slice.
func (q *Queue[T]) CloseNow() []T {
	q.check()
	q.share()
	q.mu.Lock()
	items := q.buffer.TakeAll() // takes effect in it
	q.tasksDone(len(items))
	getters := q.getters.RefuseAll()
	putters := q.putters.RefuseAll()
	q.buffer.OpenPut()
	q.finish()
	q.unlock()
	getters.WakeAll()
	putters.WakeAll()
	return items
}

// Done returns a channel that is closed when the queue is drained: closed, every
// item delivered, and no waiting Put left. It is closed before any get returns
// [ErrClosed], before [Queue.Drained] returns true, and if Done is called on a drained
// queue; it can be waited for in a select, like that of a context. Every call returns the
// same channel. A queue may be dropped without being closed: no goroutine stands behind
// the channel.
func (q *Queue[T]) Done() <-chan struct{} {
	q.check()
	if q.done.Load() == nil {
		done := make(chan struct{})
		q.done.CompareAndSwap(nil, &done)
	}
	q.finish() // who has drained the queue may have looked for a channel before
	return *q.done.Load()
}

// finish closes Done's channel, if there is one and the queue is drained. Who must call it:
// whoever makes the queue drained, after that. That is the get that takes the last item,
// which Ring.TryGet tells by Last, and those that close, who look after the flag is in
// both words: a get that did not see it in head has moved head by then. And whoever is
// about to say that it is drained, and Done, once the channel is there for others to find.
//
// Several may come at once, and none must wait for another who is stopped. So all of them
// close the channel, and those who come too late find that it is closed.
func (q *core[T]) finish() {
	done := q.done.Load()
	if done == nil || !q.buffer.Drained() {
		return
	}
	defer func() {
		if err := recover(); err != nil {
			<-*done // it was closed. If not, it panics as close did: it is not of this bubble.
		}
	}()
	select {
	case <-*done:
	default:
		stall.At(stall.FinishClose)
		close(*done)
	}
}
