package parking

// List is a FIFO list of waiters. Its zero value is empty and ready to use. All
// methods need the lock, and all but Len and those that unlist many take constant
// time.
//
// Invariants:
//  1. A waiter is in at most one list, and fate says whether it is in one.
//  2. first is the one that has waited longest.
type List[T any] struct {
	first, last *Waiter[T]
}

// Empty reports whether nobody waits in l.
func (l *List[T]) Empty() bool { return l.first == nil }

// Crowded reports whether at least three wait in l.
func (l *List[T]) Crowded() bool { return l.first != l.last && l.first.next != l.last }

// Len returns how many wait in l.
func (l *List[T]) Len() (n int) {
	for w := l.first; w != nil; w = w.next {
		n++
	}
	return n
}

// Push appends w and marks it listed.
func (l *List[T]) Push(w *Waiter[T]) {
	w.fate = listed
	w.prev = l.last
	if l.last == nil {
		l.first = w
	} else {
		l.last.next = w
	}
	l.last = w
}

// Oldest is First for a list in which nobody shares a [Choice].
func (l *List[T]) Oldest() *Waiter[T] { return l.first }

// Shift removes the waiter that has waited longest, which there must be.
func (l *List[T]) Shift() {
	w := l.first
	w.fate = served
	l.first = w.next
	if w.next == nil {
		l.last = nil
	} else {
		w.next.prev, w.next = nil, nil
	}
}

// First returns the waiter that has waited longest, or nil if there is none, and
// wins its [Choice]: whoever calls it has to serve it. Waiters whose choice has been
// served in another list are unlisted on the way, so l may be empty afterwards.
func (l *List[T]) First() *Waiter[T] {
	for w := l.first; w != nil; w = l.first {
		if w.win() {
			return w
		}
		l.Remove(w)
	}
	return nil
}

// Pop removes the waiter that has waited longest, unlists it and returns it, or
// nil if there is none, as First does. Whoever calls it owes that waiter a Wake.
func (l *List[T]) Pop() *Waiter[T] {
	w := l.First()
	if w != nil {
		l.Remove(w)
	}
	return w
}

// Remove takes w out of the middle of l and unlists it. w must be in l.
func (l *List[T]) Remove(w *Waiter[T]) {
	w.fate = served
	if w.prev == nil {
		l.first = w.next
	} else {
		w.prev.next = w.next
	}
	if w.next == nil {
		l.last = w.prev
	} else {
		w.next.prev = w.prev
	}
	w.prev, w.next = nil, nil
}

// Collect appends w, which has been unlisted, to a list of those that are to be
// woken by WakeAll.
func (l *List[T]) Collect(w *Waiter[T]) {
	if l.last == nil {
		l.first = w
	} else {
		l.last.next = w
	}
	l.last = w
}

// RefuseAll empties l: every waiter in it ends without having been served. The
// caller has to release the lock and then WakeAll those that it gets.
func (l *List[T]) RefuseAll() (all List[T]) {
	for w := l.Pop(); w != nil; w = l.Pop() {
		w.fate = refused
		all.Collect(w)
	}
	return all
}

// RefuseChoices does what RefuseAll does to those waiters that share a [Choice].
func (l *List[T]) RefuseChoices() (all List[T]) {
	for w := l.first; w != nil; {
		next := w.next
		if w.choice != nil {
			l.Remove(w)
			if w.win() {
				w.fate = refused
				all.Collect(w)
			}
		}
		w = next
	}
	return all
}

// WakeAll wakes every waiter in l, which must come from RefuseAll or Collect. It is the
// one method that must not be called under the lock: there may be very many.
func (l List[T]) WakeAll() {
	for w := l.first; w != nil; {
		next := w.next // w is its sleeper's again after the Wake
		w.prev, w.next = nil, nil
		w.Wake()
		w = next
	}
}
