package queue_test

import (
	"context"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/parkring/queue"
)

// batchCall is a PutBatch or a GetBatch under way.
type batchCall struct {
	call
	n   int
	buf []int
}

func goPutBatch(q batches, vs ...int) *batchCall {
	ctx, cancel := context.WithCancel(bg)
	c := &batchCall{call: call{cancel: cancel}}
	go func() { defer cancel(); c.n, c.err = q.PutBatch(ctx, vs); c.returned = true }()
	synctest.Wait()
	return c
}

func goGetBatch(q batches, size int) *batchCall {
	ctx, cancel := context.WithCancel(bg)
	c := &batchCall{call: call{cancel: cancel}, buf: make([]int, size)}
	go func() { defer cancel(); c.n, c.err = q.GetBatch(ctx, c.buf); c.returned = true }()
	synctest.Wait()
	return c
}

// batches is what every queue has for batches.
type batches interface {
	PutBatch(context.Context, []int) (int, error)
	GetBatch(context.Context, []int) (int, error)
	TryPutBatch([]int) (int, error)
	TryGetBatch([]int) (int, error)
}

// from returns n numbers, from v on.
func from(v, n int) (all []int) {
	for i := range n {
		all = append(all, v+i)
	}
	return all
}

// did fails t unless a batch call has returned with these results.
func (c *batchCall) did(t *testing.T, n int, err error) {
	t.Helper()
	c.ended(t, err)
	require.Equal(t, n, c.n)
}

// tookBatch fails t unless the call took just these items.
func (c *batchCall) took(t *testing.T, vs ...int) {
	t.Helper()
	c.did(t, len(vs), nil)
	require.Equal(t, vs, c.buf[:c.n])
}

func mustTakeBatch(t *testing.T, q subject[int], size int, vs ...int) {
	t.Helper()
	buf := make([]int, size)
	n, err := q.TryGetBatch(buf)
	require.NoError(t, err)
	require.Equal(t, vs, buf[:n])
}

func TestBatchThatFits(t *testing.T) {
	conformPair(t, everyKind(), func(t *testing.T, q subject[int]) {
		room := q.Cap()
		if room == 0 {
			room = 1000
		}
		for round := range 3 {
			vs := from(round*room, room)
			n, err := q.TryPutBatch(vs)
			require.NoError(t, err)
			require.Equal(t, room, n)
			require.Equal(t, room, q.Len())
			mustTakeBatch(t, q, room+1, vs...)
			require.Zero(t, q.Len())

			n, err = q.PutBatch(ended, vs) // need not wait, so does not look at the context
			require.NoError(t, err)
			require.Equal(t, room, n)
			buf := make([]int, room)
			n, err = q.GetBatch(ended, buf)
			require.NoError(t, err)
			require.Equal(t, vs, buf[:n])
		}
	})
}

func TestBatchThatDoesNotFit(t *testing.T) {
	conformPair(t, bounded(), func(t *testing.T, q subject[int]) {
		n, err := q.TryPutBatch(from(0, q.Cap()+1))
		require.Equal(t, queue.ErrFull, err)
		require.Equal(t, q.Cap(), n)
		n, err = q.TryPutBatch([]int{-1})
		require.Equal(t, queue.ErrFull, err)
		require.Zero(t, n)
		n, err = q.PutBatch(ended, []int{-1})
		require.Equal(t, context.Canceled, err)
		require.Zero(t, n)
		mustTakeBatch(t, q, 1, 0)
		n, err = q.PutBatch(ended, []int{q.Cap(), -1})
		require.Equal(t, context.Canceled, err)
		require.Equal(t, 1, n)
		mustTakeBatch(t, q, q.Cap()+5, from(1, q.Cap())...)

		_, err = q.TryGetBatch(make([]int, 3))
		require.Equal(t, queue.ErrEmpty, err)
		_, err = q.GetBatch(ended, make([]int, 3))
		require.Equal(t, context.Canceled, err)
	})
}

func TestEmptyBatch(t *testing.T) {
	conformPair(t, everyKind(), func(t *testing.T, q subject[int]) {
		calls := func() (all []error) {
			for _, f := range []func(context.Context, []int) (int, error){q.PutBatch, q.GetBatch,
				func(_ context.Context, vs []int) (int, error) { return q.TryPutBatch(vs) },
				func(_ context.Context, vs []int) (int, error) { return q.TryGetBatch(vs) }} {
				n, err := f(ended, nil)
				require.Zero(t, n)
				all = append(all, err)
			}
			return all
		}
		none := []error{nil, nil, nil, nil}
		require.Equal(t, none, calls(), "empty")
		mustPut(t, q, 1)
		require.Equal(t, none, calls(), "with an item")
		q.Close()
		require.Equal(t, []error{queue.ErrClosed, nil, queue.ErrClosed, nil}, calls(), "closed")
		mustGet(t, q, 1)
		require.Equal(t, slices.Repeat([]error{queue.ErrClosed}, 4), calls(), "drained")
	})
}

// A batch of several times the capacity goes in while others take, and holds no
// slots while it waits.
func TestBatchLargerThanTheCapacity(t *testing.T) {
	conformPair(t, bounded(), func(t *testing.T, q subject[int]) {
		size := 5*q.Cap() + 3
		c := goPutBatch(q, from(0, size)...)
		all := size
		if !isSPSC(q) {
			behind := goPut(q, size)
			defer func() { behind.ended(t, nil) }()
			all++
		}
		for i := range all {
			c.waitsOrEnded(t, i > size-1-q.Cap())
			require.Equal(t, min(q.Cap(), all-i), q.Len())
			mustGet(t, q, i)
		}
		c.did(t, size, nil)
	})
}

func (c *batchCall) waitsOrEnded(t *testing.T, returned bool) {
	t.Helper()
	synctest.Wait()
	require.Equal(t, returned, c.returned)
}

func TestBatchIsCancelledInTheMiddle(t *testing.T) {
	conformPair(t, bounded(), func(t *testing.T, q subject[int]) {
		for placed := range 2*q.Cap() + 1 {
			size := 3*q.Cap() + 2
			c := goPutBatch(q, from(0, size)...)
			var behind *call
			if !isSPSC(q) {
				behind = goPut(q, 1000)
			}
			mustGet(t, q, from(0, placed)...)
			c.cancel()
			c.did(t, placed+q.Cap(), context.Canceled)
			if behind != nil {
				behind.waits(t)
			}
			mustGet(t, q, from(placed, q.Cap())...)
			if behind != nil {
				behind.ended(t, nil)
				mustGet(t, q, 1000)
			}
			mustBeEmpty(t, q)
		}
	})
}

// A waiting batch is admitted whole by Close, and says how far it came at CloseNow.
func TestBatchAndClose(t *testing.T) {
	conform(t, bounded(), func(t *testing.T, q *queue.Queue[int]) {
		done := q.Done()
		size := 2*q.Cap() + 3
		c := goPutBatch(q, from(0, size)...)
		q.Close()
		c.waits(t)
		n, err := q.TryPutBatch([]int{-1})
		require.Equal(t, queue.ErrClosed, err)
		require.Zero(t, n)
		n, err = q.PutBatch(bg, []int{-1})
		require.Equal(t, queue.ErrClosed, err)
		require.Zero(t, n)
		mustTakeBatch(t, q, size+10, from(0, size)...)
		require.True(t, isClosed(done))
		c.did(t, size, nil)
		_, err = q.TryGetBatch(make([]int, 1))
		require.Equal(t, queue.ErrClosed, err)
		_, err = q.GetBatch(ended, make([]int, 1))
		require.Equal(t, queue.ErrClosed, err)
	})
	conform(t, bounded(), func(t *testing.T, q *queue.Queue[int]) {
		size := 2*q.Cap() + 3
		c := goPutBatch(q, from(0, size)...)
		mustGet(t, q, 0, 1)
		require.Equal(t, from(2, q.Cap()), q.CloseNow())
		c.did(t, q.Cap()+2, queue.ErrClosed)
		mustBeDrained(t, q)
	})
}

func TestGetBatchWaitsForTheFirstItemOnly(t *testing.T) {
	conformPair(t, everyKind(), func(t *testing.T, q subject[int]) {
		c := goGetBatch(q, 10)
		c.waits(t)
		mustPut(t, q, 1)
		c.took(t, 1)

		c = goGetBatch(q, 10)
		c.cancel()
		c.did(t, 0, context.Canceled)

		c = goGetBatch(q, 10)
		q.Close()
		c.did(t, 0, queue.ErrClosed)
	})
}

// A batch serves all waiting Gets, in the order in which they began to wait, and
// what is left goes in, for the waiting GetBatch to take.
func TestBatchServesAllThatWait(t *testing.T) {
	conform(t, everyKind(), func(t *testing.T, q *queue.Queue[int]) {
		a, b, c := goGet(q), goGetBatch(q, 1), goGet(q)
		p := goPutBatch(q, 1, 2, 3)
		p.did(t, 3, nil)
		a.got(t, 1)
		b.took(t, 2)
		c.got(t, 3)

		a, b, c = goGet(q), goGetBatch(q, 3), goGet(q)
		p = goPutBatch(q, 1, 2)
		p.did(t, 2, nil)
		a.got(t, 1)
		b.took(t, 2)
		c.waits(t)
		p = goPutBatch(q, 3, 4)
		c.got(t, 3)
		p.did(t, 2, nil)
		mustGet(t, q, 4)

		b = goGetBatch(q, 3)
		p = goPutBatch(q, from(1, 5)...)
		b.took(t, from(1, max(b.n, 1))...) // it may be off with the first before the others are in
		for v := b.n + 1; v <= 5; v++ {
			mustGet(t, q, v)
		}
		p.did(t, 5, nil)
	})
}

// A GetBatch lets in as many waiting Puts as it makes room for.
func TestGetBatchLetsInAllThatWait(t *testing.T) {
	conform(t, bounded(), func(t *testing.T, q *queue.Queue[int]) {
		n := q.Cap()
		mustPut(t, q, from(0, n)...)
		var puts []*call
		for i := range n + 2 {
			puts = append(puts, goPut(q, n+i))
		}
		mustTakeBatch(t, q, n, from(0, n)...)
		for i, c := range puts {
			if i < n {
				c.ended(t, nil)
			} else {
				c.waits(t)
			}
		}
		mustTakeBatch(t, q, 3*n+9, from(n, n+2)...)
	})
}

func TestBatchCounts(t *testing.T) {
	conform(t, everyKind(), func(t *testing.T, q *queue.Queue[int]) {
		c := goGet(q)
		p := goPutBatch(q, from(0, 2)...)
		p.did(t, 2, nil)
		c.got(t, 0)
		require.Equal(t, 2, q.Unfinished())
		s := q.Stats()
		require.EqualValues(t, 2, s.Puts)
		require.EqualValues(t, 1, s.Gets)
		mustTakeBatch(t, q, 9, 1)
		q.TaskDone()
		q.TaskDone()
		require.NoError(t, q.Join(bg))
	})
}

func TestBatchesOfAQueueNotMadeByNewPanic(t *testing.T) {
	var q queue.Queue[int]
	for _, f := range []func(){
		func() { _, _ = q.PutBatch(bg, []int{1}) }, func() { _, _ = q.GetBatch(bg, []int{1}) },
		func() { _, _ = q.TryPutBatch(nil) }, func() { _, _ = q.TryGetBatch(nil) },
	} {
		require.PanicsWithValue(t, "queue: a queue must be made by New or NewSPSC", f)
	}
}

// Batches allocate nothing, and keep nothing alive.
func TestBatchesAllocateNothing(t *testing.T) {
	for _, q := range []subject[int]{queue.New[int](1), queue.New[int](64), queue.New[int](0), queue.NewSPSC[int](1), queue.NewSPSC[int](64)} {
		n := max(q.Cap(), 16)
		vs, buf := make([]int, n), make([]int, n)
		step := func() {
			n, _ := q.TryPutBatch(vs)
			m, _ := q.TryGetBatch(buf)
			k, err := q.PutBatch(bg, vs[:n])
			l, err2 := q.GetBatch(bg, buf)
			if n != m || n != k || k != l || err != nil || err2 != nil {
				t.Error(n, m, k, l, err, err2)
			}
		}
		step()
		require.Zero(t, testing.AllocsPerRun(100, step))
	}
}

// Everything at once: batches and single calls, some of which give up. Each item
// that a call says it has put arrives exactly once, and in order.
func TestQueueOfBatchesUnderLoad(t *testing.T) {
	defer watch(t)()
	for _, procs := range []int{1, 2, 4} {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(procs))
		for _, capacity := range []int{1, 3, 64, 100, 0} {
			batchesUnderLoad(t, queue.New[int](capacity), 4, races(10_000))
		}
	}
}

func batchesUnderLoad(t *testing.T, q *queue.Queue[int], goroutines, each int) {
	put := make([]atomic.Bool, goroutines*each)
	seen := make([]atomic.Int32, goroutines*each)
	var producers, consumers sync.WaitGroup
	maybe := func(rng *rand.Rand) (context.Context, context.CancelFunc) {
		ctx, cancel := context.WithCancel(bg)
		if rng.IntN(4) == 0 {
			go cancel()
		}
		return ctx, cancel
	}
	for p := range goroutines {
		producers.Go(func() {
			rng := rand.New(rand.NewPCG(1, uint64(p)))
			for i := 0; i < each; {
				vs := from(p*each+i, min(1+rng.IntN(100), each-i))
				ctx, cancel := maybe(rng)
				n := 0
				var err error
				switch rng.IntN(4) {
				case 0:
					vs = vs[:1]
					if err = q.Put(ctx, vs[0]); err == nil {
						n = 1
					}
				case 1:
					n, err = q.TryPutBatch(vs)
				default:
					n, err = q.PutBatch(ctx, vs)
				}
				cancel()
				if (err == nil) != (n == len(vs)) {
					t.Errorf("%d of %d items, %v", n, len(vs), err)
				}
				for _, v := range vs[:n] {
					put[v].Store(true)
				}
				i += len(vs) // the rest is not put at all
			}
		})
	}
	for c := range goroutines {
		consumers.Go(func() {
			rng := rand.New(rand.NewPCG(2, uint64(c)))
			last := make([]int, goroutines)
			buf := make([]int, 100)
			for {
				ctx, cancel := maybe(rng)
				size := 1 + rng.IntN(len(buf))
				n := 1
				var err error
				switch rng.IntN(4) {
				case 0:
					buf[0], err = q.Get(ctx)
				case 1:
					n, err = q.TryGetBatch(buf[:size])
				default:
					n, err = q.GetBatch(ctx, buf[:size])
				}
				cancel()
				if err == queue.ErrClosed {
					return
				}
				if err != nil {
					continue
				}
				for _, v := range buf[:n] {
					seen[v].Add(1)
					if p, i := v/each, v%each+1; i <= last[p] {
						t.Errorf("item %d of producer %d after item %d", i, p, last[p])
					} else {
						last[p] = i
					}
				}
			}
		})
	}
	producers.Wait()
	q.Close()
	consumers.Wait()
	for v := range seen {
		want := int32(0)
		if put[v].Load() {
			want = 1
		}
		require.Equal(t, want, seen[v].Load(), "item %d", v)
	}
	q.CheckInvariants()
}
