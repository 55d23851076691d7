package parking

import (
	"math/rand/v2"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/parkring/queue/internal/backoff"
	"github.com/parkring/queue/internal/stall"
)

// Looker has calls that would have to wait look for what they need first, a bounded number
// of times, about 10 us if nobody else is ready to run, yielding in between. If the other
// side runs on another processor, and that is near, what they need is there within 100 ns,
// a fraction of what it takes to park and be woken; and both sides can go on side by side
// instead of in turns.
//
// If the other side has to get this processor first, or if the other processor is far, so
// that each look takes a cache line from one that works on it, that is a waste of time.
// So calls go by what they see, and by the clock:
//
//   - In a ring of few slots calls look while at least half of the looks end quickly.
//   - If not, and in a larger one, they look if more items move in a given time then than
//     otherwise. It takes two measurements in a row to say no, since the system may stop one
//     side for a moment.
//   - They do not look for a while if that is not so, or if most calls have to wait
//     nevertheless; and a longer while each time.
//   - The while may end early, from an eighth on, when a call has yielded twice and that
//     was of no use: the other side seems to run on another processor by now.
//   - The system may leave both sides on one processor for milliseconds at first, and then
//     yields are of use, and looks are not. So until a trial has settled there are few
//     looks before each yield; and the trial is lost if none was of use, at once if it is
//     slow, too. Likewise the first looks of a queue end if none was of use.
//   - Whoever yields goes to the end of the line of all goroutines that are ready, and
//     beside some that only compute it may take 10 ms until it runs again. A call whose
//     yield has taken so long looks no further. And if fewer items have moved meanwhile than
//     do without looks, or very few, calls do not look for a while, and if that happens again,
//     none yields for many times as long. (But if more have, it was others of this queue who
//     ran, side by side.)
//   - While somebody is known to compute ([Program]) a call looks only until it would yield.
//   - If a yield lets others run while calls of other queues wait as well, the processor has something
//     else to do: a call looks no further then, and that counts as in vain, even if it helped, since the
//     yield did and not the looks; in a trial for four. (If there is but one queue, it is its own calls that run.)
//   - Nor do new queues look until the first trial, once the looks of four in a row have not paid, or not yet.
//
// If the system stops one side for 20 us, as it does now and then, the other should not park:
// it takes some 50 us until a processor is awake again, in which the first side has to stop,
// too. So a call goes on for as long as that, some 60 us, as long as nothing at all moves; but
// only if the last calls have found what they needed sooner: else what it waits for comes
// seldom, and it would use a processor most of the time.
//
// One call in 16 takes part in measuring; the others load four words. All methods may be
// called by anyone, after Init. The zero Looker never looks.
type Looker struct {
	program *Program // what all queues know, or nil; and the number of this one there. Written by Join, like
	number  uint32   // few and most by Init, before there are calls.

	state atomic.Int32 // whether calls look
	watch atomic.Int32 // so many calls more take part in any case
	vain  atomic.Int32 // calls that have looked in vain, less those that have not, but never below 0
	quick atomic.Int32 // calls that have taken part, and whose looks have ended quickly
	slow  atomic.Int32 // the same, not quickly
	eager atomic.Bool  // useless yields may begin a trial
	wary  atomic.Int32 // so many calls more go on for the usual time only
	most  int32        // rounds; set by Init

	// hogged is the time, by clock, in ns, before which no call of the queue should yield by a
	// Yielder, since yields take long; 0 if it is over.
	hogged atomic.Int64

	working atomic.Bool   // somebody works on what follows
	few     bool          // there are few slots; set by Init
	doubt   bool          // the last measurement said that looks do not pay
	warned  bool          // looks have ended for a long yield, and have not paid since
	settled bool          // state has been what it is for long enough to be measured
	calls   int32         // that have taken part since
	stays   int32         // measurements since plain was measured
	since   time.Duration // when that began
	from    uint64        // how many items had moved then
	plain   float64       // items per ns when calls do not look, or 0 if that is to be measured
	looked  float64       // the same when they look, while plain is measured
	gap     time.Duration // between trials of looks; longer after each that was lost
	lost    time.Duration // when calls stopped looking
	until   time.Duration // when the next trial is due
}

// What state is.
const (
	never  = iota // there is one processor only for this program, or there was no Init
	not           // for the time being
	trying        // a trial has begun, and has not settled
	looking
	states
)

const (
	looks     = 32  // before a yield: about 0.5 us
	fewLooks  = 6   // the same while a trial has not settled
	rounds    = 16  // of looks and a yield: 10 us, if yields are short
	patience  = 128 // rounds if nothing moves
	wariness  = 16  // calls after one that took more than the usual rounds
	sampling  = 16  // one call in so many takes part
	watched   = 8   // so many do in any case, after a change
	mostVain  = 16
	busy      = time.Microsecond // a yield takes longer if others are ready to run
	leastGap  = time.Millisecond
	firstGap  = 4 * leastGap // if there are not few slots
	mostGap   = time.Second
	early     = 8 // useless yields may begin a trial after a gap divided by this
	mostStays = 256
	longRest  = 50          // times as long as a yield that was long: then 2% of the time goes into such
	mostRest  = time.Minute // the whole program may have been stopped
	slowest   = 1e-4        // items per ns that others who use this queue move in a long yield, at least
	poor      = 3           // a trial that moves so many times fewer items than calls do without looks ends early
	dear      = 1.1         // looks have to be so many times as fast, since they take processor time
)

// Variable for tests.
var (
	quickLook      = 150 * time.Nanosecond // two looks, and two looks at the clock
	tooLong        = time.Millisecond      // a yield
	settling       = [states]time.Duration{not: 50 * time.Microsecond, trying: 500 * time.Microsecond, looking: 200 * time.Microsecond}
	measuring      = 100 * time.Microsecond
	firstLooks     = 100 * time.Microsecond
	poorTrial      = 150 * time.Microsecond
	parallel       = backoff.Parallel
	oversubscribed = backoff.Oversubscribed
)

var epoch = time.Now()

// clock tells the time. Variable for tests.
var clock = func() time.Duration { return time.Since(epoch) }

// Now tells the time by that clock.
func Now() time.Duration { return clock() }

// Init has calls look, if there is more than one processor. few says that there are few slots.
func (l *Looker) Init(few bool) {
	if parallel() {
		l.state.Store(looking)
		l.watch.Store(watched)
		l.wary.Store(wariness)
		l.since = clock()
		l.few = few
		l.gap = firstGap
		if few {
			l.gap = leastGap
		}
		l.most = patience
		if oversubscribed() { // then who is looked for may wait for this processor
			l.most = rounds
		}
		if !l.program.look() {
			l.stop(l.since, 0)
		}
	}
}

// May reports whether calls look, or may at some other time.
func (l *Looker) May() bool { return l.state.Load() != never }

// Looking reports whether calls look.
func (l *Looker) Looking() bool { return l.state.Load() >= trying }

// Rest is for calls that do not look: they take part in measuring as well. moved returns
// how many items have gone through.
func (l *Looker) Rest(moved func() uint64) {
	if l.state.Load() == not && l.takesPart() {
		l.tell()
		l.measure(clock(), moved)
	}
}

// takesPart reports whether a call takes part in measuring.
func (l *Looker) takesPart() bool {
	if stall.Enabled {
		return false // a schedule must not depend on the clock
	}
	if n := l.watch.Load(); n > 0 {
		l.watch.Store(n - 1)
		return true
	}
	return rand.Uint32()%sampling == 0
}

// Look reports whether ready, which it calls a bounded number of times, has returned
// true. It is for calls that look; moved is as for Rest.
func (l *Looker) Look(ready func() bool, moved func() uint64) bool {
	sample := l.takesPart()
	var start time.Duration
	if sample {
		start = clock()
		l.measure(start, moved)
	}
	n, each, usual := l.most, looks, int32(rounds)
	if l.state.Load() == trying {
		each = fewLooks
		n = rounds * looks / fewLooks
		usual = n
	}
	if stall.Enabled {
		n, each = 1, 1 // the others are the same steps
	}
	var began time.Duration // of the yield, or of the looks before it
	var then uint64         // how many items had moved then
	var from uint64         // the same after half of the usual rounds
	for i := range n {
		if i == usual/2 {
			from = moved()
		}
		if i >= usual && (l.wary.Load() > 0 || moved() != from) {
			break
		}
		for range each {
			backoff.Pause()
			if ready() {
				if sample {
					l.took(clock() - start)
				}
				l.helped(i)
				return true
			}
		}
		if began == 0 {
			began, then = clock(), moved()
		}
		if l.program.beside(began) {
			break
		}
		others := l.others()
		l.tell()
		stall.At(stall.Backoff)
		runtime.Gosched()
		now, done := clock(), ready()
		took := now - began
		if i == 0 && took > busy && took <= tooLong && (others || l.others()) {
			if l.state.Load() == trying {
				l.vain.Add(mostVain/4 - 1)
			}
			l.useless(moved)
			return done
		}
		if done {
			l.helped(i)
		}
		if took > tooLong && !stall.Enabled {
			l.long(took, moved()-then, now, moved)
			return done
		}
		if done {
			return true
		}
		began, then = now, moved()
	}
	l.wary.Store(wariness)
	l.useless(moved)
	return false
}

// useless takes note of a call whose looks were of no use.
func (l *Looker) useless(moved func() uint64) {
	if l.vain.Add(1) >= mostVain && l.working.CompareAndSwap(false, true) {
		if l.Looking() { // not for those who have begun before calls stopped looking
			l.lose(clock(), moved())
		}
		l.working.Store(false)
	}
}

// long takes note of a yield that has taken long, in which so many items have moved. If they
// are fewer than move without looks, others have had this processor who only compute. So it is
// if they are very few: such others may have been there when nobody looked, too.
func (l *Looker) long(took time.Duration, items uint64, now time.Duration, moved func() uint64) {
	if !l.working.CompareAndSwap(false, true) {
		return
	}
	if l.Looking() {
		switch rate := float64(items) / float64(took); {
		case rate < max(l.plain, slowest):
			l.lose(now, moved())
			over := now + min(longRest*took, mostRest)
			if l.warned {
				l.until = max(l.until, over)
				l.hogged.Store(int64(over))
			}
			l.warned = true // it may have been an accident
			l.program.long(now-took, now, over)
		case l.plain == 0:
			l.did(now, moved(), rate)
		}
	}
	l.working.Store(false)
}

// took takes note of how long it took until a look was of use.
func (l *Looker) took(d time.Duration) {
	if d < quickLook {
		l.quick.Add(1)
	} else {
		l.slow.Add(1)
	}
}

// helped takes note of a call that need not wait, after so many rounds.
func (l *Looker) helped(after int32) {
	if n := l.vain.Load(); n > 0 {
		l.vain.Store(n - 1)
	}
	if after >= rounds {
		l.wary.Store(wariness)
	} else if n := l.wary.Load(); n > 0 {
		l.wary.Store(n - 1)
	}
}

// measure goes on with the measurement of the present way, and comes to its end if it
// has taken long enough.
func (l *Looker) measure(now time.Duration, moved func() uint64) {
	if !l.working.CompareAndSwap(false, true) {
		return
	}
	defer l.working.Store(false)
	l.calls++
	d := now - l.since
	quick, slow := l.quick.Load(), l.slow.Load()
	switch {
	case l.settled && l.calls >= 4 && d > measuring:
		n, calls := moved(), l.calls
		items := int64(n - l.from)
		l.begin(now, n, true)
		rate := float64(items) / float64(max(d, 1))
		switch {
		case items <= 0: // or moved has been asked by a call that did not know where the items are by now
		case l.state.Load() == not:
			l.didNot(now, n, rate)
		case l.few && 2*quick >= calls:
			l.gap = leastGap
			l.pay()
		default:
			l.did(now, n, rate)
		}
	case !l.settled && l.calls >= watched && quick+slow == 0 && l.inVain(d, moved):
		if l.state.Load() == trying {
			l.lose(now, moved())
		} else {
			l.stop(now, moved())
		}
	case !l.settled && (l.calls >= 2 && d > settling[l.state.Load()] || l.calls >= watched && slow > l.calls/4):
		// (Slow looks: the other side runs already, and its processor is far.)
		l.begin(now, moved(), true)
	}
}

// inVain reports whether it is time to end looks of which none was of use for d, but yields
// only: both sides are on one processor.
func (l *Looker) inVain(d time.Duration, moved func() uint64) bool {
	switch l.state.Load() {
	case looking: // the first ones of a queue
		return d > firstLooks
	case trying:
		return d > settling[trying] || d > poorTrial && float64(moved()-l.from) < l.plain*float64(d)/poor
	}
	return false
}

// begin begins a measurement.
func (l *Looker) begin(now time.Duration, moved uint64, settled bool) {
	if settled && l.state.Load() == trying {
		l.state.Store(looking)
	}
	l.settled, l.calls, l.since, l.from = settled, 0, now, moved
	l.quick.Store(0)
	l.slow.Store(0)
}

// did draws the conclusion from a rate with looks.
func (l *Looker) did(now time.Duration, moved uint64, rate float64) {
	switch l.stays++; {
	case l.plain == 0 || l.stays > mostStays:
		l.looked = rate
		l.stop(now, moved)
	case rate >= dear*l.plain:
		l.pay()
	case l.doubt:
		l.lose(now, moved)
	default:
		l.doubt = true // the system may have stopped one side for a moment
	}
}

// pay takes note that looks do pay.
func (l *Looker) pay() {
	l.doubt, l.warned = false, false
	l.program.paid()
}

// didNot draws the conclusion from a rate without looks.
func (l *Looker) didNot(now time.Duration, moved uint64, rate float64) {
	l.plain, l.stays = rate, 0
	if now >= l.until || l.looked > dear*rate {
		l.change(trying, now, moved)
	} else if early*(now-l.lost) >= l.until-l.lost {
		l.eager.Store(true)
	}
	l.looked = 0
}

// Again is for a call that does not look and whose yield was of no use. It yields once more
// and returns true if a trial may begin; if that is of no use either, TryLooks begins it.
//
// A single yield says little: now and then the scheduler takes who has yielded before the
// others that are ready.
func (l *Looker) Again() bool {
	if !l.eager.Load() {
		return false
	}
	runtime.Gosched()
	return true
}

// TryLooks begins a trial of looks.
func (l *Looker) TryLooks(moved func() uint64) {
	if l.working.CompareAndSwap(false, true) {
		if l.state.Load() == not {
			l.change(trying, clock(), moved())
		}
		l.working.Store(false)
	}
}

// lose has calls not look for a while, which is longer each time.
func (l *Looker) lose(now time.Duration, moved uint64) {
	l.gap = min(2*l.gap, mostGap)
	l.stop(now, moved)
}

// stop has calls not look for a while.
func (l *Looker) stop(now time.Duration, moved uint64) {
	l.lost, l.until = now, now+l.gap
	l.change(not, now, moved)
}

// change changes the way.
func (l *Looker) change(way int32, now time.Duration, moved uint64) {
	l.begin(now, moved, false)
	l.eager.Store(false)
	l.doubt = false
	l.vain.Store(0)
	l.watch.Store(watched)
	l.state.Store(way)
}
