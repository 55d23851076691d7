package parking

import (
	"math/bits"
	"sync/atomic"
	"unsafe"

	"github.com/parkring/queue/internal/stall"
)

// Pool recycles the waiters of one queue, so that waiting allocates nothing in
// steady state. Its zero value is empty and ready to use.
//
// It is not a sync.Pool: a waiter's channel belongs to the testing/synctest
// bubble that it was made in, so it must not leave its queue.
//
// A call takes its waiter under the lock, which it holds anyway, and gives it back
// without, by one atomic operation, so that a call that has been served need not queue up
// for the lock again. Each waiter has a bit in two words, one of the calls and one of the
// lock, and is free while the two differ: whoever takes it makes them equal, and whoever
// gives it back makes them differ again.
//
// Invariants:
//  1. A waiter in the pool is in no list, owed no Wake, and carries nothing.
//  2. At most poolSize waiters are ever used again; those beyond are used once.
//  3. Given is written for a waiter only by the call that has it, as the last it does to it.
//  4. The stage of a waiter that is taken is awake, in its turn.
type Pool[T any] struct {
	all   []*Waiter[T]  // those that are used again, by number; guarded by the lock
	taken [words]uint64 // a bit for each of them; guarded by the lock
	given [words]atomic.Uint64
}

// What an idle queue keeps after a crowd has waited is bounded: about 20 KiB, for small items.
const (
	poolSize  = words*64 - 1 // waiters
	poolBytes = 64 << 10     // in them, beside their channels; or atLeast waiters
	atLeast   = 4
	words     = 2
)

// What Waiter.place is.
const (
	nowhere = poolSize // the number of a waiter that is used once
	setBit  = 1 << 7   // with a number: to give the waiter back is to set its bit, rather than to clear it
)

// Marks is a set of waiters of a Pool that are used again. It needs the lock.
type Marks [words]uint64

// Mark puts w, which has been taken, into m, or takes it out. (One that is used once has a bit
// that nobody counts.)
func (w *Waiter[T]) Mark(m *Marks, in bool) {
	n := w.place &^ setBit
	bit := uint64(1) << (n % 64)
	if in {
		m[n/64] |= bit
	} else {
		m[n/64] &^= bit
	}
}

// Count returns how many of the waiters in use are in m, and how many are not. Those that are
// used once do not count. It needs the lock.
func (p *Pool[T]) Count(m *Marks) (in, out int) {
	for i, all := 0, len(p.all); all > 0; i, all = i+1, all-64 {
		used := ^(p.given[i].Load() ^ p.taken[i])
		if all < 64 {
			used &= 1<<all - 1
		}
		in += bits.OnesCount64(used & m[i])
		out += bits.OnesCount64(used &^ m[i])
	}
	return in, out
}

// Take returns a waiter that is in no list and carries nothing. It needs the
// lock.
func (p *Pool[T]) Take() *Waiter[T] {
	for i := range p.given {
		if free := p.given[i].Load() ^ p.taken[i]; free != 0 {
			bit := free & -free
			p.taken[i] ^= bit
			w := p.all[i*64+bits.TrailingZeros64(free)]
			w.place ^= setBit
			w.turn = uint8(w.own.stage.Load() / turns)
			return w
		}
	}
	w := &Waiter[T]{own: Choice{wake: make(chan struct{}, 1)}, place: nowhere}
	if n := len(p.all); n < poolSize && (n < atLeast || n*int(unsafe.Sizeof(*w)) < poolBytes) {
		w.place = uint8(n) | setBit
		p.all = append(p.all, w)
	}
	return w
}

// Give takes w back from the call that took it, and reports whether it was served
// rather than refused. The call must have been woken, or have taken w out of its
// list, and must not touch w afterwards.
func (p *Pool[T]) Give(w *Waiter[T]) (ok bool) {
	ok = w.clear()
	if w.own.stage.Load() == w.at(asleep) { // it was not woken
		w.own.stage.Store(w.at(woken))
	}
	n := w.place &^ setBit
	if n == nowhere {
		return ok
	}
	given, bit := &p.given[n/64], uint64(1)<<(n%64)
	stall.At(stall.GiveBit)
	if w.place&setBit != 0 {
		given.Or(bit)
	} else {
		given.And(^bit)
	}
	return ok
}

// clear clears what w carries, and reports whether w was served.
func (w *Waiter[T]) clear() (ok bool) {
	var zero T
	w.Item = zero
	ok = w.fate != refused
	w.fate = served
	w.choice = nil
	if w.rest != nil {
		*w.rest = nil
	}
	return ok
}
