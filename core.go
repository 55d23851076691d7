package queue

import (
	"context"
	"iter"
	"sync/atomic"
	"time"

	"github.com/parkring/queue/internal/backoff"
	"github.com/parkring/queue/internal/invariants"
	"github.com/parkring/queue/lockfree"
	"github.com/parkring/queue/parking"
)

// buffer is what a queue stores its items in: a lockfree.Ring, Chain or SPSC.
type buffer[T any] interface {
	PutIfReady(T) lockfree.State
	GetIfReady() (T, lockfree.State)
	NotPut() lockfree.State
	NotGot() lockfree.State
	TryPutBatch(vs []T) (int, lockfree.State)
	TryGetBatch(buf []T) (int, lockfree.State)
	Len() int
	Cap() int // 0: no bound
	Closed() bool
	Drained() bool
	Entered() uint64
	Left() uint64
	HeadReady() bool // a hint, without the lock

	// These need the lock.
	ShutPut() bool
	OpenPut()
	ShutGet() bool
	OpenGet()
	BeginSwap() *T
	EndSwap(more bool)
	Close() (gated bool)
	TakeAll() []T
	Check(putGate, getGate bool)
}

// core is a queue without its fast path: how calls wait, serve each other and
// are closed, whatever the buffer is. The fast path knows its buffer by type;
// core knows it as an interface.
//
// Invariants, whenever mu is free (but see solo, which has its own):
//  1. The gate of the buffer's tail is up exactly while getters is not empty. The
//     buffer is then empty and open, and every put comes by here.
//  2. The gate of the buffer's head is up exactly while putters is not empty. The
//     buffer is then full, and every get comes by here.
type core[T any] struct {
	// Written when the queue is made, then only read, but for the last two.
	buffer  buffer[T]         // nil if the queue was not made
	bounded *lockfree.Ring[T] // the buffer, if it is a Ring, or nil
	tiny    bool              // its capacity is at most tiny
	stage   atomic.Uint32     // of solo; or chained
	solo    *solo[T]          // written under the lock, before stage is on

	_ [lockfree.Pad]byte // between solo and mu

	// mu is the lock that lockfree and parking speak of. It guards what follows,
	// the gates, and closing.
	mu      parking.Mutex
	balance parking.Balance // whether calls may yield
	getters parking.List[T] // the Gets that wait, oldest first
	putters parking.List[T] // the Puts that wait, oldest first
	waiters parking.Pool[T]
	handed  atomic.Uint64                 // the items that were handed to waiting Gets; read by anyone
	done    atomic.Pointer[chan struct{}] // what Done returns, made by its first call
	tasks   tasks                         // for Join

	_ [lockfree.Pad]byte // between what the lock guards and looker

	looker               parking.Looker  // whether to look a few times before waiting
	getYields, putYields parking.Yielder // whether to yield before waiting; once listed: putYields in a tiny buffer, both if it is solo
	getPace, putPace     parking.Pacer   // how long to keep off the other side
}

// Two turns of yields, one of each side, move as many items as there are slots. If both sides
// are listed before they yield they move two more: that of a waiting Put, and one to a waiting
// Get. With up to tiny slots that is worth it.
const tiny = 3

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
	q.share()
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
	q.finish()
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
	if !q.buffer.Drained() { // a waiting Put means that the buffer is full, so not drained
		return false
	}
	q.finish()
	return true
}

// Len returns how many items the queue held at one instant during the call:
// between 0 and Cap. Puts that wait are not counted. It is a snapshot, out of
// date when it is there if others use the queue.
func (q *core[T]) Len() int {
	q.check()
	if q.alone() {
		q.mu.Lock()
		defer q.unlock()
		if q.alone() {
			return q.solo.ring.Len()
		}
	}
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

// putElse is the rest of a Put, or of a TryPut if wait is false, whose attempt has returned s.
//
// What comes before the sleep is in put, and the sleep here, because no processor foresees a
// return across a sleep: the fewer functions have to return after it the better.
func (q *core[T]) putElse(ctx context.Context, v *T, s lockfree.State, wait bool) error {
	w, err := q.put(ctx, v, s, wait)
	if w != nil {
		end := done(ctx)
		_, err = q.awake(ctx, w, &q.putters, nil, w.Yields && q.yielded(w, &q.putYields, parking.Yield(q.putYields.Start(w.Turn()))) || w.Sleep(end))
	}
	return err
}

// put puts v, going on after an attempt that returned s. If the queue is full and wait is
// true, it returns a waiter that brings v, and the caller has to sleep and to call awake;
// if wait is false, it returns ErrFull then.
//
// Before it waits it looks and yields, as long as that is of use. Nobody counts on a
// call that does: it is not listed, and neither gate is up because of it. (In a tiny
// buffer its caller yields once it is listed, before it sleeps.)
func (q *core[T]) put(ctx context.Context, v *T, s lockfree.State, wait bool) (*parking.Waiter[T], error) {
	var off backoff.Backoff
	var over error // what ctx has ended with
	for {
		switch s {
		case lockfree.OK:
			return nil, nil
		case lockfree.Gated:
			if q.alone() {
				return nil, q.soloPut(ctx, v, wait)
			}
			q.mu.Lock()
			w := q.hand(v)
			q.unlock()
			if w != nil {
				w.Wake()
				return nil, nil
			}
			s = q.putIfReady(v)
		case lockfree.Unready:
			if wait && over == nil && q.looker.Looking() {
				if s = q.lookPut(v); s != lockfree.Unready {
					continue
				}
			}
			s = q.buffer.NotPut()
		case lockfree.Full:
			if q.buffer.Cap() == 0 {
				s = q.buffer.PutIfReady(*v) // which makes the chain longer
				continue
			}
			if !wait {
				return nil, ErrFull
			}
			if over != nil {
				return nil, over
			}
			if over = ended(ctx); over != nil {
				s = q.tryPut(v) // there may have been room before it ended
				continue
			}
			q.putPace.Waited()
			q.looker.Rest(q.moved)
			if !q.tiny && q.mayYield() && q.putYields.Due(&q.looker) {
				q.putYields.End(parking.Yield(q.putYields.Start(parking.AnyTurn())), &q.looker, nil)
				if s = q.tryPut(v); q.putYields.Helped(s != lockfree.Full) {
					continue
				}
				if q.looker.Again() {
					if s = q.tryPut(v); s == lockfree.Full {
						q.looker.TryLooks(q.moved)
						s = lockfree.Unready // look, if nothing else is in the way
					}
					continue
				}
			}
			if w := q.enlistPut(v, nil); w != nil {
				return w, nil
			}
			s = q.putIfReady(v) // somebody made room, or closed the queue
		case lockfree.Closed:
			return nil, ErrClosed
		case lockfree.Unmade:
			panic(notMade)
		default: // Busy, Retired
			q.keepOff(&off, &q.putPace, wait)
			s = q.putIfReady(v)
		}
	}
}

// lookPut looks for room for *v before put waits. It returns Unready if there was none.
func (q *core[T]) lookPut(v *T) (s lockfree.State) {
	q.looker.Look(func() bool {
		s = q.putIfReady(v)
		return s != lockfree.Unready
	}, q.moved)
	return s
}

// putIfReady attempts once to put *v. By interface items go by value, since a pointer would
// escape, and cost an allocation; to a Ring, which is known by type, without that copy.
func (q *core[T]) putIfReady(v *T) lockfree.State {
	if q.bounded == nil {
		return q.buffer.PutIfReady(*v)
	}
	return q.bounded.PutFrom(v)
}

// tryPut is putIfReady with an answer if it is not: Full, or why else it cannot be.
func (q *core[T]) tryPut(v *T) lockfree.State {
	s := q.putIfReady(v)
	if s == lockfree.Unready {
		s = q.buffer.NotPut()
	}
	return s
}

// enlistPut returns a listed waiter that brings *v and then rest, or nil if the buffer is
// not full and open any more. The caller has looked at ctx, and sleeps.
//
// Who sleeps here: a put of a full, open buffer, whose gate on the get side went
// up, or was up, when the put was listed. Who wakes it: every get of a buffer
// whose gate is up comes to promote, which serves the oldest. So a put sleeps on
// only while nobody gets. Close leaves it listed: it is admitted.
func (q *core[T]) enlistPut(v *T, rest []T) *parking.Waiter[T] {
	q.mu.Lock()
	if q.alone() || !q.buffer.ShutGet() {
		q.unlock()
		return nil
	}
	w := q.enlist(&q.putters, q.tiny)
	w.Bring(v, rest)
	q.unlock()
	if q.tiny {
		q.getYields.Rest() // Puts come faster than they are taken
	}
	return w
}

// getElse is the rest of a Get, or of a TryGet if wait is false, whose attempt has returned s.
func (q *core[T]) getElse(ctx context.Context, v *T, s lockfree.State, wait bool) error {
	w, err := q.get(ctx, v, s, wait)
	if w != nil {
		end := done(ctx)
		_, err = q.awake(ctx, w, &q.getters, v, w.Yields && q.yielded(w, &q.putYields, parking.Yield(q.putYields.Start(w.Turn()))) || w.Sleep(end))
	}
	return err
}

// get takes the oldest item, going on after an attempt that returned s. If the queue is
// empty and wait is true, it returns a waiter, and the caller has to sleep, as for put; if
// wait is false, it returns ErrEmpty then.
//
// Who sleeps here: a Get of an empty, open ring, whose gate on the put side went
// up, or was up, when the Get was listed. Who wakes it: every put to a ring
// whose gate is up comes to hand, which serves the oldest, and Close wakes all.
// So a Get sleeps on only while nobody puts.
func (q *core[T]) get(ctx context.Context, v *T, s lockfree.State, wait bool) (*parking.Waiter[T], error) {
	var off backoff.Backoff
	var over error // what ctx has ended with
	for {
		switch s {
		case lockfree.OK:
			return nil, nil
		case lockfree.Last:
			q.finish()
			return nil, nil
		case lockfree.Gated:
			if q.alone() {
				return nil, q.soloGet(ctx, v, wait)
			}
			if !q.buffer.HeadReady() {
				off.Wait(backoff.Usual) // without the lock, lest all getters queue up behind a slow putter
				s = q.getIfReady(v)
				continue
			}
			q.mu.Lock()
			w, ok := q.promote(v)
			q.unlock()
			if w != nil {
				w.Wake()
			}
			if ok {
				return nil, nil
			}
			s = q.getIfReady(v)
		case lockfree.Unready:
			if wait && over == nil && q.looker.Looking() {
				if s = q.lookGet(v); s != lockfree.Unready {
					continue
				}
			}
			s = q.buffer.NotGot()
		case lockfree.Empty:
			if !wait {
				return nil, ErrEmpty
			}
			if over != nil {
				return nil, over
			}
			if over = ended(ctx); over != nil {
				s = q.tryGet(v) // there may have been an item before it ended
				continue
			}
			q.getPace.Waited()
			q.looker.Rest(q.moved)
			if !q.soon() && q.mayYield() && q.getYields.Due(&q.looker) {
				q.getYields.End(parking.Yield(q.getYields.Start(parking.AnyTurn())), &q.looker, nil)
				if s = q.tryGet(v); q.getYields.Helped(s != lockfree.Empty) {
					continue
				}
				if q.looker.Again() {
					if s = q.tryGet(v); s == lockfree.Empty {
						q.looker.TryLooks(q.moved)
						s = lockfree.Unready // look, if nothing else is in the way
					}
					continue
				}
			}
			q.mu.Lock()
			if !q.alone() && q.buffer.ShutPut() {
				w := q.enlist(&q.getters, q.tiny)
				if q.soon() {
					q.beginSolo()
				} else if q.stage.Load() == resting {
					q.countSolo()
				}
				q.unlock()
				return w, nil
			}
			q.unlock()
			s = q.getIfReady(v) // somebody put, or closed the queue
		case lockfree.Drained: // goes before a look at ctx
			q.finish()
			return nil, ErrClosed
		case lockfree.Unmade:
			panic(notMade)
		default: // Busy, Retired
			q.keepOff(&off, &q.getPace, wait)
			s = q.getIfReady(v)
		}
	}
}

// moved returns how many items have left the queue, into the hands of those who waited too.
func (q *core[T]) moved() uint64 { return q.handed.Load() + q.buffer.Left() }

// lookGet looks for an item, for *v, before get waits. It returns Unready if there was
// none.
func (q *core[T]) lookGet(v *T) (s lockfree.State) {
	q.looker.Look(func() bool {
		s = q.getIfReady(v)
		return s != lockfree.Unready
	}, q.moved)
	return s
}

// getIfReady attempts once to take an item, for *v, as putIfReady puts one.
func (q *core[T]) getIfReady(v *T) (s lockfree.State) {
	if q.bounded == nil {
		*v, s = q.buffer.GetIfReady()
		return s
	}
	return q.bounded.GetTo(v)
}

// tryGet is to getIfReady what tryPut is to putIfReady.
func (q *core[T]) tryGet(v *T) lockfree.State {
	s := q.getIfReady(v)
	if s == lockfree.Unready {
		s = q.buffer.NotGot()
	}
	return s
}

// keepOff keeps off after a lost race, or before a slot in flight, only briefly if the call must
// not wait. (It does not yield at once: beside goroutines that only compute a yield may take
// 10 ms and more.)
func (q *core[T]) keepOff(off *backoff.Backoff, pace *parking.Pacer, wait bool) {
	capacity := q.buffer.Cap()
	items := parking.Shortest(capacity)
	if wait {
		items = pace.Items(q.moved, capacity)
	}
	off.Wait(items)
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

// ended returns ctx.Err(), or nil for a nil ctx. A call asks for it before it is listed. It is
// inlined, for those who have no context.
func ended(ctx context.Context) error {
	if ctx == nil {
		return nil
	}
	return ask(ctx)
}

// ask returns ctx.Err(), and asks for ctx.Done() as well, so that a context that panics leaves
// nobody in a list.
func ask(ctx context.Context) error {
	err := ctx.Err()
	ctx.Done()
	return err
}

// done returns ctx.Done(), or nil for a nil ctx.
func done(ctx context.Context) <-chan struct{} {
	if ctx == nil {
		return nil
	}
	return ctx.Done()
}

// why returns ctx.Err() for a call that gives up because ctx.Done() is closed, and an error
// in any case: nobody must take such a call for one that has been served, whatever ctx says.
func why(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return context.Canceled
}

// enlist returns a waiter that is the last in l, whose gate is up. If yields is true it
// may be one that yields. It needs mu.
func (q *core[T]) enlist(l *parking.List[T], yields bool) *parking.Waiter[T] {
	q.mu.Observe(l.Crowded())
	w := q.waiters.Take(l == &q.putters)
	w.Yields = yields && q.mayYield() && q.putYields.Due(&q.looker)
	if !w.Yields {
		q.balance.Park(&q.getYields, &q.putYields)
	}
	l.Push(w)
	return w
}

// mayYield reports whether calls may yield, of whichever side, if they have not found just
// now that it is of no use.
func (q *core[T]) mayYield() bool { return q.mu.Calm() && q.balance.Yields() }

// yielded reports whether w has been woken by whoever serves it, as if its call slept, while
// the call has yielded since start, which w was listed to do, by y, before it sleeps. The call
// has asked for its context's Done channel before, so that a context can tell of every call
// that it waits.
func (q *core[T]) yielded(w *parking.Waiter[T], y *parking.Yielder, start time.Duration) (woken bool) {
	y.End(start, &q.looker, q.soloFlow)
	return w.Yielded(y, &q.looker, q.moved)
}

// awake ends the wait of w, which was listed in l, after its Sleep: w has been woken, or
// ctx has ended. It stores what w was served with in *v, if v is not nil, and returns how
// many of the items that a put brings are not in. If both happen, what counts is which
// came first to mu: a call that has been served reports success, so that nothing that was
// handed to it is lost, and no wake-up either.
func (q *core[T]) awake(ctx context.Context, w *parking.Waiter[T], l *parking.List[T], v *T, woken bool) (left int, err error) {
	if !woken {
		if q.cancel(w, l) {
			left = 1 + w.Left()
			q.waiters.Give(w)
			return left, why(ctx)
		}
		w.Sleep(nil) // the Wake is under way
	}
	if v != nil {
		*v = w.Item
	}
	left = 1 + w.Left()
	if q.waiters.Give(w) {
		return 0, nil
	}
	return left, ErrClosed
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
	if q.alone() {
		return true
	}
	if q.getters.Empty() {
		q.buffer.OpenPut()
	}
	if q.putters.Empty() {
		q.buffer.OpenGet()
	}
	return true
}

// hand hands *v to the Get that has waited longest. It returns that Get's waiter, or nil
// if there was none; the gate is down by now then. It needs mu, and the caller has to
// unlock and then to wake the waiter. The Put and that Get take effect at the Pop, one
// after the other; the buffer is empty and stays so.
func (q *core[T]) hand(v *T) *parking.Waiter[T] {
	if q.alone() {
		return nil // it has begun just now
	}
	w := q.getters.Pop()
	if w != nil {
		w.Item = *v
		q.handed.Store(q.handed.Load() + 1)
	}
	if q.getters.Empty() {
		q.buffer.OpenPut()
	}
	return w
}

// promote takes the oldest item, for *v, and moves that of the Put that has waited longest
// into the buffer. It reports whether it did; if not, the gate is down by now, or the
// oldest item is in flight. It needs mu, and the caller has to unlock and then to wake the
// waiter that it returns: there is none if it brings more items. The Get and that Put take
// effect in Swap, one after the other.
func (q *core[T]) promote(v *T) (w *parking.Waiter[T], ok bool) {
	if q.putters.Empty() || q.alone() {
		return nil, false
	}
	slot := q.buffer.BeginSwap()
	if slot == nil {
		return nil, false
	}
	w = q.putters.First()
	if w == nil {
		q.buffer.OpenGet()
		return nil, false
	}
	*v = *slot
	if w.Take(slot) {
		q.buffer.EndSwap(true)
		return nil, true
	}
	q.putters.Remove(w)
	q.buffer.EndSwap(!q.putters.Empty())
	return w, true
}

// unlock unlocks mu, after checking the invariants in debug builds.
func (q *core[T]) unlock() {
	if invariants.Enabled {
		q.checkGates()
	}
	q.mu.Unlock()
}

// checkGates panics unless gates and lists agree. It needs mu.
func (q *core[T]) checkGates() {
	if q.alone() {
		n := q.solo.ring.Len()
		invariants.Check(q.getters.Empty() || n == 0, "getters wait, ring not empty")
		invariants.Check(q.putters.Empty() || n == q.buffer.Cap(), "putters wait, ring not full")
		return
	}
	q.buffer.Check(!q.getters.Empty(), !q.putters.Empty())
}
