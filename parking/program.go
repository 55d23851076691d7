package parking

import (
	"sync/atomic"
	"time"
)

// Program is what the queues of a program tell each other, so that not each of them has to find
// it out by itself.
//
//   - Goroutines that do nothing but compute. Beside some a yield takes 10 ms and more, until the
//     scheduler has taken a processor from one of them. Once queues have met that, nobody yields
//     for many times as long, so that such yields take a small part of the time, however many
//     queues there are, and however short their lives.
//   - Whether calls of other queues wait as well. Then others are ready to run on this processor, and looks
//     only take their time (see Looker).
//   - Whether the looks of new queues are of use at all.
//
// The zero Program is ready for use, and may be used by anyone. A nil Program is one of a single
// queue, which learns nothing.
type Program struct {
	hogged atomic.Int64  // by clock, in ns: nobody should yield before; 0 if nothing is known
	met    atomic.Int64  // likewise, when the last yield ended that took so long; 0 if none has
	queues atomic.Uint32 // that have joined, ever
	fresh  atomic.Int32  // queues that have begun to look since looks have paid somewhere; up to mostFresh

	_ [128]byte // between what calls that wait load and what they store

	waiting atomic.Uint32 // the number of the queue that has told last that a call waits
}

const (
	// hog is how long a yield takes at least if it is for a goroutine that computes. The scheduler
	// stops one after 10 ms at the soonest. If it is a thread that the system has stopped, it is
	// 3 or 4 ms as a rule.
	hog = 8 * time.Millisecond

	// recent is how long ago the last such yield is at most if it counts.
	recent = 10 * time.Second

	mostFresh = 4 // queues that look at first though looks have not paid before
)

// Join makes l, which has not been used yet, one of p's.
func (l *Looker) Join(p *Program) {
	if p != nil {
		l.program, l.number = p, p.queues.Add(1)
	}
}

// long takes note of a yield, from start to end, and of until when nobody should yield if that was
// long. It may have been an accident: it takes two, one after the other.
func (p *Program) long(start, end, until time.Duration) {
	if p == nil || end-start < hog {
		return
	}
	met := time.Duration(p.met.Swap(int64(end)))
	if met != 0 && met <= start && end-met < recent {
		p.hogged.Store(int64(until))
	}
}

// hogs reports whether beside has to be asked.
func (p *Program) hogs() bool { return p != nil && p.hogged.Load() != 0 }

// beside reports whether nobody should yield now.
func (p *Program) beside(now time.Duration) bool {
	if !p.hogs() {
		return false
	}
	until := p.hogged.Load()
	if int64(now) < until {
		return true
	}
	p.hogged.CompareAndSwap(until, 0)
	return false
}

// tell tells others that a call of this queue waits.
func (l *Looker) tell() {
	if l.others() {
		l.program.waiting.Store(l.number)
	}
}

// others reports whether a call of another queue has waited since this one has told.
func (l *Looker) others() bool {
	return l.program != nil && l.program.waiting.Load() != l.number
}

// look reports whether a new queue should look.
func (p *Program) look() bool {
	return p == nil || p.fresh.Load() < mostFresh && p.fresh.Add(1) <= mostFresh
}

// paid takes note that looks have paid.
func (p *Program) paid() {
	if p != nil && p.fresh.Load() != 0 {
		p.fresh.Store(0)
	}
}
