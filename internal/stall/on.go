//go:build queue_stall

package stall

import "sync/atomic"

// Enabled is true in builds with the tag queue_stall.
const Enabled = true

// Hook is what a test does to the goroutines that come by.
type Hook struct {
	// At is called at each point, by the goroutine that is there. It returns
	// when the goroutine may go on.
	At func(Point)

	// Lock and Sleep take the place of a Mutex's Lock and of a Waiter's Sleep,
	// for a test that runs many goroutines in turn and must not be blocked by
	// one of them. They report whether they did: false leaves it to the real
	// ones. Either may be nil.
	Lock  func(try func() bool) bool
	Sleep func(wake, done <-chan struct{}) (woken, did bool)

	// Random takes the place of a random number, for a test that is to be
	// replayed. It may be nil.
	Random func() uint64
}

var hook atomic.Pointer[Hook]

// Set makes h the hook of all goroutines; nil stops nobody.
func Set(h *Hook) { hook.Store(h) }

// At stops the calling goroutine at p if a test wants that.
func At(p Point) {
	if h := hook.Load(); h != nil && h.At != nil {
		h.At(p)
	}
}

// Lock locks by calling try again and again, if the hook wants that.
func Lock(try func() bool) bool {
	h := hook.Load()
	return h != nil && h.Lock != nil && h.Lock(try)
}

// Sleep sleeps until wake or done, if the hook wants that.
func Sleep(wake, done <-chan struct{}) (woken, did bool) {
	h := hook.Load()
	if h == nil || h.Sleep == nil {
		return false, false
	}
	return h.Sleep(wake, done)
}

// Random returns f(), or what the hook wants.
func Random(f func() uint64) uint64 {
	if h := hook.Load(); h != nil && h.Random != nil {
		return h.Random()
	}
	return f()
}
