package parking

import (
	"math/bits"
	"sync"
	"sync/atomic"
	"unsafe"

	"github.com/parkring/queue/internal/stall"
)

// Pool recycles the waiters of one queue, so that waiting allocates nothing in
// steady state. Its zero value is empty and ready to use.
//
// No other queue may use them: a waiter's channel belongs to the testing/synctest
// bubble that it was made in.
//
// A call takes its waiter under the lock, which it holds anyway, and gives it back
// without, by one atomic operation, so that a call that has been served need not queue up
// for the lock again. Each waiter has a number, and a bit in two words, one of the calls and
// one of the lock, and is free while the two differ: whoever takes it makes them equal, and
// whoever gives it back makes them differ again. If there are more waiters than numbers, a
// sync.Pool has the others.
//
// Invariants:
//  1. A waiter in the pool is in no list, owed no Wake, and carries nothing.
//  2. At most poolSize waiters are kept for good; others that are free are garbage.
//  3. Given is written for a waiter only by the call that has it, as the last it does to it.
//  4. The stage of a waiter that is taken is awake, in its turn.
type Pool[T any] struct {
	all    []*Waiter[T] // those that have a number, by number; guarded by the lock
	taken  uint64       // a bit for each of them; guarded by the lock
	puts   uint64       // the bits of those that a put has had last; guarded by the lock
	given  atomic.Uint64
	others *others // or nil if there have never been any; written under the lock
}

// others are the waiters of a Pool that have no number. (They are apart because the sync.Pool,
// and what it is in, is garbage only after two collections.)
type others struct {
	free  sync.Pool
	inUse [2]atomic.Int32 // how many gets have, and puts
}

// What an idle queue keeps after a crowd has waited is bounded: about 10 KiB, for small items.
const (
	poolSize  = 64       // waiters
	poolBytes = 64 << 10 // in them, beside their channels; or atLeast waiters
	atLeast   = 4
)

// What Waiter.place is.
const (
	other  = poolSize // rather than a number: it is one of the others
	setBit = 1 << 7   // with a number: to give the waiter back is to set its bit, rather than to clear it
	byPut  = 1 << 7   // with other: a put has it
)

// Take returns a waiter, for a put or for a get, that is in no list and carries nothing. It
// needs the lock.
func (p *Pool[T]) Take(put bool) *Waiter[T] {
	if free := p.given.Load() ^ p.taken; free != 0 {
		bit := free & -free
		p.taken ^= bit
		p.mark(bit, put)
		w := p.all[bits.TrailingZeros64(free)]
		w.place ^= setBit
		w.turn = uint8(w.own.stage.Load() / turns)
		return w
	}
	n := len(p.all)
	if n == poolSize || n >= atLeast && n*int(unsafe.Sizeof(Waiter[T]{})) >= poolBytes {
		return p.takeOther(put)
	}
	w := newWaiter[T]()
	w.place = uint8(n) | setBit
	p.all = append(p.all, w)
	p.mark(1<<n, put)
	return w
}

// mark takes note of whether a put has the waiter with that bit.
func (p *Pool[T]) mark(bit uint64, put bool) {
	if put {
		p.puts |= bit
	} else {
		p.puts &^= bit
	}
}

// takeOther is Take of a waiter without a number.
func (p *Pool[T]) takeOther(put bool) *Waiter[T] {
	if p.others == nil {
		p.others = new(others)
	}
	w, ok := p.others.free.Get().(*Waiter[T])
	if !ok {
		w = newWaiter[T]()
	}
	w.turn = uint8(w.own.stage.Load() / turns)
	w.place = other
	if put {
		w.place |= byPut
	}
	p.others.inUse[w.place/byPut].Add(1)
	return w
}

func newWaiter[T any]() *Waiter[T] {
	return &Waiter[T]{own: Choice{wake: make(chan struct{}, 1)}}
}

// Count returns how many waiters are in use, of puts and of gets. It needs the lock.
func (p *Pool[T]) Count() (puts, gets int) {
	used := ^(p.given.Load() ^ p.taken) & (1<<len(p.all) - 1)
	puts = bits.OnesCount64(used & p.puts)
	gets = bits.OnesCount64(used &^ p.puts)
	if o := p.others; o != nil {
		puts += int(o.inUse[1].Load())
		gets += int(o.inUse[0].Load())
	}
	return puts, gets
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
	if n == other {
		p.others.inUse[w.place/byPut].Add(-1)
		p.others.free.Put(w)
		return ok
	}
	stall.At(stall.GiveBit)
	if w.place&setBit != 0 {
		p.given.Or(1 << n)
	} else {
		p.given.And(^(1 << n))
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
