package parking

import (
	"sync"
	"sync/atomic"

	"github.com/parkring/queue/internal/backoff"
	"github.com/parkring/queue/internal/stall"
)

// Mutex guards the lists, and what goes with them, of one queue. It is a
// sync.Mutex that, while a crowd waits, is approached with long pauses: when
// many goroutines park and serve each other, it pays that whoever finds the lock
// taken keeps off for longer than a critical section takes. At most four times,
// about 25 us together; then it queues up like everybody.
type Mutex struct {
	mu sync.Mutex
	// crowd is above zero while a crowd waits: set when a waiter finds its list
	// crowded, counted down by each that does not. Written under the lock, read by
	// anyone.
	crowd atomic.Int32
}

const (
	crowdMemory = 1024 // waiters that find no crowd, until it is forgotten
	lockTries   = 4
)

// Lock locks m.
func (m *Mutex) Lock() {
	if stall.Enabled || !m.mu.TryLock() {
		m.lockSlow()
	}
}

// LockSolo is Lock for a program with one processor, where pauses are of no use. It is
// inlined, as Lock is not.
func (m *Mutex) LockSolo() {
	if stall.Enabled {
		m.lockSlow()
		return
	}
	m.mu.Lock()
}

func (m *Mutex) lockSlow() {
	stall.At(stall.MutexLock)
	if stall.Enabled && stall.Lock(m.mu.TryLock) {
		return
	}
	if !m.Calm() {
		for range lockTries {
			backoff.LongPause()
			if m.mu.TryLock() {
				return
			}
		}
	}
	m.mu.Lock()
}

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
