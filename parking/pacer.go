package parking

import (
	"sync/atomic"
	"time"

	"github.com/parkring/queue/internal/backoff"
)

// Pacer says how long a call keeps off that has met a slot in flight or lost a race.
//
// The other side needs only a few instructions more, so a short pause will do. But if items
// stream through a large ring, the side that is faster catches up with the other again
// within some hundred items, and then makes it slower: both write to the same cache lines
// all the time. Far apart they do not disturb each other. So while items stream each pause
// is twice as long as the one before, up to the time in which the other side can go through
// about the whole ring; in a small one a pause takes no longer than that from the
// beginning. A pause is never longer than items have been streaming, so that a
// burst is not held up for longer than it took.
//
// Items stream if they move fast, and if no call of this side has found that it has to wait
// since the last pause: it may be in time for each item then, and must not be late for one.
//
// The zero Pacer is ready for use. It may be used by all calls of one side.
type Pacer struct {
	items atomic.Int32  // the length of the last pause, in items that the other side moves meanwhile; 0 after Waited
	at    atomic.Int64  // when that was, in ns
	from  atomic.Uint64 // how many items had moved then
}

const (
	streaming = 250 * time.Nanosecond // per item, at most
	longest   = 1024                  // items: 11 us
)

// Shortest returns how long a pause is at least in a buffer of that capacity, or of none if
// it is 0, in items that the other side moves meanwhile: it should not run out of items, or
// room.
func Shortest(capacity int) int {
	if capacity == 0 {
		return backoff.Usual
	}
	return min(capacity, backoff.Usual)
}

// Items returns how long the next pause is to be, likewise. moved returns how many items have
// gone through the buffer.
func (p *Pacer) Items(moved func() uint64, capacity int) int {
	items, most := Shortest(capacity), longest
	if capacity > 0 {
		most = min(most, capacity)
	}
	if items == most {
		return items
	}
	now, n := clock(), moved()
	took, since := now-time.Duration(p.at.Load()), n-p.from.Load()
	if took < time.Duration(since)*streaming {
		items = min(max(2*int(p.items.Load()), items), most)
	}
	p.items.Store(int32(items))
	p.at.Store(int64(now))
	p.from.Store(n)
	return items
}

// Waited takes note of a call that has to wait.
func (p *Pacer) Waited() {
	if p.items.Load() != 0 {
		p.items.Store(0)
	}
}
