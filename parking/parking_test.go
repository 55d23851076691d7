package parking

import (
	"context"
	"fmt"
	"math/bits"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
	"unsafe"
	"weak"

	"github.com/stretchr/testify/require"

	"github.com/parkring/queue/internal/stall"

	"github.com/parkring/queue/internal/backoff"
)

func newWaiters(n int) []*Waiter[int] {
	var p Pool[int]
	all := make([]*Waiter[int], n)
	for i := range all {
		all[i] = p.Take(false)
		all[i].Item = i
	}
	return all
}

func items(l *List[int]) (all []int) {
	for w := l.Pop(); w != nil; w = l.Pop() {
		all = append(all, w.Item)
	}
	return all
}

func TestListIsFIFO(t *testing.T) {
	var l List[int]
	require.True(t, l.Empty())
	require.Nil(t, l.Pop())
	for _, w := range newWaiters(5) {
		l.Push(w)
		require.True(t, w.Listed())
		require.False(t, l.Empty())
	}
	require.Equal(t, []int{0, 1, 2, 3, 4}, items(&l))
	require.True(t, l.Empty())
}

func TestRemoveFromAnyPlace(t *testing.T) {
	for _, order := range [][]int{{0, 1, 2}, {2, 1, 0}, {1, 0, 2}, {1, 2, 0}, {0, 2, 1}, {2, 0, 1}} {
		var l List[int]
		all := newWaiters(3)
		for _, w := range all {
			l.Push(w)
		}
		l.Remove(all[order[0]])
		require.False(t, all[order[0]].Listed())
		left := []int{min(order[1], order[2]), max(order[1], order[2])}
		require.Equal(t, left, items(&l))

		l.Push(all[order[0]]) // and it can be listed again
		l.Push(all[order[1]])
		l.Remove(all[order[0]])
		l.Remove(all[order[1]])
		require.True(t, l.Empty())
	}
}

func TestRefuseAllEndsEveryWaiter(t *testing.T) {
	var l List[int]
	all := newWaiters(100)
	for _, w := range all {
		l.Push(w)
	}
	unlisted := l.RefuseAll()
	require.True(t, l.Empty())
	for _, w := range all {
		require.False(t, w.Listed())
	}
	unlisted.WakeAll()
	for i, w := range all {
		require.True(t, w.Sleep(nil))
		require.Equal(t, i, w.Item)
		require.Equal(t, refused, w.fate)
	}
	List[int]{}.WakeAll() // nobody
}

func TestSleeperIsDurablyBlockedUntilWoken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, done := range []chan struct{}{nil, make(chan struct{})} {
			w := newWaiters(1)[0]
			awake := false
			go func() { awake = w.Sleep(done) }()
			time.Sleep(time.Hour)
			synctest.Wait()
			require.False(t, awake)
			w.Wake()
			synctest.Wait()
			require.True(t, awake)
		}
	})
}

func TestSleepEndsWithDone(t *testing.T) {
	done := make(chan struct{})
	close(done)
	w := newWaiters(1)[0]
	require.False(t, w.Sleep(done))
}

// A Wake that comes before the Sleep is not lost.
func TestWakeBeforeSleep(t *testing.T) {
	w := newWaiters(1)[0]
	w.Wake()
	require.True(t, w.Sleep(nil))
}

// yielding returns a waiter that was listed to yield.
func yielding(p *Pool[int]) *Waiter[int] {
	w := p.Take(false)
	w.Yields = true
	return w
}

// yielded has the call of w yield, and is Yielded.
func yielded(w *Waiter[int], y *Yielder, l *Looker, moved func() uint64) bool {
	y.End(Yield(y.Start(w.Turn())), l, nil)
	return w.Yielded(y, l, moved)
}

// A call that is served while it yields need not sleep, and nothing is left of that.
func TestWakeWhileItYields(t *testing.T) {
	noYieldIsLong(t)
	var y Yielder
	var p Pool[int]
	for range 1000 { // and the waiter is as good as new
		w := yielding(&p)
		w.Wake()
		require.True(t, yielded(w, &y, new(Looker), nil))
		require.Empty(t, w.own.wake)
		p.Give(w)
	}
}

// A call that has yielded in vain sleeps, and is woken once.
func TestWakeAfterItHasYielded(t *testing.T) {
	noYieldIsLong(t)
	var y Yielder
	var p Pool[int]
	w := yielding(&p)
	for range 1000 { // its turns begin again after 256
		require.False(t, yielded(w, &y, new(Looker), nil))
		w.Wake()
		require.True(t, w.Sleep(nil))
		require.Empty(t, w.own.wake)
		p.Give(w)
		require.Same(t, w, yielding(&p))
	}
}

// The waiter of a call that has gone to sleep, and given up, is as good as new, too.
func TestWakeOfAWaiterThatHasGivenUp(t *testing.T) {
	noYieldIsLong(t)
	var y Yielder
	var p Pool[int]
	w := yielding(&p)
	require.False(t, yielded(w, &y, new(Looker), nil))
	p.Give(w)
	require.Same(t, w, yielding(&p))
	w.Wake() // does not send: the call need not sleep
	require.Empty(t, w.own.wake)
	require.True(t, yielded(w, &y, new(Looker), nil))
}

// A call whose context has ended while it slept, and that has been served nevertheless.
func TestWakeAfterDone(t *testing.T) {
	noYieldIsLong(t)
	var y Yielder
	var p Pool[int]
	w := yielding(&p)
	require.False(t, yielded(w, &y, new(Looker), nil))
	done := make(chan struct{})
	close(done)
	require.False(t, w.Sleep(done))
	w.Wake()
	require.True(t, w.Sleep(nil))
	require.Empty(t, w.own.wake)
}

// A Wake at any time while a call yields or goes to sleep, on processors of their own.
func TestWakeRacesWithYield(t *testing.T) {
	const rounds = 100_000
	var y Yielder
	var p Pool[int]
	var listed atomic.Pointer[Waiter[int]]
	go func() {
		for range rounds {
			w := listed.Swap(nil)
			for ; w == nil; w = listed.Swap(nil) {
				runtime.Gosched()
			}
			for range rand.IntN(1 << rand.IntN(8)) {
				backoff.Pause()
			}
			w.Wake()
		}
	}()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	slept := 0
	for range rounds {
		w := yielding(&p)
		listed.Store(w)
		if !yielded(w, &y, new(Looker), nil) {
			slept++
			require.True(t, w.Sleep(ctx.Done()), "a Wake is lost")
		}
		require.Empty(t, w.own.wake)
		p.Give(w)
	}
	t.Logf("slept in %d of %d rounds", slept, rounds)
}

func TestNothingIsLeftInAWaiterThatIsGivenBack(t *testing.T) {
	var p Pool[int]
	w := p.Take(false)
	one := 1
	w.Bring(&one, []int{2, 3})
	for _, want := range []int{1, 2, 3} {
		var v int
		more := w.Take(&v)
		require.Equal(t, want, v)
		require.Equal(t, want < 3, more)
	}
	require.True(t, p.Give(w))
	require.Zero(t, w.Item)
	require.Zero(t, w.Left())
}

func TestPoolReusesWhatWasGivenBack(t *testing.T) {
	for _, taken := range []int{0, 1, poolSize / 2, poolSize - 2} {
		t.Run(fmt.Sprint(taken), func(t *testing.T) {
			var p Pool[int]
			for range taken {
				p.Take(false)
			}
			w := p.Take(false)
			require.NotSame(t, w, p.Take(false), "handed out twice")
			one := 1
			w.Bring(&one, []int{2})
			w.fate = refused
			require.Equal(t, 1, w.Left())
			require.False(t, p.Give(w), "served")
			require.Same(t, w, p.Take(false))
			require.Zero(t, w.Item)
			require.Zero(t, w.Left())
			require.NotEqual(t, refused, w.fate)
			require.Nil(t, w.next)
			require.NotSame(t, w, p.Take(false), "handed out twice")
			p.Give(w)
			require.Same(t, w, p.Take(false))
			require.NotSame(t, w, p.Take(false), "handed out twice")
		})
	}
}

// More than poolSize waiters are not kept: those that are free are garbage.
func TestPoolIsBounded(t *testing.T) {
	var p Pool[int]
	all := map[*Waiter[int]]bool{}
	for range 10 * poolSize {
		all[p.Take(false)] = true
	}
	require.Len(t, all, 10*poolSize)
	var made []weak.Pointer[Waiter[int]]
	for w := range all {
		made = append(made, weak.Make(w))
		p.Give(w)
	}
	clear(all)
	kept := func() (n int) {
		for _, w := range made {
			if w.Value() != nil {
				n++
			}
		}
		return n
	}
	for range 10 {
		runtime.GC()
	}
	require.Equal(t, poolSize, kept())
	require.Equal(t, poolSize, bits.OnesCount64(p.given.Load()^p.taken))
}

// Until then they are used again, as good as new.
func TestPoolReusesMoreThanItKeeps(t *testing.T) {
	noYieldIsLong(t)
	var p Pool[int]
	var y Yielder
	for range poolSize {
		p.Take(false)
	}
	seen := map[*Waiter[int]]bool{} // so that none is collected
	for i := range 1000 {
		w := p.Take(i%2 == 0)
		seen[w] = true
		require.Zero(t, w.Item)
		w.Item = 1
		w.Yields = i%3 > 0
		if i%3 == 2 {
			require.False(t, yielded(w, &y, new(Looker), nil))
		}
		w.Wake()
		if i%3 == 1 {
			require.True(t, yielded(w, &y, new(Looker), nil))
		} else {
			require.True(t, w.Sleep(nil))
		}
		require.Empty(t, w.own.wake)
		p.Give(w)
	}
	require.Less(t, len(seen), 900) // the race detector has a sync.Pool drop every fourth
}

// Of waiters with large items fewer are kept.
func TestPoolOfLargeItemsIsBounded(t *testing.T) {
	var large Pool[[poolBytes / 8]byte]
	var huge Pool[[poolBytes]byte]
	for range poolSize {
		defer large.Give(large.Take(false))
		defer huge.Give(huge.Take(false))
	}
	require.Len(t, large.all, 8)
	require.Len(t, huge.all, atLeast)
}

// The waiters in use are counted, those of puts and those of gets, however many there are.
func TestPoolCounts(t *testing.T) {
	var p Pool[int]
	want := [2]int{} // gets, puts
	counted := func() [2]int { puts, gets := p.Count(); return [2]int{gets, puts} }
	for turn := range 6 { // in each others have them
		require.Zero(t, counted())
		var ws []*Waiter[int]
		side := func(i int) int { return (i + turn) % 3 % 2 }
		for i := range poolSize + 10 {
			ws = append(ws, p.Take(side(i) == 1))
			want[side(i)]++
			require.Equal(t, want, counted())
		}
		for i, w := range ws {
			p.Give(w)
			want[side(i)]--
			require.Equal(t, want, counted())
		}
	}
}

// Taken under the lock and given back without it, by many at once: nobody's
// waiter is given to somebody else.
func TestPoolUnderLoad(t *testing.T) {
	for _, goroutines := range []int{2, 8} {
		t.Run(fmt.Sprint(goroutines), func(t *testing.T) { loadPool(t, goroutines) })
	}
}

func loadPool(t *testing.T, goroutines int) {
	var p Pool[int]
	var mu sync.Mutex
	var wg sync.WaitGroup
	for g := range goroutines {
		wg.Go(func() {
			for i := range 5000 {
				mu.Lock()
				w := p.Take(false)
				mu.Unlock()
				if w.Item != 0 {
					t.Error("a waiter came with an item")
				}
				w.Item = g*5000 + i + 1
				w.Wake() // would block for ever if it was owed one
				w.Sleep(nil)
				if v := w.Item; v != g*5000+i+1 {
					t.Errorf("the item has become %d", v)
				}
				if !p.Give(w) {
					t.Error("a waiter was refused")
				}
			}
		})
	}
	wg.Wait()
	require.LessOrEqual(t, len(p.all), goroutines)
}

func TestMutexExcludes(t *testing.T) {
	for _, crowded := range []bool{false, true} {
		var m Mutex
		n := 0
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				for i := range 2000 {
					m.Lock()
					m.Observe(crowded)
					n++
					if i%64 == 0 {
						runtime.Gosched() // with the lock held, so that others find it taken
					}
					m.Unlock()
				}
			})
		}
		wg.Wait()
		require.Equal(t, 8*2000, n)
	}
}

// Calls that find the lock taken soon after another has got it who had kept off keep off for
// long, until they find it taken much later.
func TestMutexNoticesAFight(t *testing.T) {
	before, now := clock, time.Duration(0)
	t.Cleanup(func() { clock = before })
	clock = func() time.Duration { return now }
	var m Mutex
	// taken is a call that finds the lock taken, at a time after the last one has got it.
	taken := func(after time.Duration) bool {
		now += after
		fight := m.fights()
		m.lockLater(false)
		m.got.Store(ticks())
		m.Unlock()
		return fight
	}
	now = time.Second
	for range 3 {
		for range 10 {
			require.False(t, taken(10*time.Microsecond))
		}
		for i := range 20 {
			require.Equal(t, i >= fighting-1, taken(300*time.Nanosecond), i)
		}
		for i := range 10 {
			require.Equal(t, i < mostFight-fighting, taken(3*time.Microsecond), i)
		}
		now += 1 << 32 * tick // the ticks have begun again
	}
}

// A call that has kept off notes when it has got the lock, and no other does.
func TestMutexNotesWhoHasKeptOff(t *testing.T) {
	if stall.Enabled {
		t.Skip("nobody looks at the clock")
	}
	before := clock
	t.Cleanup(func() { clock = before })
	clock = func() time.Duration { return time.Second }
	var m Mutex
	m.Lock()
	require.Zero(t, m.got.Load())
	m.Unlock()
	m.lockSlow()
	require.Equal(t, ticks(), m.got.Load())
	m.Unlock()
}

func TestMutexForgetsACrowd(t *testing.T) {
	var m Mutex
	m.Observe(false)
	require.Zero(t, m.crowd.Load())
	m.Observe(true)
	for range crowdMemory {
		require.NotZero(t, m.crowd.Load())
		m.Observe(false)
	}
	require.Zero(t, m.crowd.Load())
}

// A waiter for a word is one cache line.
func TestWaiterFitsACacheLine(t *testing.T) {
	require.LessOrEqual(t, unsafe.Sizeof(Waiter[uint64]{}), uintptr(64))
}
