package parking

import (
	"math/rand/v2"
	"slices"
	"sync/atomic"

	"github.com/parkring/queue/internal/stall"
)

// Pool recycles the waiters of one queue, so that waiting allocates nothing in
// steady state. Its zero value is empty and ready to use.
//
// It is not a sync.Pool: a waiter's channel belongs to the testing/synctest
// bubble that it was made in, so it must not leave its queue.
//
// A call takes its waiter under the lock, which it holds anyway, and gives it
// back without, so that a call that has been served need not queue up for the
// lock again.
//
//   - The first two waiters are kept in place, for the usual case that one call or
//     two wait: the stage of the waiter itself says that it has been given back, and
//     whoever gives it back touches nothing else.
//   - Others go round: they are pushed on a stack. Whoever holds the lock takes all
//     that has been given back at once: nothing is popped while others push, so
//     there is no ABA to guard against.
//
// Invariants:
//  1. A waiter in the pool is in no list, owed no Wake, and carries nothing.
//  2. At most poolSize waiters are ever used again; those beyond are used once.
//  3. A kept waiter is in the pool exactly while it is idle, or on the stack. Idle is set by
//     the call that has it, as the last it does to it, and reset under the lock.
type Pool[T any] struct {
	kept  [2]*Waiter[T]             // guarded by the lock; nil until they are made
	free  *Waiter[T]                // linked by next; guarded by the lock
	made  int                       // how many are used again; guarded by the lock
	given atomic.Pointer[Waiter[T]] // given back, linked by next; anyone pushes, the holder of the lock takes all
}

// poolSize bounds what an idle queue keeps after a crowd has waited: about
// 20 KiB, for small items.
const poolSize = 128

// Made returns how many waiters have been in use at once, those that are used once not
// counted. It needs the lock.
func (p *Pool[T]) Made() int { return p.made }

// Returned is Take for a caller that gives back by Return: it returns the waiter that was
// given back so last, or nil. It is inlined.
func (p *Pool[T]) Returned() *Waiter[T] {
	w := p.free
	if w != nil {
		p.free, w.next = w.next, nil
		if w.own.stage.Load() != awake { // its last call has yielded
			w.own.stage.Store(awake)
		}
	}
	return w
}

// Take returns a waiter that is in no list and carries nothing. It needs the
// lock.
func (p *Pool[T]) Take() *Waiter[T] {
	for _, w := range p.kept {
		if w != nil && w.own.stage.Load() == idle {
			w.own.stage.Store(awake)
			return w
		}
	}
	if p.free == nil && p.given.Load() != nil {
		stall.At(stall.TakeSwap)
		p.free = p.given.Swap(nil)
	}
	if w := p.Returned(); w != nil {
		return w
	}
	w := &Waiter[T]{own: Choice{wake: make(chan struct{}, 1)}}
	if p.made == poolSize {
		return w // its home is nowhere
	}
	w.home = onStack
	if i := slices.Index(p.kept[:], nil); i >= 0 && (!stall.Enabled || stall.Random(rand.Uint64)%2 == 0) { // few waiters try both
		w.home, p.kept[i] = inPlace, w
	}
	p.made++
	return w
}

// Give takes w back from the call that took it, and reports whether it was served
// rather than refused. The call must have been woken, or have taken w out of its
// list, and must not touch w afterwards.
func (p *Pool[T]) Give(w *Waiter[T]) (served bool) {
	served = w.clear()
	if w.home != onStack {
		stall.At(stall.GiveIdle)
		w.own.stage.Store(idle)
		return served
	}
	for {
		stall.At(stall.GiveTop)
		top := p.given.Load()
		w.next = top
		stall.At(stall.GiveSwap)
		if p.given.CompareAndSwap(top, w) {
			return served
		}
	}
}

// Return is Give for a holder of the lock: the waiter goes on the stack, wherever its home is.
func (p *Pool[T]) Return(w *Waiter[T]) (served bool) {
	served = w.clear()
	if w.home != nowhere {
		w.next, p.free = p.free, w
	}
	return served
}

// clear clears what w carries, and reports whether w was served.
func (w *Waiter[T]) clear() (served bool) {
	var zero T
	w.Item = zero
	served = !w.refused
	w.refused = false
	w.choice = nil
	if w.rest != nil {
		*w.rest = nil
	}
	return served
}
