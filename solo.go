package queue

import (
	"context"
	"time"

	"github.com/parkring/queue/internal/stall"
	"github.com/parkring/queue/lockfree"
	"github.com/parkring/queue/parking"
)

// solo is how a queue of few slots goes on, once a Get has to wait, while its calls do not look
// (parking.Looker): every call takes the lock, and as nobody else can be in the ring then, that
// takes no atomic operation. Where calls do not look they mostly share a processor, if there is
// no other or if the scheduler has put them there. They take turns then, nearly every item needs
// one that waits, and that takes the lock anyway. To wait and to be served is a quarter cheaper
// so; to put and to get without waiting costs twice as much.
//
// It ends when calls are to look again, and for a while when they fight for the lock, since
// they run side by side then, or when nobody waits any more: polls of a queue that is not solo
// cost loads only. Put, Get, TryPut and TryGet, and the observers, know of it; all others end
// it for good first (share).
//
// Invariants, while stage is on and mu is free:
//  1. Getters is not empty only if the ring is empty, putters only if it is full.
//  2. Both gates are up, so that all others come to the lock.
//
// A call takes effect under the lock, as do the begin and the end of solo, which neither
// let anything in nor out. It may begin between the ring's answer to a call and the lock, so
// whoever takes the lock to serve, or to be listed, without knowing of solo, asks there once
// more. Who sleeps, and who wakes them, is as in core.put and core.get, and the lists
// are the same: those who were listed before it began, or ended, are served by those who come
// after.
//
// A call that waits is listed, and may yield then, before it sleeps, as in a tiny buffer: if it
// is served meanwhile, nobody has to wake it. Whoever yields goes to the end of the line of all
// that are ready, and whoever is woken to its front. So those on the side that has more calls
// yield: each of them has its turn then, and moves as many items as there are slots. On the
// other side only the first does, or nobody if that side is much the smaller: it is woken, and
// has the next turn, after each of those. If there are very many, a turn of all of them would
// take as long as the turns are worth: then they yield if nearly all are on one side, or the first
// of each if there are about as many; and in a flood nobody does. How many there are on each side is told
// by the waiters in use.
//
// All of it is guarded by the lock.
type solo[T any] struct {
	ring   lockfree.Held[T]
	left   uint64 // the items that have left the queue
	calls  uint32 // of soloPut
	fights uint32 // calls that have found the lock taken, since calls was a multiple of fightsIn
	quiet  uint32 // since a call has waited: puts that found room, and polls that were in vain
	rest   uint32 // so many Gets that wait have to come until it may begin again
	rested uint32 // what rest was at first, the last time; halved every fightsIn calls

	waits      uint32 // calls that have been listed
	puts, gets int    // that have a waiter, as counted last
	met        bool   // some of both sides have had one at once

	flown  time.Duration // when soloFlow was asked last, or solo began
	flowed uint64        // the items that had left by then
}

// What core.stage is. It is written under the lock and read by anyone.
const (
	over    = iota // the queue is not solo, and will not be
	resting        // it is not for a while, as counted by solo.rest
	early          // it will be from the first Get on that waits when it is soon
	on             // it is
	chained        // the queue has no bound, and will not be
)

const (
	mostSolo   = 16               // slots
	atOnce     = 8                // slots up to which it begins though calls may yield before they are listed
	countEvery = 16               // calls that wait
	crowd      = 32               // calls with a waiter
	throng     = 64               // the same
	flood      = 320              // the same
	flowing    = time.Microsecond // per item, at most
	mostQuiet  = 256              // puts and polls while nobody waits, until it ends
	fightsIn   = 256              // calls of soloPut
	mostRest   = 1 << 16
)

// Variables for tests.
var (
	mostFights uint32 = 6    // until it ends
	leastRest  uint32 = 1024 // Gets that wait
)

// alone reports whether q is solo. If the caller has the lock, it stays so.
func (q *core[T]) alone() bool { return q.stage.Load() == on }

// share ends solo for good, for a call that does not know of it.
func (q *core[T]) share() {
	if s := q.stage.Load(); s > over && s < chained {
		q.mu.Lock()
		q.endSolo(over)
		q.unlock()
	}
}

// soon reports whether q is solo from the next Get on that is listed. If it has more than a few
// slots it is not as long as calls may yield before they are listed: that is faster there.
func (q *core[T]) soon() bool {
	return q.stage.Load() == early && !q.looker.Looking() && (q.bounded.Cap() <= atOnce || !q.mayYield())
}

// countSolo takes note of a Get that is listed while solo rests. It needs mu.
func (q *core[T]) countSolo() {
	if q.solo.rest--; q.solo.rest == 0 {
		q.stage.Store(early)
	}
}

// beginSolo makes q solo, unless somebody is still in the ring. It needs mu, and the gate of
// tail to be up.
func (q *core[T]) beginSolo() {
	var ring lockfree.Held[T]
	if !ring.Prepare(q.bounded) {
		return
	}
	if q.solo == nil {
		q.solo = new(solo[T])
	}
	o := q.solo
	q.getYields.Forget() // what they were of use for before is another matter
	q.putYields.Forget()
	o.ring = ring
	o.left = q.handed.Load() + q.bounded.Left()
	o.flown, o.flowed = parking.Now(), o.left
	q.stage.Store(on) // before Hold, so that whoever meets the gate of head knows of it
	o.ring.Hold()
}

// endSolo ends solo; then is what stage is to be. It needs mu.
func (q *core[T]) endSolo(then uint32) {
	if q.alone() {
		q.handed.Store(q.solo.left - q.bounded.Left()) // all that has not gone through the ring
		q.solo.ring.Release(!q.getters.Empty(), !q.putters.Empty())
	}
	q.stage.Store(then)
}

// restSolo ends solo for a while, which is the longer the more often that happens. It needs mu.
func (q *core[T]) restSolo() {
	o := q.solo
	o.rested = min(2*o.rested+leastRest, mostRest)
	o.rest = o.rested
	o.fights, o.quiet = 0, 0
	q.endSolo(resting)
}

// fight locks mu, for a call that has found it taken.
func (q *core[T]) fight() {
	q.mu.Lock()
	if !stall.Enabled || stall.Random(never)%8 == 0 { // there all calls come here, and a schedule decides
		q.fought()
	}
}

func never() uint64 { return 1 }

// fought takes note of a fight for mu. It needs mu.
func (q *core[T]) fought() {
	if q.solo.fights++; q.solo.fights >= mostFights && q.alone() {
		q.restSolo()
	}
}

// looksAgain reports whether calls are to look by now, for a call that would have to wait, and
// ends solo then. It needs mu.
func (q *core[T]) looksAgain() bool {
	q.looker.Rest(q.soloMoved)
	if !q.looker.Looking() {
		return false
	}
	q.endSolo(early)
	return true
}

// soloMoved is moved if q is solo. It needs mu.
func (q *core[T]) soloMoved() uint64 { return q.solo.left }

// soloPut is all of a put that finds that q is solo; and if it is not any more, too.
func (q *core[T]) soloPut(ctx context.Context, v *T, wait bool) error {
	var over error // what ctx has ended with
	for asked := false; ; asked = true {
		if !q.mu.TryLock() {
			q.fight()
		}
		o := q.solo
		if o.calls++; o.calls%fightsIn == 0 {
			o.fights = 0
			o.rested /= 2
		}
		if !q.alone() {
			q.unlock()
			return q.putElse(ctx, v, lockfree.Gated, wait)
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
			q.needless()
			q.unlock()
			return nil
		}
		if !wait {
			q.needless()
			q.unlock()
			return ErrFull
		}
		if over != nil {
			q.unlock()
			return over
		}
		if !asked && mayEnd(ctx) {
			q.unlock()
			over = ended(ctx)
			continue
		}
		w := q.soloWait(true)
		if w == nil {
			q.unlock()
			return q.putElse(ctx, v, lockfree.Gated, wait)
		}
		w.Item = *v
		q.unlock()
		end := done(ctx)
		_, err := q.awake(ctx, w, &q.putters, nil, w.Yields && q.yielded(w, &q.putYields, parking.Yield(q.putYields.Start(w.Turn()))) || w.Sleep(end))
		return err
	}
}

// soloGet is all of a get that finds that q is solo; and if it is not any more, too.
func (q *core[T]) soloGet(ctx context.Context, v *T, wait bool) error {
	var over error // what ctx has ended with
	for asked := false; ; asked = true {
		q.mu.LockSolo()
		o := q.solo
		if !q.alone() {
			q.unlock()
			return q.getElse(ctx, v, lockfree.Gated, wait)
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
			q.needless()
			q.unlock()
			return ErrEmpty
		}
		if over != nil {
			q.unlock()
			return over
		}
		if !asked && mayEnd(ctx) {
			q.unlock()
			over = ended(ctx)
			continue
		}
		w := q.soloWait(false)
		if w == nil {
			q.unlock()
			return q.getElse(ctx, v, lockfree.Gated, wait)
		}
		q.unlock()
		end := done(ctx)
		_, err := q.awake(ctx, w, &q.getters, v, w.Yields && q.yielded(w, &q.getYields, parking.Yield(q.getYields.Start(w.Turn()))) || w.Sleep(end))
		return err
	}
}

// mayEnd reports whether a call that has to wait has to ask ctx before, and so to give up the
// lock once more: a context may do anything when it is asked.
func mayEnd(ctx context.Context) bool { return ctx != nil && ctx != context.Background() }

// soloWait returns a waiter that is the last in the list of puts, or of gets, and may have to
// yield; or nil if calls are to look again. It needs mu.
func (q *core[T]) soloWait(put bool) *parking.Waiter[T] {
	if q.looker.May() && q.looksAgain() {
		return nil
	}
	o := q.solo
	o.quiet = 0
	w := q.waiters.Take(put)
	if o.waits%countEvery == 0 {
		o.puts, o.gets = q.waiters.Count()
		o.met = o.met || o.puts > 0 && o.gets > 0
	}
	o.waits++
	l, y, own, other := &q.getters, &q.getYields, o.gets, o.puts
	if put {
		l, y, own, other = &q.putters, &q.putYields, o.puts, o.gets
	}
	w.Yields = mayYieldSolo(own, other, q.bounded.Cap(), l.Empty(), o.met) && y.Due(&q.looker)
	l.Push(w)
	return w
}

// mayYieldSolo reports whether a call may yield that has to wait, first of its side or not, if
// own calls of its side have a waiter and other of the other side; met says whether there have been
// some of both at once.
func mayYieldSolo(own, other, capacity int, first, met bool) bool {
	all := own + other
	few := 5 // halves: how many times as many there make few of those here
	switch {
	case all >= flood:
		return false
	case all >= throng:
		return met && own >= 3*other || first && 5*own < 6*other && 5*other < 6*own
	case own > other:
		return true
	case all >= crowd || own == 1 && capacity > 2:
		few = 4
	case capacity == 1:
		few = 8 // each item takes a turn of the few in any case
	}
	return first && 2*other < few*own
}

// soloFlow reports whether items have moved fast, as far as q has been solo since it was asked
// last. If it was asked after start somebody else has seen to what the answer is for.
func (q *core[T]) soloFlow(start, now time.Duration) bool {
	if !q.alone() {
		return false
	}
	q.mu.Lock()
	defer q.unlock()
	o := q.solo
	if o.flown > start {
		return true
	}
	took, n := now-o.flown, o.left-o.flowed
	o.flown, o.flowed = now, o.left
	return time.Duration(n)*flowing > took
}

// needless takes note of a call that would have cost less if q were not solo. It needs mu.
func (q *core[T]) needless() {
	if q.solo.quiet++; q.solo.quiet == mostQuiet {
		q.restSolo()
	}
}
