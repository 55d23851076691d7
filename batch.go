package queue

import (
	"context"

	"github.com/parkring/queue/internal/backoff"
	"github.com/parkring/queue/lockfree"
	"github.com/parkring/queue/parking"
)

// PutBatch appends the items of vs to the queue, in order, as if by as many calls
// of Put, but at a fraction of their cost. While the queue is full it waits, as
// often as it must, so vs may be longer than the capacity; items of others may
// come between its own. It must not be changed meanwhile, and is not kept.
//
// PutBatch returns len(vs) and nil, or how many items have been accepted, the
// first ones of vs, and an error: [ErrClosed] if the queue was closed before the
// next item was accepted or PutBatch began to wait with it, or ctx.Err() if ctx
// ended while the queue was full. A PutBatch that is waiting when Close is called
// is admitted with all that it has left. Each item that is accepted is delivered
// exactly once. PutBatch does not look at ctx as long as it need not wait, and a
// nil ctx never ends. An empty vs gives 0 and nil on an open queue.
//
// It takes one claim for up to 64 items, and one turn at the lock to serve all
// waiting Gets that it has items for; while it waits it holds no slots, and comes
// to the end of the line of waiting Puts only once for all that it has left.
func (q *core[T]) PutBatch(ctx context.Context, vs []T) (n int, err error) {
	var over error // what ctx has ended with
	for {
		k, s := q.putBatch(vs[n:])
		n += k
		switch s {
		case lockfree.OK:
			return n, nil
		case lockfree.Closed:
			return n, ErrClosed
		}
		if over != nil {
			return n, over
		}
		if over = ended(ctx); over != nil {
			continue // there may have been room before it ended
		}
		if w := q.enlistPut(&vs[n], vs[n+1:]); w != nil {
			end := done(ctx)
			left, err := q.awake(ctx, w, &q.putters, nil, w.Yields && q.yielded(w, &q.putYields, parking.Yield(q.putYields.Start(w.Turn()))) || w.Sleep(end))
			return len(vs) - left, err
		}
	}
}

// TryPutBatch appends as many items of vs to the queue, in order, as that is
// possible for without waiting. It returns len(vs) and nil, or fewer, the first
// ones of vs, and an error: [ErrClosed] if the queue was closed before the next
// one was accepted, or [ErrFull] if the queue held Cap items at an instant after
// the last one that was. A queue without a bound is never full. An empty vs gives
// 0 and nil on an open queue.
func (q *core[T]) TryPutBatch(vs []T) (n int, err error) {
	n, s := q.putBatch(vs)
	switch s {
	case lockfree.OK:
		return n, nil
	case lockfree.Full:
		return n, ErrFull
	}
	return n, ErrClosed
}

// GetBatch takes the oldest items out of the queue, as if by calls of Get, but at
// a fraction of their cost. It waits until there is one, and then takes what is
// there, without waiting again, until buf is full: the queue was empty at an
// instant after the last item if buf is not. It returns how many it has put into
// buf, at least 1, and nil; or 0 and [ErrClosed] if the queue is drained, or 0 and
// ctx.Err() if ctx ended while the queue was empty. GetBatch does not look at ctx
// as long as it need not wait, and a nil ctx never ends. An empty buf gives 0 and
// nil on a queue that is not drained. The rest of buf is left as it was.
//
// It takes one claim for up to 64 items, and one turn at the lock to let in as many
// waiting Puts as it makes room for.
func (q *core[T]) GetBatch(ctx context.Context, buf []T) (n int, err error) {
	n, s := q.getBatch(buf)
	if s != lockfree.Empty || n > 0 {
		return n, drained(n, s)
	}
	var v T
	if err := q.getElse(ctx, &v, lockfree.Unready, true); err != nil {
		return 0, err
	}
	buf[0] = v
	n, _ = q.getBatch(buf[1:])
	return n + 1, nil
}

// TryGetBatch takes the oldest items out of the queue, like GetBatch, if there
// are any, and never waits. It returns how many it has put into buf, at least 1,
// and nil; or 0 and [ErrClosed] if the queue is drained, or 0 and [ErrEmpty] if it
// held no item at an instant during the call. An empty buf gives 0 and nil on a
// queue that is not drained.
func (q *core[T]) TryGetBatch(buf []T) (n int, err error) {
	n, s := q.getBatch(buf)
	if s == lockfree.Empty && n == 0 && len(buf) > 0 {
		return 0, ErrEmpty
	}
	return n, drained(n, s)
}

// drained returns ErrClosed if a get took no item, n, because of s.
func drained(n int, s lockfree.State) error {
	if n == 0 && s == lockfree.Drained {
		return ErrClosed
	}
	return nil
}

// putBatch puts the items of vs in until it is settled without waiting: OK if all
// are in, or Full or Closed. It returns how many are in.
func (q *core[T]) putBatch(vs []T) (n int, _ lockfree.State) {
	q.check()
	q.share()
	if len(vs) == 0 && q.buffer.Closed() {
		return 0, lockfree.Closed
	}
	var off backoff.Backoff
	for n < len(vs) {
		k, s := q.buffer.TryPutBatch(vs[n:])
		n += k
		switch s {
		case lockfree.OK:
		case lockfree.Gated:
			n += q.handAll(vs[n:])
		case lockfree.Busy:
			off.Wait(backoff.Usual)
		default:
			return n, s
		}
	}
	return n, lockfree.OK
}

// getBatch takes items into buf until it is settled without waiting: OK if buf is
// full, or Empty or Drained. It returns how many it took.
func (q *core[T]) getBatch(buf []T) (n int, _ lockfree.State) {
	q.check()
	q.share()
	if len(buf) == 0 && q.Drained() {
		return 0, lockfree.Drained
	}
	var off backoff.Backoff
	for n < len(buf) {
		k, s := q.buffer.TryGetBatch(buf[n:])
		n += k
		switch s {
		case lockfree.OK:
		case lockfree.Last:
			q.finish()
		case lockfree.Gated:
			if !q.buffer.HeadReady() {
				off.Wait(backoff.Usual) // as in get
				continue
			}
			n += q.promoteAll(buf[n:])
		case lockfree.Busy:
			off.Wait(backoff.Usual)
		case lockfree.Drained:
			q.finish()
			return n, s
		default:
			return n, s
		}
	}
	return n, lockfree.OK
}

// handAll gives the items of vs to the Gets that wait, as many as there are. It
// returns how many.
func (q *core[T]) handAll(vs []T) (n int) {
	var served parking.List[T]
	q.mu.Lock()
	for n < len(vs) {
		w := q.hand(&vs[n])
		if w == nil {
			break
		}
		served.Collect(w)
		n++
	}
	q.unlock()
	served.WakeAll()
	return n
}

// promoteAll takes as many items as buf can hold and lets in as many that waiting Puts
// bring. It returns how many.
func (q *core[T]) promoteAll(buf []T) (n int) {
	var served parking.List[T]
	q.mu.Lock()
	for n < len(buf) {
		w, ok := q.promote(&buf[n])
		if !ok {
			break
		}
		n++
		if w != nil {
			served.Collect(w)
		}
	}
	q.unlock()
	served.WakeAll()
	return n
}
