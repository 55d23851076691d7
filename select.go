package queue

import (
	"context"
	"errors"
	"math/rand/v2"

	"github.com/parkring/queue/internal/stall"
	"github.com/parkring/queue/parking"
)

// ErrNotReady is what TrySelect gets if none of its cases can go on at once.
var ErrNotReady = errors.New("queue: no case ready")

// Case is a put or a get that [Select] may do: see [Queue.PutCase] and
// [Queue.GetCase]. It may be used any number of times. The zero Case is never
// ready, like a nil channel.
type Case struct {
	q   chooser
	arg any // the T to put, or the *T to get into
	put bool
}

// chooser is a Queue, whatever its items are.
type chooser interface {
	// tryPutCase puts arg, if that needs no waiting, and reports whether it did.
	tryPutCase(arg any) (ready bool, err error)
	// tryGetCase gets into arg, if that needs no waiting, and reports whether it did.
	tryGetCase(arg any) (ready bool, err error)
	// listCase makes a waiter for a put of arg, or for a get, and lists it. It is the
	// index-th of the choice, or the first one if that is nil. It returns a nil choice
	// if the case need not wait.
	listCase(put bool, arg any, choice *parking.Choice, index int) (waiter any, _ *parking.Choice)
	// unlistCase gives a waiter back that was not served.
	unlistCase(put bool, waiter any)
	// endCase gives a waiter back that was served, and says how the case has ended.
	endCase(put bool, arg, waiter any) error
}

// GetCase returns a case that takes the oldest item out of the queue, and stores
// it in *dst if dst is not nil. It is ready while the queue holds an item, and when
// it is drained, with [ErrClosed], and leaves *dst alone then.
func (q *Queue[T]) GetCase(dst *T) Case {
	q.check()
	return Case{q: q, arg: dst}
}

// PutCase returns a case that appends v to the queue. It is ready while there is
// room in the queue, and when it is closed, with [ErrClosed]. It allocates if
// converting v to an interface does.
func (q *Queue[T]) PutCase(v T) Case {
	q.check()
	return Case{q: q, arg: v, put: true}
}

// Select does exactly one of the cases, and returns its index, and what it ended
// with: nil, or [ErrClosed], which is also a way to be ready. It waits until one of
// them can go on, and chooses at random if several can. If ctx ends first it
// returns -1 and ctx.Err(), and no case has been done. Select does not look at ctx
// as long as it need not wait, and a nil ctx never ends.
//
// While it waits, Select stands in the line of each queue like a Put or a Get that
// waits, in the order in which it began to; whoever serves it in one of them has
// won it, so that no item and no wake-up of another queue is spent on it. But a
// Select is not admitted by Close: it ends with ErrClosed. The same queue may be in
// several cases. No goroutine is started, and nothing is polled.
//
// The promises of Put and Get about order, memory and cost hold for the case that
// is done: it takes effect at one instant. A ready Select costs about as much as
// the attempts in its queues; one that waits takes the lock of each queue twice.
func Select(ctx context.Context, cases ...Case) (int, error) {
	var few [8]any
	waiters := few[:] // of the cases, while they are listed
	if len(cases) > len(few) {
		waiters = make([]any, len(cases))
	}
	var over error // what ctx has ended with
	for {
		if i, err := TrySelect(cases...); i >= 0 {
			return i, err
		}
		if over != nil {
			return -1, over
		}
		if over = ended(ctx); over != nil {
			continue // one may have been ready before it ended
		}
		choice, all := list(cases, waiters)
		if choice == nil && all { // nothing to wait for
			<-done(ctx)
			return -1, why(ctx)
		}
		if choice == nil {
			continue
		}
		// Who sleeps here: a Select that stands in the list of each of its queues, whose
		// gates are up. Who wakes it: whoever serves one of those lists, as anyone in it.
		// Among all of them, one wins the choice, or this call does, by giving up.
		i := -1
		if all && choice.Sleep(done(ctx)) || !choice.GiveUp() && choice.Sleep(nil) {
			i = choice.Served()
		}
		err := leave(cases, waiters, i)
		switch {
		case i >= 0:
			return i, err
		case all:
			over = why(ctx) // look once more: a queue may have been closed before, and come to this call late
		}
	}
}

// TrySelect does one of the cases that can go on at once, chosen at random, and
// returns its index and what it ended with: nil or [ErrClosed]. If there is none it
// returns -1 and [ErrNotReady]: each of the queues was full, or empty, at an
// instant of its own during the call. It never waits.
func TrySelect(cases ...Case) (int, error) {
	var few [16]int
	order := few[:0] // a random permutation
	var random uint64
	for i := range cases {
		if i == 0 || i >= len(few) {
			random = stall.Random(rand.Uint64) // one is enough for the first 16: their 16! orders are far less
		}
		j := int(random % uint64(i+1))
		random /= uint64(i + 1)
		order = append(order, i)
		order[i], order[j] = order[j], i
	}
	for _, i := range order {
		var ready bool
		var err error
		switch c := cases[i]; {
		case c.q == nil:
		case c.put:
			ready, err = c.q.tryPutCase(c.arg)
		default:
			ready, err = c.q.tryGetCase(c.arg)
		}
		if ready {
			return i, err
		}
	}
	return -1, ErrNotReady
}

// list makes a waiter for each of the cases, until it comes to one that need not
// wait. It reports whether there was none, and returns what the waiters share, or
// nil if there are no waiters.
func list(cases []Case, waiters []any) (choice *parking.Choice, all bool) {
	for i, c := range cases {
		if c.q == nil {
			continue
		}
		w, shared := c.q.listCase(c.put, c.arg, choice, i)
		if shared == nil {
			return choice, false
		}
		waiters[i], choice = w, shared
	}
	return choice, true
}

// leave gives all waiters back, and returns what the one that was served ended
// with. The first of them goes last: the choice is a part of it, and as long as
// another one is in a list somebody may try to win that.
func leave(cases []Case, waiters []any, served int) (err error) {
	for i := len(cases) - 1; i >= 0; i-- {
		w, c := waiters[i], cases[i]
		switch {
		case w == nil:
			continue
		case i == served:
			err = c.q.endCase(c.put, c.arg, w)
		default:
			c.q.unlistCase(c.put, w)
		}
		waiters[i] = nil
	}
	return err
}

func (q *Queue[T]) tryPutCase(arg any) (ready bool, err error) {
	v, _ := arg.(T) // it is a T, or nil if T is an interface
	err = q.TryPut(v)
	return err != ErrFull, err
}

func (q *Queue[T]) tryGetCase(arg any) (ready bool, err error) {
	v, err := q.TryGet()
	if err == nil {
		store(arg, v)
	}
	return err != ErrEmpty, err
}

func (q *Queue[T]) listCase(put bool, arg any, choice *parking.Choice, index int) (any, *parking.Choice) {
	q.share()
	q.mu.Lock()
	defer q.unlock()
	if put && !q.buffer.ShutGet() || !put && !q.buffer.ShutPut() {
		return nil, nil
	}
	w := q.enlist(q.line(put), false)
	if put {
		w.Item, _ = arg.(T)
	}
	return w, w.Share(choice, index)
}

func (q *Queue[T]) unlistCase(put bool, waiter any) {
	w := waiter.(*parking.Waiter[T])
	q.mu.Lock()
	q.leave(w, q.line(put))
	q.waiters.Give(w)
	q.unlock()
}

func (q *Queue[T]) endCase(put bool, arg, waiter any) error {
	w := waiter.(*parking.Waiter[T])
	v := w.Item
	if !q.waiters.Give(w) {
		return ErrClosed
	}
	if !put {
		store(arg, v)
	}
	return nil
}

// line returns the list that puts, or gets, wait in.
func (q *Queue[T]) line(put bool) *parking.List[T] {
	if put {
		return &q.putters
	}
	return &q.getters
}

// store stores v in dst, a *T, if that is not nil.
func store[T any](dst any, v T) {
	if dst := dst.(*T); dst != nil {
		*dst = v
	}
}
