package queue_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/parkring/queue"
)

// selectCall is a Select under way.
type selectCall struct {
	call
	i int
}

func goSelect(cases ...queue.Case) *selectCall {
	ctx, cancel := context.WithCancel(bg)
	c := &selectCall{call: call{cancel: cancel}}
	go func() { defer cancel(); c.i, c.err = queue.Select(ctx, cases...); c.returned = true }()
	synctest.Wait()
	return c
}

// chose fails t unless the Select has returned with these results.
func (c *selectCall) chose(t *testing.T, i int, err error) {
	t.Helper()
	c.ended(t, err)
	require.Equal(t, i, c.i)
}

// pairOfQueues runs test with two bounded queues, of different items.
func pairOfQueues(t *testing.T, test func(t *testing.T, a *queue.Queue[int], b *queue.Queue[string])) {
	conform(t, bounded(), func(t *testing.T, a *queue.Queue[int]) {
		b := queue.NewAt[string](2, 3)
		test(t, a, b)
		synctest.Wait()
		b.CheckInvariants()
		gets, puts := b.Waiting()
		require.Zero(t, gets+puts, "waiters left behind")
	})
}

func fillUp(t *testing.T, q *queue.Queue[int]) {
	t.Helper()
	mustPut(t, q, from(0, q.Cap())...)
}

func TestSelectWhatIsReady(t *testing.T) {
	pairOfQueues(t, func(t *testing.T, a *queue.Queue[int], b *queue.Queue[string]) {
		n, s := -1, ""
		cases := []queue.Case{a.GetCase(&n), b.PutCase("x"), b.GetCase(&s)}
		i, err := queue.Select(ended, cases...) // need not wait, so does not look at the context
		require.Equal(t, 1, i)
		require.NoError(t, err)
		require.NoError(t, b.TryPut("y"))
		i, err = queue.TrySelect(cases...)
		require.Equal(t, 2, i)
		require.NoError(t, err)
		require.Equal(t, "x", s)
		mustPut(t, a, 7)
		var none context.Context
		i, err = queue.Select(none, a.GetCase(&n))
		require.Equal(t, 0, i)
		require.NoError(t, err)
		require.Equal(t, 7, n)
	})
}

func TestSelectWhatIsNotReady(t *testing.T) {
	pairOfQueues(t, func(t *testing.T, a *queue.Queue[int], b *queue.Queue[string]) {
		fillUp(t, a)
		s := "-"
		cases := []queue.Case{a.PutCase(-1), b.GetCase(&s), {}}
		i, err := queue.TrySelect(cases...)
		require.Equal(t, -1, i)
		require.Equal(t, queue.ErrNotReady, err)
		i, err = queue.Select(ended, cases...)
		require.Equal(t, -1, i)
		require.Equal(t, context.Canceled, err)
		require.Equal(t, "-", s)
		require.Equal(t, a.Cap(), a.Len())

		c := goSelect(cases...)
		c.waits(t)
		c.cancel()
		c.chose(t, -1, context.Canceled)
		require.Equal(t, "-", s)
		mustGet(t, a, 0)
		require.Equal(t, a.Cap()-1, a.Len(), "a case that was not done put its item in")
	})
}

func TestSelectWaits(t *testing.T) {
	pairOfQueues(t, func(t *testing.T, a *queue.Queue[int], b *queue.Queue[string]) {
		n, s := -1, "-"
		c := goSelect(a.GetCase(&n), b.GetCase(&s))
		c.waits(t)
		require.Equal(t, 1, a.Stats().WaitingGets)
		require.NoError(t, b.TryPut("x"))
		c.chose(t, 1, nil)
		require.Equal(t, "x", s)
		require.Equal(t, -1, n)
		require.Zero(t, a.Stats().WaitingGets)

		fillUp(t, a)
		c = goSelect(b.GetCase(&s), a.PutCase(100))
		c.waits(t)
		require.Equal(t, 1, a.Stats().WaitingPuts)
		mustGet(t, a, 0)
		c.chose(t, 1, nil)
		mustGet(t, a, from(1, a.Cap()-1)...)
		mustGet(t, a, 100)
		require.NoError(t, b.TryPut("y"))
		v, err := b.TryGet() // nobody of the past swallows it
		require.NoError(t, err)
		require.Equal(t, "y", v)
	})
}

// A Select stands in the line of each queue in the order in which it came.
func TestSelectWaitsInLine(t *testing.T) {
	pairOfQueues(t, func(t *testing.T, a *queue.Queue[int], b *queue.Queue[string]) {
		n, s := -1, "-"
		first := goGet(a)
		second := goSelect(a.GetCase(&n), b.GetCase(&s))
		third := goGet(a)
		mustPut(t, a, 1)
		first.got(t, 1)
		mustPut(t, a, 2)
		second.chose(t, 0, nil)
		require.Equal(t, 2, n)
		mustPut(t, a, 3)
		third.got(t, 3)

		// Served elsewhere, it is passed over.
		first = goGet(a)
		second = goSelect(a.GetCase(&n), b.GetCase(&s))
		third = goGet(a)
		require.NoError(t, b.TryPut("x"))
		second.chose(t, 1, nil)
		k, err := a.TryPutBatch([]int{4, 5})
		require.NoError(t, err)
		require.Equal(t, 2, k)
		first.got(t, 4)
		third.got(t, 5)
	})
}

// Both cases become ready before the Select has run again: one is done, and the
// other queue keeps its item.
func TestSelectIsServedOnce(t *testing.T) {
	pairOfQueues(t, func(t *testing.T, a *queue.Queue[int], b *queue.Queue[string]) {
		n, s := -1, "-"
		c := goSelect(a.GetCase(&n), b.GetCase(&s))
		mustPut(t, a, 1) // no synctest.Wait in between
		require.NoError(t, b.TryPut("x"))
		c.chose(t, 0, nil)
		require.Equal(t, 1, n)
		require.Equal(t, "-", s)
		require.Equal(t, 1, b.Len())

		fillUp(t, a)
		c = goSelect(a.PutCase(10), a.PutCase(11))
		other := goPut(a, 12)
		mustGet(t, a, 0)
		c.chose(t, 0, nil)
		other.waits(t)
		mustGet(t, a, from(1, a.Cap()-1)...)
		mustGet(t, a, 10, 12)
		other.ended(t, nil)
	})
}

func TestSelectOnClosedQueues(t *testing.T) {
	pairOfQueues(t, func(t *testing.T, a *queue.Queue[int], b *queue.Queue[string]) {
		n, s := -1, "-"
		c := goSelect(a.GetCase(&n), b.GetCase(&s))
		b.Close()
		c.chose(t, 1, queue.ErrClosed)
		require.Equal(t, "-", s)
		i, err := queue.TrySelect(a.GetCase(&n), b.GetCase(&s))
		require.Equal(t, 1, i)
		require.Equal(t, queue.ErrClosed, err)

		// A Select is not admitted, but the Puts before and behind it are.
		fillUp(t, a)
		before := goPut(a, 10)
		c = goSelect(a.PutCase(11), a.PutCase(12))
		behind := goPut(a, 13)
		a.Close()
		c.ended(t, queue.ErrClosed)
		require.Contains(t, []int{0, 1}, c.i)
		mustGet(t, a, from(0, a.Cap())...)
		before.ended(t, nil)
		mustGet(t, a, 10, 13)
		behind.ended(t, nil)
		i, err = queue.Select(ended, a.PutCase(14), queue.Case{})
		require.Equal(t, 0, i)
		require.Equal(t, queue.ErrClosed, err)
		i, err = queue.Select(ended, a.GetCase(&n))
		require.Equal(t, 0, i)
		require.Equal(t, queue.ErrClosed, err)
		require.Equal(t, -1, n)
	})
}

// A Select that is the only one who waits to put leaves no gate up at Close.
func TestCloseOpensTheGateOfASelect(t *testing.T) {
	conform(t, bounded(), func(t *testing.T, q *queue.Queue[int]) {
		fillUp(t, q)
		done := q.Done()
		c := goSelect(q.PutCase(-1))
		q.Close()
		q.CheckInvariants()
		c.chose(t, 0, queue.ErrClosed)
		mustGet(t, q, from(0, q.Cap())...)
		require.True(t, isClosed(done))
		mustBeDrained(t, q)
	})
}

func TestSelectAndCloseNow(t *testing.T) {
	pairOfQueues(t, func(t *testing.T, a *queue.Queue[int], b *queue.Queue[string]) {
		fillUp(t, a)
		s := "-"
		c := goSelect(b.GetCase(&s), a.PutCase(-1))
		require.Len(t, a.CloseNow(), a.Cap())
		c.chose(t, 1, queue.ErrClosed)
		c = goSelect(b.GetCase(&s))
		require.Empty(t, b.CloseNow())
		c.chose(t, 0, queue.ErrClosed)
	})
}

// A put and a get of one queue: one of them is always ready.
func TestSelectBothSidesOfOneQueue(t *testing.T) {
	conform(t, everyKind(), func(t *testing.T, q *queue.Queue[int]) {
		gets, puts, most := 0, 0, 0
		for range 200 {
			v := -1
			i, err := queue.Select(ended, q.GetCase(&v), q.PutCase(1))
			require.NoError(t, err)
			if i == 0 {
				gets++
			} else {
				puts++
			}
			require.Equal(t, puts-gets, q.Len())
			most = max(most, puts-gets)
		}
		require.True(t, q.Cap() == 1 || most > 1, "not at random")
	})
}

func TestSelectIsFair(t *testing.T) {
	for _, n := range []int{5, 17, 33, 64} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			var qs []*queue.Queue[int]
			var cases []queue.Case
			v := 0
			for i := range n {
				qs = append(qs, queue.New[int](1))
				mustPut(t, qs[i], i)
				cases = append(cases, qs[i].GetCase(&v))
			}
			_, _ = qs[2].TryGet() // one is not ready, and does not help its neighbour
			const each = 1250
			count := make([]int, n)
			for range each * (n - 1) {
				i, err := queue.Select(bg, cases...)
				require.NoError(t, err)
				require.Equal(t, i, v)
				count[i]++
				mustPut(t, qs[i], i)
			}
			for i, c := range count {
				if i == 2 {
					require.Zero(t, c)
				} else {
					require.InDelta(t, each, c, 200, "case %d: %v", i, count) // more than five standard deviations
				}
			}
		})
	}
}

func TestSelectOfNothing(t *testing.T) {
	i, err := queue.TrySelect()
	require.Equal(t, -1, i)
	require.Equal(t, queue.ErrNotReady, err)
	i, err = queue.Select(ended)
	require.Equal(t, -1, i)
	require.Equal(t, context.Canceled, err)
	synctest.Test(t, func(t *testing.T) {
		for _, cases := range [][]queue.Case{nil, {{}}, make([]queue.Case, 20)} {
			c := goSelect(cases...)
			c.waits(t)
			c.cancel()
			c.chose(t, -1, context.Canceled)
		}
	})
}

// More cases than there is room for on the stack.
func TestSelectOfMany(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, n := range []int{1, 7, 8, 9, 16, 17, 40} {
			qs := make([]*queue.Queue[int], n)
			cases := make([]queue.Case, n)
			v := 0
			for i := range qs {
				qs[i] = queue.New[int](i % 3)
				cases[i] = qs[i].GetCase(&v)
			}
			for i, q := range qs {
				c := goSelect(cases...)
				c.waits(t)
				mustPut(t, q, i+1)
				c.chose(t, i, nil)
				require.Equal(t, i+1, v)
			}
			for _, q := range qs {
				q.CheckInvariants()
				gets, puts := q.Waiting()
				require.Zero(t, gets+puts)
			}
		}
	})
}

func TestCasesOfAnyType(t *testing.T) {
	errs := queue.New[error](2)
	i, err := queue.Select(bg, errs.PutCase(nil))
	require.Zero(t, i)
	require.NoError(t, err)
	i, err = queue.Select(bg, errs.PutCase(context.Canceled))
	require.Zero(t, i)
	require.NoError(t, err)
	var got error
	get := errs.GetCase(&got)
	_, _ = queue.Select(bg, get)
	require.NoError(t, got)
	_, _ = queue.Select(bg, get) // a case may be used again
	require.Equal(t, context.Canceled, got)

	q := queue.New[[3]int](1)
	_, _ = queue.Select(bg, q.PutCase([3]int{1, 2, 3}))
	i, err = queue.Select(bg, q.GetCase(nil)) // and the item dropped
	require.Zero(t, i)
	require.NoError(t, err)
	require.Zero(t, q.Len())

	var unmade queue.Queue[int]
	require.PanicsWithValue(t, "queue: a queue must be made by New or NewSPSC", func() { unmade.GetCase(nil) })
	require.PanicsWithValue(t, "queue: a queue must be made by New or NewSPSC", func() { unmade.PutCase(1) })
}

// Select allocates nothing in steady state, whether it waits or not.
func TestSelectAllocatesNothing(t *testing.T) {
	a, b, back := queue.New[int](1), queue.New[int](1), queue.New[int](1)
	var v, w int
	require.Zero(t, testing.AllocsPerRun(100, func() {
		_ = a.TryPut(1)
		if i, err := queue.Select(bg, a.GetCase(&v), b.GetCase(&w)); i != 0 || err != nil {
			t.Error(i, err)
		}
	}))
	go func() { // keeps the other side of a waiting Select busy
		for {
			if _, err := back.Get(bg); err != nil {
				return
			}
			runtime.Gosched()
			_ = a.Put(bg, 1)
		}
	}()
	defer back.Close()
	require.Zero(t, testing.AllocsPerRun(1000, func() {
		_ = back.Put(bg, 1)
		if i, err := queue.Select(cancellable, a.GetCase(&v), b.GetCase(&w)); i != 0 || err != nil {
			t.Error(i, err)
		}
	}))
}

// Everything at once: selecting goroutines and plain ones on several queues, some
// give up. Each item arrives exactly once, or has stayed with who did not put it.
func TestSelectUnderLoad(t *testing.T) {
	defer watch(t)()
	for _, procs := range []int{1, 2, 4} {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(procs))
		for _, capacity := range []int{1, 2, 0} {
			selectUnderLoad(t, capacity, races(3000))
		}
	}
}

func selectUnderLoad(t *testing.T, capacity, each int) {
	const n = 3
	var qs [n]*queue.Queue[int]
	for i := range qs {
		qs[i] = queue.New[int](capacity)
	}
	seen := make([]atomic.Int32, 4*each)
	wasPut := make([]atomic.Bool, len(seen))
	var producers, consumers sync.WaitGroup
	for p := range 4 {
		producers.Go(func() {
			rng := rand.New(rand.NewPCG(1, uint64(p)))
			for i := range each {
				v := p*each + i
				ctx, cancel := context.WithCancel(bg)
				if rng.IntN(4) == 0 {
					go cancel()
				}
				var err error
				if p%2 == 0 {
					_, err = queue.Select(ctx, qs[0].PutCase(v), qs[1].PutCase(v), qs[2].PutCase(v), qs[1].PutCase(v))
				} else {
					err = qs[rng.IntN(n)].Put(ctx, v)
				}
				wasPut[v].Store(err == nil)
				cancel()
			}
		})
	}
	for c := range 4 {
		consumers.Go(func() {
			rng := rand.New(rand.NewPCG(2, uint64(c)))
			open := [n]bool{true, true, true}
			for open != [n]bool{} {
				ctx, cancel := context.WithCancel(bg)
				if rng.IntN(4) == 0 {
					go cancel()
				}
				var v, i int
				var err error
				if c%2 == 0 {
					var cases [n]queue.Case
					for j, q := range qs {
						if open[j] {
							cases[j] = q.GetCase(&v)
						}
					}
					i, err = queue.Select(ctx, cases[:]...)
				} else {
					for i = rng.IntN(n); !open[i]; i = (i + 1) % n {
					}
					v, err = qs[i].Get(ctx)
				}
				switch err {
				case nil:
					seen[v].Add(1)
				case queue.ErrClosed:
					open[i] = false
				}
				cancel()
			}
		})
	}
	producers.Wait()
	for _, q := range qs {
		q.Close()
	}
	consumers.Wait()
	for v := range seen {
		want := int32(0)
		if wasPut[v].Load() {
			want = 1
		}
		require.Equal(t, want, seen[v].Load(), "item %d", v)
	}
	for _, q := range qs {
		q.CheckInvariants()
		gets, puts := q.Waiting()
		require.Zero(t, gets+puts, "waiters left behind")
	}
}
