package lockfree

// A word is what tail and head hold: a position, and flags in its lowest bits.
// A stamp is a position, too, with a run and a flag of its own.
//
//	63        k+11  k+10         11  10  5   4       3        2        1      0
//	+------------+-----------------+-----+------+---------+---------+------+--------+
//	|    lap     |  index of slot  | run | full | emptied | retired | gate | closed |
//	+------------+-----------------+-----+------+---------+---------+------+--------+
//
// where 2^k is the capacity rounded up to a power of two. The flags are below
// the position so that positions wrap around by themselves at 2^64, and so that
// one comparison of a stamp with a word answers "is this slot mine to claim"
// and "is no flag set" at once. (A word wraps after 2^53 operations if the capacity
// is a power of two and the ring is dense, and after 2^49 at the earliest: months of
// the fastest use. The code is right across the wrap, but for Entered and Left, which
// begin again; and a goroutine would have to sleep through all of it to mistake an
// old word for a new one.)
//
// position and index, of ends, are the only places that take a word apart.
const (
	closed   uint64 = 1 << iota // tail: no put enters any more; head: gets look whether they take the last item
	gate                        // tail: every put goes to the lock; head: every get does
	retired                     // tail: the ring has a successor in its Chain, and never changes again
	emptied                     // tail: closed, and what was in belongs to TakeAll
	full                        // stamps only: the slot holds an item
	follower                    // stamps only: the unit of run, the number of slots that follow in the same state

	runBits  = 6
	runs     = 1<<runBits*follower - follower // the mask of run
	longest  = 1 << runBits                   // slots in a run, its first included
	flagBits = 5 + runBits
	flags    = 1<<flagBits - 1 // the mask of all that is not position
	one      = 1 << flagBits   // the distance from one position to the next
)
