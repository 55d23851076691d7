//go:build queue_stall

package queue_test

import (
	"context"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/parkring/queue"
	"github.com/parkring/queue/internal/stall"
)

// Where a goroutine that is stopped may hold up others.
var (
	// inside the claim-to-publish window of a put, or of a get
	putWindow = []stall.Point{stall.PutWrite, stall.PutPublish}
	getWindow = []stall.Point{stall.GetRead, stall.GetRelease}
	// in the middle of a promotion, with the oldest slot in flight
	inSwap = []stall.Point{stall.SwapRead, stall.SwapStamp, stall.SwapTail, stall.SwapHead}
	// in the middle of CloseNow, with all items in flight; its own step at each
	// slot is that of a get
	inTake = []stall.Point{stall.TakeFlag, stall.TakeHead, stall.GetRead, stall.GetRelease}
)

func (a *actor) in(points []stall.Point) bool {
	return a.frozen && slices.Contains(points, a.at)
}

// settle runs the actors until those that are not frozen have finished, sleep,
// wait for the lock, or only go round in circles.
func (x *explorer) settle() {
	calls, at := x.calls+x.unfinished(), x.steps
	for x.step() {
		if now := x.calls + x.unfinished(); now != calls {
			calls, at = now, x.steps
		}
		if x.steps > at+300*len(x.all) {
			return
		}
	}
}

// stop runs f, in an actor that it returns, until it comes to p.
func (x *explorer) stop(t *testing.T, name string, p stall.Point, f func()) *actor {
	x.freeze = []stall.Point{p}
	a := x.spawn(name, f)
	a.worker = true
	x.settle()
	require.True(t, a.frozen)
	return a
}

// thaw lets all go on, and freezes no more.
func (x *explorer) thaw() {
	x.freeze = nil
	for _, a := range x.all {
		a.frozen = false
	}
	x.progress++
}

// unjustified returns the actors that have not finished although no frozen one
// is to blame, nor the state of the queue.
func (x *explorer) unjustified(r *run) (all []*actor) {
	frozen := func(is func(a *actor) bool) bool {
		return slices.ContainsFunc(x.all, func(a *actor) bool { return a.frozen && is(a) })
	}
	// A CloseNow keeps the lock while it waits for items in flight.
	locked := slices.ContainsFunc(x.all, func(a *actor) bool { return a.locked && !a.done })
	waking := frozen(func(a *actor) bool { return a.at == stall.WaiterWake || a.at == stall.WaiterSend })
	asleep := 0
	for _, a := range x.all {
		var ok bool
		switch {
		case a.done || a.frozen:
			ok = true
		case a.blocked >= 0 && a.at == stall.MutexLock:
			ok = locked
		case a.blocked >= 0:
			asleep++
			ok = true
		case a.putting: // goes round: it must need a slot that a getter has claimed
			ok = frozen(func(f *actor) bool {
				return f.in(getWindow) || f.in(inSwap) || a.exchanging && f.in(putWindow)
			})
		default:
			ok = frozen(func(f *actor) bool {
				// A CloseNow that keeps the lock may also be stopped while it waits for an item in flight.
				return f.in(putWindow) && !f.locked || f.in(inSwap) || f.in(inTake) || f.locked && f.at == stall.Backoff
			})
		}
		if !ok {
			all = append(all, a)
		}
	}
	if !locked && !waking {
		r.checkInvariants() // whoever is listed has a reason
		for _, a := range x.all {
			if r.waiting() < asleep && a.blocked >= 0 {
				all = append(all, a)
			}
		}
	}
	return all
}

// freeze runs the plan of that seed with goroutines frozen at the given points,
// checks that the others get as far as they should, thaws them, and settles
// accounts. It reports whether there was a goroutine to freeze at each point.
func freeze(t *testing.T, seed uint64, points ...stall.Point) bool {
	x, r := start(seed)
	x.freeze = slices.Clone(points)
	x.settle()
	all := len(x.freeze) == 0

	if all {
		// Newcomers: observers always finish, the others if nobody is to blame. (Len takes
		// the lock if the queue is solo.)
		newcomers := []string{"Len", "Drained", "TryPut", "TryGet"}
		if r.spsc {
			newcomers = newcomers[:2] // there must not be another putter, or getter
		}
		for i, call := range newcomers {
			a := x.spawn(call, func() { r.call(len(r.workers)+2+i, action{call: call}, bg, byte(90+i)) })
			x.settle()
			if !a.done && (call == "Len" && r.solo == notSolo || call == "Drained") {
				t.Fatalf("seed %d: with frozen ones at %v, %s does not finish:%s", seed, points, call, x)
			}
		}
		if stuck := x.unjustified(r); len(stuck) > 0 {
			t.Fatalf("seed %d: with frozen ones at %v, no reason for %s to wait:%s", seed, points, stuck[0].name, x)
		}
	}
	x.thaw()
	finish(t, x, r, map[eventKind]int{})
	return all
}

// Which points there are only for a queue without a bound, only for one with,
// and which are passed with the lock held.
func chainOnly(p stall.Point) bool { return p >= stall.ChainPut && p <= stall.GrowLast }
func ringOnly(p stall.Point) bool {
	return slices.Contains(inSwap, p) || p == stall.ShutGetHead || p == stall.ShutGetRaise || p == stall.HoldStamp || p == stall.ReleaseTail || p == stall.HeadStamp || p == stall.DrainedTail ||
		p == stall.WaiterToSleep // in a tiny one
}
func locked(p stall.Point) bool {
	return p >= stall.ShutPutHead && p <= stall.TakeHead || p >= stall.GrowLink && p <= stall.GrowLast ||
		p == stall.MutexUnlock || p == stall.ChoiceWin
}

// The points of a queue for one putter and one getter, and those that others have
// and it has not.
func spscPut(p stall.Point) bool { return p >= stall.SPSCPutTail && p <= stall.SPSCPutClear }
func spscGet(p stall.Point) bool { return p >= stall.SPSCGetTail && p <= stall.SPSCLast }
func spscOnly(p stall.Point) bool {
	return spscPut(p) || spscGet(p)
}
func notSPSC(p stall.Point) bool {
	return p <= stall.GetEmpty || p >= stall.BatchWalk && p <= stall.PassStamp || chainOnly(p) || slices.Contains([]stall.Point{
		stall.SwapStamp, stall.HoldStamp, stall.ReleaseTail, stall.TakeRaise, stall.TakeFlag, stall.TakeHead, stall.ChoiceWin, stall.ChoiceGiveUp, stall.FinishClose,
	}, p)
}

// meetsSPSC is mayMeet for p in a queue for one putter and one getter.
func meetsSPSC(p, q stall.Point) bool {
	none := []stall.Point{
		stall.ShutGetHead, stall.ShutGetRaise, // it is the putter itself
		stall.SwapRead, stall.SwapTail, stall.SwapHead, // the putter waits
	}
	switch {
	case spscGet(p):
		none = []stall.Point{
			stall.ShutPutHead, stall.ShutPutRaise, stall.SwapRead, stall.SwapTail, stall.SwapHead, stall.HeadStamp, // it is the getter itself
			stall.WaiterWake, stall.WaiterSend, // the getter itself wakes the putter, or is woken
		}
		if p == stall.SPSCLast { // the queue is closed, and nobody waits
			none = append(none, stall.ShutGetHead, stall.ShutGetRaise, stall.Lower)
		}
	case p >= stall.SPSCPutWrite:
		none = append(none, stall.HeadStamp) // the queue is full
	}
	return !notSPSC(q) && !(spscPut(p) && spscPut(q)) && !(spscGet(p) && spscGet(q)) && !slices.Contains(none, q)
}

// fits reports whether the points are of the plan's kind of queue.
func fits(p plan, points []stall.Point) bool {
	choice := slices.Contains(points, stall.ChoiceWin) || slices.Contains(points, stall.ChoiceGiveUp)
	switch {
	case choice && p.queues < 2:
		return false // there is no Select in it
	case p.spsc:
		return !slices.ContainsFunc(points, notSPSC)
	case p.capacity > 0:
		return !slices.ContainsFunc(points, chainOnly) && !slices.ContainsFunc(points, spscOnly)
	}
	return !slices.ContainsFunc(points, ringOnly) && !slices.ContainsFunc(points, spscOnly)
}

// mayMeet reports whether goroutines can be at both points at once.
func mayMeet(p, q stall.Point) bool {
	for range 2 {
		switch {
		case locked(p) && locked(q), chainOnly(p) && ringOnly(q):
			return false
		case spscOnly(p) && !meetsSPSC(p, q):
			return false
		case p == stall.TakeHead && slices.Contains(putWindow, q):
			return false // CloseNow has waited for it
		case p >= stall.GrowLink && p <= stall.GrowLast && (q == stall.LenHead || q == stall.LenAgain):
			return false // only grow asks a chain's ring for its Len
		case slices.Contains(inSwap, p) && slices.Contains(getWindow, q):
			return false // the ring is full: no getter has a slot
		case p == stall.HoldStamp && (q >= stall.BatchWalk && q <= stall.PassStamp || q == stall.ChoiceWin || q == stall.ChoiceGiveUp):
			return false // after a batch or a Select the queue is never solo
		case p == stall.FinishClose && (q == stall.HoldStamp || q == stall.ReleaseTail):
			return false // a closed queue is never solo
		}
		p, q = q, p
	}
	return true
}

// TestFrozen stops one, two and three goroutines at each point, for every pair
// of points. Whoever does not need a slot that a stopped one has claimed, or the
// lock that it holds, gets on; nothing is lost; and when they go on, everything
// balances.
func TestFrozen(t *testing.T) {
	defer stall.Set(nil)
	defer queue.SoloEndsAfter(queue.Never, 1)()
	rng := rand.New(rand.NewPCG(*firstSeed, 4))
	seed, runs := *firstSeed, 0
	// until tries plans until one gets goroutines to all these points, one after
	// the other, in this order or the reverse.
	until := func(tries int, points ...stall.Point) bool {
		for end := runs + tries; runs < end; runs++ {
			for seed++; !fits(newPlan(seed), points); seed++ {
			}
			if freeze(t, seed, points...) {
				return true
			}
			slices.Reverse(points)
		}
		return false
	}
	pairs, triples := 0, 0
	for p := range stall.Points {
		require.True(t, until(100_000, p), "nobody comes to %v", p)
		for q := range p + 1 {
			if !mayMeet(p, q) {
				continue
			}
			pairs++
			if underRace() && pairs%16 != 0 {
				continue // the race detector never forgets a coroutine: it would take many gigabytes
			}
			require.True(t, until(100_000, p, q), "nobody comes to %v and %v", p, q)
			for range races(20) {
				third := stall.Point(rng.IntN(int(stall.Points)))
				if mayMeet(p, third) && mayMeet(q, third) && until(8, p, q, third) {
					triples++
				}
			}
		}
	}
	require.True(t, underRace() || triples > races(pairs), "%d triples", triples)
	t.Logf("%d runs, %d pairs and %d triples of points", runs, pairs, triples)
}

// A goroutine that is stopped while it holds the lock holds up calls that have
// to wait, wake, close or grow; not those that find room, or an item.
func TestFrozenWithTheLock(t *testing.T) {
	defer stall.Set(nil)
	for _, at := range []stall.Point{stall.ShutPutHead, stall.ShutPutRaise, stall.ShutGetHead, stall.ShutGetRaise, stall.CloseFlag} {
		x := newExplorer(1)
		stall.Set(x.hook())
		q := queue.New[int](2)
		stopped := func() { _, _ = q.Get(bg) }
		switch at {
		case stall.ShutGetHead, stall.ShutGetRaise:
			mustPut(t, q, upTo(q.Cap())...)
			stopped = func() { _ = q.Put(bg, 3) }
		case stall.CloseFlag:
			stopped = q.Close
		}
		x.stop(t, "stopped", at, stopped)
		require.Empty(t, x.freeze)

		fast := x.spawn("fast", func() {
			mustGet(t, q, upTo(q.Len())...)
			for i := range 100 {
				x.pass(between)
				mustPut(t, q, i)
				mustGet(t, q, i)
			}
			mustBeEmpty(t, q) // an answer of TryGet
		})
		x.settle()
		require.True(t, fast.done, "with the lock held at %v, a call that need not wait does%s", at, x)
		slow := x.spawn("slow", q.Close)
		x.settle()
		require.False(t, slow.done, "closed without the lock")
		x.thaw()
		x.run(t)
		require.Zero(t, x.unfinished(), "%s", x)
	}
}

// A call that needs the slot of a stopped goroutine yields its processor all the
// time: between two of its attempts another goroutine, the only one that is ready,
// runs, and gets on nearly as if it was alone.
func TestWaitingForASlotInFlightYields(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	for name, call := range map[string]func(q *queue.Queue[int]) (v int){
		"Get":      func(q *queue.Queue[int]) (v int) { v, _ = q.Get(bg); return v },
		"ForcePut": func(q *queue.Queue[int]) (v int) { v, _, _ = q.ForcePut(2); return v },
		"GetBatch": func(q *queue.Queue[int]) (v int) {
			var buf [1]int
			_, _ = q.GetBatch(bg, buf[:])
			return buf[0]
		},
		"CloseNow": func(q *queue.Queue[int]) (v int) { return q.CloseNow()[0] },
	} {
		t.Run(name, func(t *testing.T) {
			defer stall.Set(nil)
			reached, thaw := make(chan struct{}), make(chan struct{})
			var passed atomic.Int64 // points, by call while it waits
			stall.Set(&stall.Hook{At: func(p stall.Point) {
				passed.Add(1)
				if p == stall.PutPublish {
					close(reached)
					<-thaw
				}
			}})
			q := queue.New[int](1)
			go func() { _ = q.Put(bg, 1) }()
			<-reached
			got := make(chan int)
			go func() { got <- call(q) }()
			passed.Store(0)
			const while = 200 * time.Millisecond
			var runs, yields []time.Duration
			for start := time.Now(); time.Since(start) < while; {
				began := time.Now()
				for range 100_000 { // with the race detector an attempt takes several microseconds
				}
				ran := time.Now()
				runtime.Gosched()
				runs, yields = append(runs, ran.Sub(began)), append(yields, time.Since(ran))
			}
			points := passed.Load()
			slices.Sort(runs) // the medians: the system may stop both
			slices.Sort(yields)
			run, yield := runs[len(runs)/2], yields[len(yields)/2]
			before, _ := cpu()
			time.Sleep(while)
			after, _ := cpu()
			close(thaw)
			require.Equal(t, 1, <-got)
			t.Logf("it takes %v for each %v of another, and %.0f%% of an idle processor; it passes %.1f points in between",
				yield, run, 100*float64(after-before)/float64(while), float64(points)/float64(len(runs)))
			require.Less(t, points, int64(15*len(runs)), "an attempt passes at most nine")
			require.Less(t, 4*yield, run)
		})
	}
}

// With one processor, a call that waits for an item or for room is served while it yields:
// nobody has to wake it.
func TestSoloYields(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	defer stall.Set(nil)
	for _, goroutines := range []int{1, 2} { // on each side
		var waits, sends atomic.Int64
		stall.Set(&stall.Hook{At: func(p stall.Point) {
			switch p {
			case stall.WaiterWake:
				waits.Add(1)
			case stall.WaiterSend:
				sends.Add(1)
			}
		}})
		q := queue.New[int](1)
		const each = 1000
		var wg sync.WaitGroup
		for range goroutines {
			wg.Go(func() {
				for range each {
					_ = q.Put(bg, 1)
				}
			})
			wg.Go(func() {
				for range each {
					_, _ = q.Get(bg)
				}
			})
		}
		wg.Wait()
		require.True(t, q.Alone())
		require.Greater(t, waits.Load(), int64(each*goroutines/2))
		require.Less(t, sends.Load(), waits.Load()/2, "of %d that have waited", waits.Load())
	}
}

// A get that has to try again until the last item has been published closes Done.
func TestFrozenPutOfTheLastItem(t *testing.T) {
	for name, get := range map[string]func(q *queue.Queue[int]) (int, error){
		"Get":    func(q *queue.Queue[int]) (int, error) { return q.Get(bg) },
		"TryGet": (*queue.Queue[int]).TryGet,
	} {
		t.Run(name, func(t *testing.T) {
			defer stall.Set(nil)
			x := newExplorer(1)
			stall.Set(x.hook())
			q := queue.New[int](2)
			done := q.Done()
			x.stop(t, "publisher", stall.PutPublish, func() { _ = q.Put(bg, 1) })
			q.Close()
			var v int
			var err error
			getter := x.spawn("getter", func() { v, err = get(q) })
			x.settle()
			require.False(t, getter.done)
			x.thaw()
			x.run(t)
			require.Zero(t, x.unfinished(), "%s", x)
			require.NoError(t, err)
			require.Equal(t, 1, v)
			require.True(t, isClosed(done))
		})
	}
}

// Two that are about to close Done's channel, of whom one is stopped just before, do not wait
// for each other, and the second is not told that it is closed already.
func TestTwoCloseDone(t *testing.T) {
	defer stall.Set(nil)
	x := newExplorer(1)
	stall.Set(x.hook())
	q := queue.New[int](1)
	done := q.Done()
	mustPut(t, q, 1)
	q.Close()
	q.GetAndStop()
	told := 0
	for _, name := range []string{"first", "second"} {
		x.stop(t, name, stall.FinishClose, func() {
			if q.Drained() {
				told++
			}
		})
	}
	require.Zero(t, told)
	require.False(t, isClosed(done), "nobody has closed it yet")
	x.thaw()
	x.run(t)
	require.Zero(t, x.unfinished(), "%s", x)
	require.Equal(t, 2, told)
	require.True(t, isClosed(done))
}

// The look at the oldest slot is repeated under the lock: another get may have
// promoted in between, and the slot that is the oldest now be in flight.
func TestPromotionLooksAgainUnderTheLock(t *testing.T) {
	defer stall.Set(nil)
	x := newExplorer(1)
	stall.Set(x.hook())
	q := queue.New[int](2)
	mustPut(t, q, 1)
	get := func(to *int) func() { return func() { *to, _ = q.Get(bg) } }
	put := func(v int) func() { return func() { _ = q.Put(bg, v) } }

	x.stop(t, "publisher", stall.PutPublish, put(2)) // the second slot is in flight, and the queue full
	x.spawn("first waiter", put(3))
	x.spawn("second waiter", put(4))
	x.settle()
	var a, b int
	slow := x.stop(t, "slow getter", stall.MutexLock, get(&a)) // has seen that the first slot is ready
	quick := x.spawn("quick getter", get(&b))
	x.settle()
	require.True(t, quick.done)
	require.Equal(t, 1, b)

	slow.frozen = false
	x.settle()
	require.False(t, slow.done, "it got %d, which is not published", a)
	x.thaw()
	x.run(t)
	require.Zero(t, x.unfinished(), "%s", x)
	require.Equal(t, 2, a)
	mustGet(t, q, 3, 4)
}

// A Select that gives up just after CloseNow has taken effect, and before that has come to it,
// finds its queue closed: it was so before its context ended.
func TestFrozenCloseNowAndASelectThatGivesUp(t *testing.T) {
	defer stall.Set(nil)
	q := queue.New[int](1)
	mustPut(t, q, 1)
	closed, goOn, givesUp := make(chan bool), make(chan bool), make(chan bool)
	var stopped, atGiveUp atomic.Bool
	stall.Set(&stall.Hook{At: func(p stall.Point) {
		switch {
		case p == stall.TakeHead && stopped.CompareAndSwap(false, true):
			closed <- true
			<-goOn
		case p == stall.ChoiceGiveUp:
			atGiveUp.Store(true)
		case p == stall.MutexLock && atGiveUp.CompareAndSwap(true, false):
			close(givesUp) // it has given up, and is about to leave the line
		}
	}})
	ctx, cancel := context.WithCancel(bg)
	ended := make(chan error)
	go func() {
		_, err := queue.Select(ctx, q.PutCase(2))
		ended <- err
	}()
	for puts := 0; puts == 0; _, puts = q.Waiting() {
		runtime.Gosched()
	}
	go q.CloseNow()
	<-closed
	cancel()
	<-givesUp
	close(goOn)
	require.Equal(t, queue.ErrClosed, <-ended)
}
