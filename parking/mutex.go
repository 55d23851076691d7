package parking

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/parkring/queue/internal/backoff"
	"github.com/parkring/queue/internal/stall"
)

// Mutex guards the lists, and what goes with them, of one queue. It is a
// sync.Mutex that does not put a goroutine to sleep at once if it is taken, since it is
// held for some 0.1 us only: whoever finds it taken keeps off first, at most four times,
// and then queues up like everybody.
//
// How long it keeps off depends on what the others do. If they do nothing but park and
// serve each other, they want the lock all the time, and hand on the cache lines behind it
// with each turn; it pays to stay away for 6 us, so that one side goes on alone. If they
// have other work to do, the lock is free in a moment, and that work is what to go on with.
// The two differ in how soon the next finds the lock taken when one has got it who had kept
// off: within a call or two, or much later.
type Mutex struct {
	mu sync.Mutex
	// crowd is above zero while a crowd waits: set when a waiter finds its list
	// crowded, counted down by each that does not. Written under the lock, read by
	// anyone.
	crowd atomic.Int32
	// fight counts the calls that have found the lock taken soon after another had got it
	// that had kept off, less the others. What is lost in a race is a count that is off by one.
	fight atomic.Int32
	got   atomic.Uint32 // when that was, in ticks: after 9 minutes they begin again, which is as rare as it is harmless
}

const (
	crowdMemory = 1024 // waiters that find no crowd, until it is forgotten
	lockTries   = 4
	tick        = 128 * time.Nanosecond
	soon        = 8 // ticks: a microsecond
	fighting    = 4 // from then on calls keep off for long
	mostFight   = 7
)

// Lock locks m.
func (m *Mutex) Lock() {
	if stall.Enabled || !m.mu.TryLock() {
		m.lockSlow()
	}
}

// LockSolo is Lock for calls that mostly find m free. It is inlined, as Lock is not.
func (m *Mutex) LockSolo() {
	if stall.Enabled {
		m.lockSlow()
		return
	}
	m.mu.Lock()
}

// TryLock locks m if it is free, and reports whether it did. It is inlined, and costs
// more than LockSolo. (A schedule has to decide at each lock who gets it, so there it never
// does.)
func (m *Mutex) TryLock() bool { return !stall.Enabled && m.mu.TryLock() }

func (m *Mutex) lockSlow() {
	stall.At(stall.MutexLock)
	if stall.Enabled && (stall.Lock(m.mu.TryLock) || m.mu.TryLock()) {
		return
	}
	m.lockLater(m.fights())
	m.got.Store(ticks())
}

// lockLater locks m for a call that keeps off first, for long if others fight for it.
func (m *Mutex) lockLater(long bool) {
	for range lockTries {
		backoff.Locked(long)
		if m.mu.TryLock() {
			return
		}
	}
	m.mu.Lock()
}

// fights takes note of a call that has found the lock taken, and reports whether they
// fight for it.
func (m *Mutex) fights() bool {
	n := m.fight.Load()
	switch again := ticks()-m.got.Load() < soon; {
	case again && n < mostFight:
		n++
		m.fight.Store(n)
	case !again && n > 0:
		n--
		m.fight.Store(n)
	}
	return n >= fighting
}

// ticks tells the time for got.
func ticks() uint32 { return uint32(clock() / tick) }

// Unlock unlocks m.
func (m *Mutex) Unlock() {
	if stall.Enabled { // without this test At costs callers of Unlock their inlining
		stall.At(stall.MutexUnlock)
	}
	m.mu.Unlock()
}

// Observe takes note, under the lock, that a waiter is about to be listed and
// whether that list is crowded.
func (m *Mutex) Observe(crowded bool) {
	switch c := m.crowd.Load(); {
	case crowded && c < crowdMemory:
		m.crowd.Store(crowdMemory)
	case !crowded && c > 0:
		m.crowd.Store(c - 1)
	}
}

// Calm reports whether no crowd waits. In a crowd calls should not yield: whoever does
// goes to the end of the line of all that are ready to run.
func (m *Mutex) Calm() bool { return m.crowd.Load() == 0 }
