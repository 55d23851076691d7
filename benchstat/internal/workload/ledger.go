package workload

import (
	"fmt"
	"sync"

	"github.com/parkring/queue/benchstat/internal/peer"
)

// Ledger knows what has been put into a queue and what each consumer has got, and
// settles accounts when it is all over: every item exactly once, and at each
// consumer those of a producer in their order. A sum would not do.
type Ledger struct {
	put      []int      // by producer: 0 up to this
	consumed [][]uint64 // by consumer, in order
	mu       sync.Mutex
}

// newLedger is for producers that put that many items each.
func newLedger(put ...int) *Ledger { return &Ledger{put: put} }

// got adds what a consumer has got, in order. It may be called by any goroutine.
func (l *Ledger) got(ids []uint64) {
	l.mu.Lock()
	l.consumed = append(l.consumed, ids)
	l.mu.Unlock()
}

// Settle returns how many items are wrong, and what is with the first of them.
func (l *Ledger) Settle() (wrong int, why string) {
	failf := func(format string, args ...any) {
		if wrong == 0 {
			why = fmt.Sprintf(format, args...)
		}
		wrong++
	}
	seen := make([][]bool, len(l.put))
	for p, n := range l.put {
		seen[p] = make([]bool, n)
	}
	for c, ids := range l.consumed {
		next := make([]int, len(l.put)) // of each producer, the lowest that may come
		for _, id := range ids {
			p, seq := peer.Split(id)
			switch {
			case p >= len(seen) || seq >= len(seen[p]):
				failf("consumer %d got item %d of producer %d, which nobody has put", c, seq, p)
				continue
			case seen[p][seq]:
				failf("item %d of producer %d was delivered twice", seq, p)
			case seq < next[p]:
				failf("item %d of producer %d reached consumer %d after item %d", seq, p, c, next[p]-1)
			}
			seen[p][seq] = true
			next[p] = max(next[p], seq+1)
		}
	}
	for p := range seen {
		for seq, ok := range seen[p] {
			if !ok {
				failf("item %d of producer %d was lost", seq, p)
			}
		}
	}
	return wrong, why
}

// shareMin returns the share of the consumer that got least, as a multiple of its fair
// share: 1 is fair, 0 is nothing.
func shareMin(got []int) float64 {
	least, total := got[0], 0
	for _, n := range got {
		least = min(least, n)
		total += n
	}
	if total == 0 {
		return 0
	}
	return float64(least) * float64(len(got)) / float64(total)
}
