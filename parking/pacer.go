package parking

import (
	"sync/atomic"
	"time"
)

// Pacer says how long a call keeps off that has met a slot in flight or lost a race.
//
// The other side needs only a few instructions more, so a short pause will do. But if items
// stream through a large ring, the side that is faster catches up with the other again
// within some hundred items, and then makes it slower: both write to the same cache lines
// all the time. Far apart they do not disturb each other. So while items stream each pause
// is twice as long as the one before, up to the time in which the other side can go through
// about half of the ring. A pause is never longer than items have been streaming, so that a
// burst is not held up for longer than it took.
//
// Items stream if they move fast, and if no call of this side has found that it has to wait
// since the last pause: it may be in time for each item then, and must not be late for one.
//
// The zero Pacer is ready for use. It may be used by all calls of one side.
type Pacer struct {
	times atomic.Int32  // the last pause was so many times the shortest one; 0 after Waited
	at    atomic.Int64  // when that was, in ns
	from  atomic.Uint64 // how many items had moved then
}

const (
	streaming = 250 * time.Nanosecond // per item, at most
	perPause  = 256                   // items: what the other side does in the shortest pause, 0.7 us, and some
	longest   = 16                    // 11 us
	unbounded = 2048                  // is taken for the capacity of a queue that has none
)

// Times returns how long the next pause is to be, in times the shortest one. moved returns how
// many items have gone through the buffer, whose capacity is 0 if it has no bound.
func (p *Pacer) Times(moved func() uint64, capacity int) int {
	if capacity == 0 {
		capacity = unbounded
	}
	times := int32(1)
	if most := int32(min(capacity/perPause, longest)); most > 1 {
		now, n := clock(), moved()
		took, items := now-time.Duration(p.at.Load()), n-p.from.Load()
		if took < time.Duration(items)*streaming {
			times = min(max(2*p.times.Load(), 1), most)
		}
		p.times.Store(times)
		p.at.Store(int64(now))
		p.from.Store(n)
	}
	return int(times)
}

// Waited takes note of a call that has to wait.
func (p *Pacer) Waited() {
	if p.times.Load() != 0 {
		p.times.Store(0)
	}
}
