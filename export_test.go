package queue

import (
	"time"

	"github.com/parkring/queue/lockfree"
	"github.com/parkring/queue/parking"
)

// Queues of tests do not tell each other anything, so that no test depends on the
// machine being idle while another ran.
func init() { program = nil }

// ShareProgram has queues that are made from now on tell each other, until restore is called.
func ShareProgram() (restore func()) {
	program = new(parking.Program)
	return func() { program = nil }
}

// YieldTook has a Get of q find that a yield has taken so long.
func (q *core[T]) YieldTook(d time.Duration) {
	start := parking.Now()
	time.Sleep(d)
	q.getYields.End(start, &q.looker, nil)
}

// MayYield reports whether Puts of q yield yet, as far as it goes by how long it takes.
func (q *core[T]) MayYield() bool { return q.putYields.Due(&q.looker) }

// NewAt is New with positions that count from firstLap.
func NewAt[T any](capacity int, firstLap uint64) *Queue[T] { return newQueue[T](capacity, firstLap) }

// NewSPSCAt is NewSPSC with positions that count from firstLap.
func NewSPSCAt[T any](capacity int, firstLap uint64) *SPSC[T] {
	return newSPSC[T](capacity, firstLap)
}

// CheckInvariants panics unless gates and lists agree. Without it a gate that
// stays up with nobody behind it would show only as lost speed.
func (q *core[T]) CheckInvariants() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.checkGates()
}

// NewSolo is NewAt for a queue that is solo from the begin.
func NewSolo[T any](capacity int, firstLap uint64) *Queue[T] {
	q := newQueue[T](capacity, firstLap)
	q.BeginSolo()
	return q
}

// BeginSolo makes q solo, and its calls not look. It must be empty, and not in use.
func (q *core[T]) BeginSolo() {
	q.mu.Lock()
	defer q.unlock()
	q.DoNotLook()
	q.buffer.ShutPut()
	q.beginSolo()
}

// YieldInVain has a yield of each side be of no use.
func (q *core[T]) YieldInVain() {
	q.getYields.Helped(false)
	q.putYields.Helped(false)
}

// DoNotLook has calls of q not look. It must not be in use yet.
func (q *core[T]) DoNotLook() { q.looker = parking.Looker{} }

// Looking reports whether calls of q look.
func (q *core[T]) Looking() bool { return q.looker.Looking() }

// Look has calls of q look, if they may look at all.
func (q *core[T]) Look() { q.looker.Init(q.Cap() <= trustedSlots) }

// MostSolo is the largest capacity of a queue that may be solo.
const MostSolo = mostSolo

// AtOnce is the largest capacity of a queue that is solo as soon as a Get waits.
const AtOnce = atOnce

// SoloEndsAfter has queues end solo after so many fights, and rest for that many Gets that
// wait, until restore is called.
func SoloEndsAfter(fights, rest uint32) (restore func()) {
	wasFights, wasRest := mostFights, leastRest
	mostFights, leastRest = fights, rest
	return func() { mostFights, leastRest = wasFights, wasRest }
}

// Never is more fights than there are.
const Never = 1 << 31

// Fight takes note of a fight for the lock.
func (q *core[T]) Fight() {
	q.mu.Lock()
	q.fought()
	q.unlock()
}

// Alone reports whether q is solo.
func (q *core[T]) Alone() bool { return q.alone() }

// Share ends solo.
func (q *core[T]) Share() { q.share() }

// WasSolo reports whether q is, or was, solo.
func (q *core[T]) WasSolo() bool {
	q.mu.Lock()
	defer q.unlock()
	return q.solo != nil
}

// Waiting returns how many Gets and Puts wait.
func (q *core[T]) Waiting() (gets, puts int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.getters.Len(), q.putters.Len()
}

// HaveWaiters returns how many Puts and Gets have a waiter.
func (q *core[T]) HaveWaiters() (puts, gets int) {
	q.mu.Lock()
	defer q.unlock()
	return q.waiters.Count()
}

// EnlistGet lists a waiter of which nobody sleeps, and reports whether it is to yield.
func (q *core[T]) EnlistGet() (yields bool) {
	q.mu.Lock()
	defer q.unlock()
	q.buffer.ShutPut()
	return q.enlist(&q.getters, q.tiny).Yields
}

// SoloWaits lists so many waiters, of which nobody sleeps, in a queue that is solo, and counts
// those in use each time. It calls serve, which has to serve them, and reports which of them
// were to yield. They are in use until then.
func (q *core[T]) SoloWaits(put bool, n int, serve func()) (yields []bool) {
	var ws []*parking.Waiter[T]
	q.mu.Lock()
	for range n {
		q.solo.waits = 0
		ws = append(ws, q.soloWait(put))
	}
	q.unlock()
	serve()
	q.mu.Lock()
	defer q.unlock()
	for _, w := range ws {
		if yields = append(yields, w.Yields); !w.Yields {
			w.Sleep(nil)
		}
		q.waiters.Give(w)
	}
	return yields
}

// SoloMove has so many items leave a queue that is solo, for the books.
func (q *core[T]) SoloMove(items uint64) {
	q.mu.Lock()
	defer q.unlock()
	q.solo.left += items
}

// SoloYield has a Get that is listed in a queue that is solo yield while so many items move, and
// meanwhile pass, and returns whether calls yield yet. Nothing else may use q.
func (q *core[T]) SoloYield(items uint64, meanwhile func()) bool {
	start := parking.Now()
	q.mu.Lock()
	w := q.soloWait(false)
	q.leave(w, &q.getters)
	q.solo.flown = start
	q.unlock()
	q.SoloMove(items)
	meanwhile()
	q.yielded(w, &q.getYields, start)
	q.getYields.Forget() // that it was of no use
	return q.getYields.Due(&q.looker)
}

// SoloFlow is soloFlow.
func (q *core[T]) SoloFlow(start, now time.Duration) bool { return q.soloFlow(start, now) }

// SoloCompany returns how many Puts and Gets had a waiter when they were counted last.
func (q *core[T]) SoloCompany() (puts, gets int) {
	q.mu.Lock()
	defer q.unlock()
	return q.solo.puts, q.solo.gets
}

// NewGrowing is New without a bound, with a first ring of so many slots.
func NewGrowing[T any](slots int, firstLap uint64) *Queue[T] {
	q := &Queue[T]{chain: new(lockfree.Chain[T])}
	q.chain.Init(slots, firstLap, &q.mu)
	q.buffer = q.chain
	q.stage.Store(chained)
	return q
}

// GetAndStop is a Get that stops when it has taken its item.
func (q *core[T]) GetAndStop() { q.buffer.GetIfReady() }
