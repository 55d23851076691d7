//go:build !queue_stall

package stall

// Enabled is true in builds with the tag queue_stall.
const Enabled = false

// At stops the calling goroutine at p if a test wants that.
//
// It has a type parameter because the compiler (Go 1.26) does not inline a
// plain function into methods of generic types that another package
// instantiates, even if it is empty. TestNothingIsLeftOfThePoints stands guard.
func At[P interface{ Point }](p P) {}

// Lock is for builds with the tag queue_stall.
func Lock(try func() bool) bool { return false }

// Sleep is for builds with the tag queue_stall.
func Sleep(wake, done <-chan struct{}) (woken, did bool) { return false, false }

// Random returns f(), or what the hook wants.
func Random(f func() uint64) uint64 { return f() }
