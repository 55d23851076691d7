package parking

// Pool recycles the waiters of one queue, so that waiting allocates nothing in
// steady state. Its zero value is empty and ready to use. All methods need the
// lock.
//
// It is not a sync.Pool: a waiter's channel belongs to the testing/synctest
// bubble that it was made in, so it must not leave its queue.
//
// A waiter goes in when it is served, by its server, who holds the lock anyway;
// it comes out when its sleeper has said that it is done with it. So giving a
// waiter back costs the sleeper one store to memory that it has just read,
// without a lock and without a word that others write to. Waiters are served
// and finish in about the same order, so looking at the oldest one is enough.
//
// Invariants:
//  1. A waiter that is handed out is in no list and owed no Wake.
//  2. At most poolSize waiters are kept.
type Pool[T any] struct {
	used List[T] // oldest first; listed is false for all
	n    int     // how many
}

// poolSize bounds what an idle queue keeps: about 16 KiB for small items.
const poolSize = 64

// Take returns a waiter that is in no list, with a zero Item.
func (p *Pool[T]) Take() *Waiter[T] {
	if w := p.used.first; w != nil && w.done.Load() {
		p.used.unlink(w)
		p.n--
		w.done.Store(false)
		return w
	}
	return &Waiter[T]{wake: make(chan struct{}, 1)}
}

// Served keeps w, which has just been unlisted by its server, for when its
// sleeper has called Result.
func (p *Pool[T]) Served(w *Waiter[T]) {
	if p.n < poolSize {
		p.used.link(w)
		p.n++
	}
}

// Cancelled keeps w, which its own call has just unlisted.
func (p *Pool[T]) Cancelled(w *Waiter[T]) {
	w.clear()
	p.Served(w)
}
