// Package invariants says whether the checks of the "Invariants:" lists in
// lockfree and parking are compiled in. They are with the build tag
// queue_invariants, and cost nothing without it: Enabled is a constant.
package invariants

// Check panics with what unless ok. Call it as
//
//	if invariants.Enabled { invariants.Check(...) }
//
// so that nothing is left of it in an ordinary build.
func Check(ok bool, what string) {
	if !ok {
		panic("queue: invariant broken: " + what)
	}
}
