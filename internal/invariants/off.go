//go:build !queue_invariants

package invariants

// Enabled is true in builds with the tag queue_invariants.
const Enabled = false
