//go:build !queue_stall

package stall

// Enabled is true in builds with the tag queue_stall.
const Enabled = false

// At stops the calling goroutine at p if a test wants that.
func At(p Point) {}

// Lock is for builds with the tag queue_stall.
func Lock(try func() bool) bool { return false }

// Sleep is for builds with the tag queue_stall.
func Sleep(wake, done <-chan struct{}) (woken, did bool) { return false, false }

// Random returns f(), or what the hook wants.
func Random(f func() uint64) uint64 { return f() }
