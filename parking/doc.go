// Package parking is about waiting: goroutines that sleep until somebody serves
// them or their context ends. A [Waiter] is one sleeping call and carries the
// item that it brings or gets; a [List] holds waiters in the order in which they
// began to wait; a [Pool] recycles them; a [Mutex] guards all of it. The package
// knows nothing of buffers, positions or closing.
//
// To wait:
//
//  1. Lock. Make sure, in whatever way the caller has, that nobody can do what
//     would end the wait without taking the lock from now on.
//  2. Take a waiter from the pool, and push it to the list. Unlock.
//  3. Sleep; or yield first, which costs less than to sleep and be woken, and may be
//     all that is needed.
//  4. Woken: the wait is over, and the waiter says how it ended. Done: lock, and
//     look whether the waiter is still listed. If so, remove it: the call has
//     had no effect. If not, it has been served, and the Wake is under way.
//  5. Give the waiter back.
//
// To serve: lock; pop the waiter that has waited longest; give it its item, or
// take the one that it brings; unlock; wake it.
//
// Serving and giving up exclude each other by the lock, so a waiter is unlisted
// once, for one reason, and the call reports that one. A wake-up is always for a
// call that has been served, so there is none to pass on, and none to lose.
package parking
