//go:build !linux

package backoff

// yieldThread is nothing where the standard library has no name for it.
var yieldThread = func() {}
