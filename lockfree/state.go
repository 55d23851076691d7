package lockfree

// State is what became of one attempt to put or to get.
type State uint8

const (
	// OK: the item was put, or taken.
	OK State = iota
	// Last (get): the item was taken, the ring is closed, and nothing is left.
	// From now on every get is Drained.
	Last
	// Busy: another goroutine was quicker, or is in the middle of the
	// operation that this one depends on. It says nothing about the ring; keep
	// off for a moment, yielding the processor, and try again.
	Busy
	// Full (put): the ring held exactly its capacity.
	Full
	// Empty (get): the ring held nothing, and is open.
	Empty
	// Closed (put): the ring was closed.
	Closed
	// Drained (get): the ring is closed and holds nothing. It is so for good.
	Drained
	// Gated: the gate on this side is up, so the call has to take the lock and
	// serve, or be served, there.
	Gated
	// Retired: the ring has a successor in its Chain; go on there.
	Retired
	// Unready (PutIfReady, GetIfReady): the slot is not ready. The ring is full, or
	// empty, or the slot is in flight.
	Unready
	// Unmade: there is no ring; Init has not been called.
	Unmade
)
