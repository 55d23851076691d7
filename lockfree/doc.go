// Package lockfree has the buffers that the queue is made of: [Ring], which is
// bounded, [Chain], a list of rings, which is not, and [SPSC], for one goroutine on
// each side. Start with ends.go and ring.go.
//
// None ever waits for room or for an item. An attempt to put or to get returns at
// once with a named [State] (but a chain takes a lock to grow); a caller that is told
// [Busy] tries again after yielding the processor. So each is a complete queue for those
// who poll, a Ring and a Chain for any number of goroutines, an SPSC for one on each side.
// A Ring and an SPSC need no lock for that.
//
// # The gate and the lock
//
// Each side of a buffer has a gate. While the gate of tail is up, every put
// returns [Gated] instead of touching the ring; the gate of head does the same
// for gets. That is all this package does for callers that want to wait: it lets
// them send everybody to a lock of theirs, and what happens there is not its
// business. The functions that raise and lower gates, and some others, need that
// lock to be held; they stand at the end of their files and say so. A [Held] is what is
// left of a ring if both gates stay up: it is the lock's alone.
//
// # Words
//
//	here            Vyukov           crossbeam        JCTools          rigtorp
//	tail            enqueue_pos_     tail             producerIndex    head_
//	head            dequeue_pos_     head             consumerIndex    tail_
//	position        pos              tail, head       index            ticket
//	slot            cell_t           Slot             element          Slot
//	stamp           sequence_        stamp            sequence         turn
//	lap             -                lap              -                turn / 2
//	closed          -                mark             -                -
//	ring, chain     -                array, list      array, linked    -
//
// Tail is where items are put and head is where they are taken. A put claims a
// position, owns its slot, and publishes the item; a get claims a position, owns
// the slot, and releases it. Between claim and publication or release the slot
// is in flight. Retired is a ring that has a successor in its chain; closed is a
// buffer into which nothing is put any more; drained is closed and empty.
package lockfree
