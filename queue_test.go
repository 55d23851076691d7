package queue_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/parkring/queue"
)

// This file is the conformance suite: one set of tests that every kind of queue
// has to pass. They run in testing/synctest bubbles, where time is virtual and
// "waits" can be observed: a goroutine is durably blocked.

var bg = context.Background()

// subject is what every kind of queue has.
type subject[T any] interface {
	Put(ctx context.Context, v T) error
	Get(ctx context.Context) (T, error)
	TryPut(v T) error
	TryGet() (T, error)
	PutBatch(ctx context.Context, vs []T) (int, error)
	GetBatch(ctx context.Context, buf []T) (int, error)
	TryPutBatch(vs []T) (int, error)
	TryGetBatch(buf []T) (int, error)
	All(ctx context.Context) iter.Seq[T]
	Close()
	Closed() bool
	Drained() bool
	Len() int
	Cap() int
	Empty() bool
	Full() bool

	CheckInvariants()
	Waiting() (gets, puts int)
	WasSolo() bool
}

// isSPSC reports whether q is for one putter and one getter at a time.
func isSPSC(q subject[int]) bool {
	_, is := q.(*queue.SPSC[int])
	return is
}

// variant is a kind of queue.
type variant struct {
	capacity int
	lap      uint64 // where positions start
	solo     bool
}

func (v variant) String() string {
	s := fmt.Sprintf("cap=%d", v.capacity)
	if v.solo {
		s += "/solo"
	}
	if v.lap != 0 {
		s += "/start=wrap"
	}
	return s
}

func (v variant) make() *queue.Queue[int] { return makeOf[int](v) }

// makeLarge makes a queue of large items.
func (v variant) makeLarge() large[int] { return large[int]{makeOf[parts[int]](v)} }

func makeOf[T any](v variant) *queue.Queue[T] {
	if v.solo {
		return queue.NewSolo[T](v.capacity, v.lap)
	}
	if v.lap == 0 {
		return queue.New[T](v.capacity)
	}
	return queue.NewAt[T](v.capacity, v.lap)
}

// makeSPSC makes a queue for one putter and one getter with the capacity of v.
func (v variant) makeSPSC() *queue.SPSC[int] {
	if v.lap == 0 {
		return queue.NewSPSC[int](v.capacity)
	}
	return queue.NewSPSCAt[int](v.capacity, v.lap)
}

func bounded() (all []variant) {
	for _, n := range []int{1, 2, 3, 7, 8} {
		for _, lap := range []uint64{0, math.MaxUint64} {
			all = append(all, variant{capacity: n, lap: lap}, variant{capacity: n, lap: lap, solo: true})
		}
	}
	return all
}

func everyKind() []variant {
	return append(bounded(), variant{capacity: 0}, variant{capacity: 0, lap: math.MaxUint64})
}

// conform runs test in a bubble for each kind of queue.
func conform(t *testing.T, kinds []variant, test func(t *testing.T, q *queue.Queue[int])) {
	t.Helper()
	for _, k := range kinds {
		t.Run(k.String(), func(t *testing.T) { inBubble(t, k.make, test) })
	}
}

// conformPair does the same with a test that has one putter and one getter at a
// time: it runs on SPSC queues as well, and on queues of large items.
func conformPair(t *testing.T, kinds []variant, test func(t *testing.T, q subject[int])) {
	t.Helper()
	conform(t, kinds, func(t *testing.T, q *queue.Queue[int]) { test(t, q) })
	for _, k := range kinds {
		t.Run("large/"+k.String(), func(t *testing.T) {
			inBubble(t, k.makeLarge, func(t *testing.T, q large[int]) { test(t, q) })
		})
		if k.capacity > 0 && !k.solo {
			t.Run("spsc/"+k.String(), func(t *testing.T) {
				inBubble(t, k.makeSPSC, func(t *testing.T, q *queue.SPSC[int]) { test(t, q) })
			})
		}
	}
}

func inBubble[Q subject[int]](t *testing.T, make func() Q, test func(t *testing.T, q Q)) {
	synctest.Test(t, func(t *testing.T) {
		q := make()
		test(t, q)
		synctest.Wait()
		q.CheckInvariants()
		gets, puts := q.Waiting()
		require.Zero(t, gets+puts, "waiters left behind")
	})
}

// call is a Put, a Get or a loop under way in a goroutine of its own. Its result
// may be read after synctest.Wait.
type call struct {
	v        int   // the item that came last
	seen     []int // all items of a loop
	err      error
	returned bool
	cancel   context.CancelFunc
}

func goPut(q subject[int], v int) *call {
	ctx, cancel := context.WithCancel(bg)
	c := &call{cancel: cancel}
	go func() { defer cancel(); c.err = q.Put(ctx, v); c.returned = true }()
	synctest.Wait() // so that calls wait in the order of their start
	return c
}

func goGet(q subject[int]) *call {
	ctx, cancel := context.WithCancel(bg)
	c := &call{cancel: cancel}
	go func() { defer cancel(); c.v, c.err = q.Get(ctx); c.returned = true }()
	synctest.Wait()
	return c
}

// goAll starts a loop over q.All that breaks off after n items. The error is nil
// if it got so far, and otherwise what ended it.
func goAll(q subject[int], n int) *call {
	ctx, cancel := context.WithCancel(bg)
	c := &call{cancel: cancel, err: queue.ErrClosed}
	go func() {
		defer cancel()
		for c.v = range q.All(ctx) {
			c.seen = append(c.seen, c.v)
			if len(c.seen) == n {
				c.err = nil
				break
			}
		}
		if c.err != nil && ctx.Err() != nil {
			c.err = ctx.Err()
		}
		c.returned = true
	}()
	synctest.Wait()
	return c
}

// The helpers take what testing.T and rapid.T have in common.

func (c *call) waits(t rapid.TB, what ...any) {
	t.Helper()
	synctest.Wait()
	require.False(t, c.returned, what...)
}

func (c *call) ended(t rapid.TB, err error, what ...any) {
	t.Helper()
	synctest.Wait()
	require.True(t, c.returned, what...)
	require.Equal(t, err, c.err, what...)
}

func (c *call) got(t rapid.TB, v int, what ...any) {
	t.Helper()
	c.ended(t, nil, what...)
	require.Equal(t, v, c.v, what...)
}

func mustPut(t *testing.T, q subject[int], vs ...int) {
	t.Helper()
	for _, v := range vs {
		require.NoError(t, q.TryPut(v))
	}
}

func mustGet(t *testing.T, q subject[int], vs ...int) {
	t.Helper()
	for _, want := range vs {
		v, err := q.TryGet()
		require.NoError(t, err)
		require.Equal(t, want, v)
	}
}

func mustBeEmpty(t *testing.T, q subject[int]) {
	t.Helper()
	v, err := q.TryGet()
	require.Equal(t, queue.ErrEmpty, err)
	require.Zero(t, v)
}

func mustBeDrained(t rapid.TB, q subject[int]) {
	t.Helper()
	require.True(t, q.Drained())
	v, err := q.TryGet()
	require.Equal(t, queue.ErrClosed, err)
	require.Zero(t, v)
	v, err = q.Get(bg)
	require.Equal(t, queue.ErrClosed, err)
	require.Zero(t, v)
	require.Equal(t, queue.ErrClosed, q.Put(bg, 0))
	require.Equal(t, queue.ErrClosed, q.TryPut(0))
}

// fill puts 0, 1, ... until the queue is full, or 100 if it has no bound, and
// returns the next number.
func fill(t *testing.T, q subject[int]) int {
	t.Helper()
	n := q.Cap()
	if n == 0 {
		n = 100
	}
	for i := range n {
		mustPut(t, q, i)
	}
	return n
}

func upTo(n int) (all []int) {
	for i := range n {
		all = append(all, i)
	}
	return all
}

func TestErrorsAreBareAndNamed(t *testing.T) {
	for err, text := range map[error]string{
		queue.ErrClosed: "queue: closed",
		queue.ErrFull:   "queue: full",
		queue.ErrEmpty:  "queue: empty",
	} {
		require.EqualError(t, err, text)
		require.NoError(t, errors.Unwrap(err))
	}
}

func TestCapacityIsExact(t *testing.T) {
	for n := 1; n <= 70; n++ {
		testCapacity(t, n, queue.New[int](n))
		testCapacity(t, n, queue.NewSPSC[int](n))
	}
}

func testCapacity(t *testing.T, n int, q subject[int]) {
	t.Helper()
	require.Equal(t, n, q.Cap())
	for lap := range 4 {
		for i := range n {
			require.Equal(t, i, q.Len())
			require.False(t, q.Full())
			mustPut(t, q, lap*n+i)
			require.False(t, q.Empty())
		}
		require.True(t, q.Full())
		require.Equal(t, queue.ErrFull, q.TryPut(-1))
		require.Equal(t, n, q.Len())
		for i := range n {
			mustGet(t, q, lap*n+i)
		}
		require.True(t, q.Empty())
		mustBeEmpty(t, q)
		mustPut(t, q, -1) // so that the next lap starts one further
		mustGet(t, q, -1)
	}
}

func TestNoBound(t *testing.T) {
	for _, capacity := range []int{0, -1, math.MinInt} {
		q := queue.New[int](capacity)
		require.Zero(t, q.Cap())
		const n = 100_000
		for i := range n {
			if err := q.Put(bg, i); err != nil {
				t.Fatal(err)
			}
		}
		require.Equal(t, n, q.Len())
		require.False(t, q.Full())
		for i := range n {
			if v, err := q.Get(bg); err != nil || v != i {
				t.Fatalf("Get returned %d, %v, want %d", v, err, i)
			}
		}
		require.True(t, q.Empty())
		require.False(t, q.Full())
	}
}

func TestItemsLeaveInOrder(t *testing.T) {
	conformPair(t, everyKind(), func(t *testing.T, q subject[int]) {
		in, out := 0, 0
		for round := range 50 {
			for q.TryPut(in) == nil {
				in++
				if q.Cap() == 0 && in-out > 10*round {
					break
				}
			}
			for range round%8 + 1 {
				if v, err := q.TryGet(); err == nil {
					require.Equal(t, out, v)
					out++
				}
			}
			require.Equal(t, in-out, q.Len())
		}
	})
}

func TestGetWaitsForAnItem(t *testing.T) {
	conformPair(t, everyKind(), func(t *testing.T, q subject[int]) {
		g := goGet(q)
		time.Sleep(24 * time.Hour)
		g.waits(t)
		require.NoError(t, q.Put(bg, 7))
		g.got(t, 7)
		require.Zero(t, q.Len())
		mustBeEmpty(t, q)
	})
}

func TestPutWaitsForRoom(t *testing.T) {
	conformPair(t, bounded(), func(t *testing.T, q subject[int]) {
		n := fill(t, q)
		p := goPut(q, n)
		time.Sleep(24 * time.Hour)
		p.waits(t)
		require.Equal(t, n, q.Len(), "a waiting Put is not an item")
		require.True(t, q.Full())
		if !isSPSC(q) {
			require.Equal(t, queue.ErrFull, q.TryPut(-1))
		}
		mustGet(t, q, 0)
		p.ended(t, nil)
		require.Equal(t, n, q.Len())
		mustGet(t, q, upTo(n + 1)[1:]...)
	})
}

func TestWaitingGetsAreServedInOrder(t *testing.T) {
	conform(t, everyKind(), func(t *testing.T, q *queue.Queue[int]) {
		var gets []*call
		for range 20 {
			gets = append(gets, goGet(q))
		}
		for i, g := range gets {
			if i%2 == 0 {
				mustPut(t, q, i)
			} else {
				require.NoError(t, q.Put(bg, i))
			}
			g.got(t, i)
			for _, later := range gets[i+1:] {
				require.False(t, later.returned)
			}
		}
	})
}

func TestWaitingPutsAreServedInOrder(t *testing.T) {
	conform(t, bounded(), func(t *testing.T, q *queue.Queue[int]) {
		n := fill(t, q)
		var puts []*call
		for i := range 20 {
			puts = append(puts, goPut(q, n+i))
		}
		for i, p := range puts {
			p.waits(t)
			require.Equal(t, n, q.Len())
			if i%2 == 0 {
				mustGet(t, q, i)
			} else {
				v, err := q.Get(bg)
				require.NoError(t, err)
				require.Equal(t, i, v)
			}
			p.ended(t, nil)
			for _, later := range puts[i+1:] {
				require.False(t, later.returned)
			}
		}
		for i := range n {
			mustGet(t, q, 20+i)
		}
	})
}

// Newcomers cannot starve those who wait, or overtake them.
func TestNewcomersDoNotOvertake(t *testing.T) {
	conform(t, everyKind(), func(t *testing.T, q *queue.Queue[int]) {
		g := goGet(q)
		mustPut(t, q, 1) // is handed over, so a newcomer finds nothing
		mustBeEmpty(t, q)
		g.got(t, 1)
		if q.Cap() == 0 {
			return
		}
		n := fill(t, q)
		p := goPut(q, n)
		mustGet(t, q, 0) // makes room, which goes to p
		require.Equal(t, queue.ErrFull, q.TryPut(-1))
		p.ended(t, nil)
		mustGet(t, q, upTo(n + 1)[1:]...)
	})
}

// Context.

func TestContextIsNotLookedAtWithoutNeed(t *testing.T) {
	conformPair(t, everyKind(), func(t *testing.T, q subject[int]) {
		panics := brokenContext{} // if it is asked for anything
		require.NoError(t, q.Put(panics, 1))
		v, err := q.Get(panics)
		require.NoError(t, err)
		require.Equal(t, 1, v)
		ctx, cancel := context.WithCancel(bg)
		cancel()
		require.NoError(t, q.Put(ctx, 1))
		v, err = q.Get(ctx)
		require.NoError(t, err)
		require.Equal(t, 1, v)
		_, err = q.Get(ctx)
		require.Equal(t, context.Canceled, err)
		if q.Cap() > 0 {
			n := fill(t, q)
			require.Equal(t, context.Canceled, q.Put(ctx, n))
			require.Equal(t, n, q.Len())
		}
		q.Close()
		require.Equal(t, queue.ErrClosed, q.Put(ctx, 2), "closed goes before ctx")
		for !q.Empty() {
			_, err = q.Get(ctx)
			require.NoError(t, err)
		}
		_, err = q.Get(ctx)
		require.Equal(t, queue.ErrClosed, err, "drained goes before ctx")
	})
}

func TestCancelledGetHasNoEffect(t *testing.T) {
	conformPair(t, everyKind(), func(t *testing.T, q subject[int]) {
		g := goGet(q)
		g.waits(t)
		g.cancel()
		g.ended(t, context.Canceled)
		require.Zero(t, g.v)
		q.CheckInvariants()
		mustPut(t, q, 1)
		require.Equal(t, 1, q.Len())
		mustGet(t, q, 1)
	})
}

func TestCancelledPutHasNoEffect(t *testing.T) {
	conformPair(t, bounded(), func(t *testing.T, q subject[int]) {
		n := fill(t, q)
		p := goPut(q, -1)
		p.waits(t)
		p.cancel()
		p.ended(t, context.Canceled)
		q.CheckInvariants()
		mustGet(t, q, upTo(n)...)
		mustBeEmpty(t, q)
	})
}

// brokenContext is a context that breaks its promises. Methods of which it has no function
// panic.
type brokenContext struct {
	context.Context
	done func() <-chan struct{}
	err  func() error
}

func (c brokenContext) Done() <-chan struct{} { return c.done() }
func (c brokenContext) Err() error            { return c.err() }

// waitInVain makes calls that have to wait for what does not come, and hands each to check.
// Those that end solo come after those that do not.
func waitInVain(t *testing.T, q subject[int], ctx context.Context, check func(name string, call func() error)) {
	t.Helper()
	many, _ := q.(*queue.Queue[int]) // or nil
	check("Get", func() error { _, err := q.Get(ctx); return err })
	if q.Cap() > 0 {
		n := fill(t, q)
		check("Put", func() error { return q.Put(ctx, -1) })
		check("PutBatch", func() error { _, err := q.PutBatch(ctx, []int{-1, -2}); return err })
		if many != nil {
			check("Select, to put", func() error { _, err := queue.Select(ctx, many.PutCase(-1)); return err })
			check("Join", func() error { return many.Join(ctx) })
		}
		mustGet(t, q, upTo(n)...)
	}
	check("GetBatch", func() error { _, err := q.GetBatch(ctx, make([]int, 2)); return err })
	if many != nil {
		check("Select, to get", func() error { _, err := queue.Select(ctx, many.GetCase(nil)); return err })
		check("Select of nothing", func() error { _, err := queue.Select(ctx, queue.Case{}); return err })
	}
}

// If a context panics so does a call that has to wait, and nothing of it is left.
func TestContextThatPanics(t *testing.T) {
	for name, ctx := range map[string]brokenContext{
		"any":  {},
		"Done": {err: func() error { return nil }},
	} {
		t.Run(name, func(t *testing.T) {
			conformPair(t, everyKind(), func(t *testing.T, q subject[int]) {
				waitInVain(t, q, ctx, func(what string, call func() error) {
					require.Panics(t, func() { _ = call() }, what)
					gets, puts := q.Waiting()
					require.Zero(t, gets+puts, what)
				})
				mustPut(t, q, 1) // nobody is listed whom it could be handed to
				mustGet(t, q, 1)
			})
		})
	}
}

// If what a call needs comes before its context ends the call has it, even if it has found
// nothing until then, and found only after that that the context has ended.
func TestReadyGoesBeforeTheEndOfTheContext(t *testing.T) {
	end := make(chan struct{})
	close(end)
	conformPair(t, everyKind(), func(t *testing.T, q subject[int]) {
		many, _ := q.(*queue.Queue[int]) // or nil
		asked := 0
		after := func(ready func()) context.Context { // it ends just after ready, when it is asked
			asks := func() {
				if ready != nil {
					asked++
					ready()
					ready = nil
				}
			}
			return brokenContext{
				done: func() <-chan struct{} { asks(); return end },
				err:  func() error { asks(); return context.Canceled },
			}
		}
		item := func() context.Context { return after(func() { mustPut(t, q, 1) }) }
		room := func() context.Context {
			return after(func() {
				_, err := q.TryGet()
				require.NoError(t, err)
			})
		}
		_, err := q.Get(item())
		require.NoError(t, err)
		calls := 1
		if q.Cap() > 0 {
			fill(t, q)
			require.NoError(t, q.Put(room(), -1))
			n, err := q.PutBatch(room(), []int{-1}) // it may have been solo until now
			require.NoError(t, err)
			require.Equal(t, 1, n)
			calls += 2
			if many != nil {
				_, err = queue.Select(room(), many.PutCase(-1))
				require.NoError(t, err)
				calls++
			}
			for !q.Empty() {
				_, err := q.TryGet()
				require.NoError(t, err)
			}
		}
		_, err = q.GetBatch(item(), make([]int, 2))
		require.NoError(t, err)
		calls++
		if many != nil {
			_, err = queue.Select(item(), many.GetCase(nil))
			require.NoError(t, err)
			mustPut(t, q, 1)
			for many.Unfinished() > 1 {
				many.TaskDone()
			}
			require.NoError(t, many.Join(after(many.TaskDone)))
			mustGet(t, q, 1)
			calls += 2
		}
		_, err = q.Get(after(q.Close))
		require.Equal(t, queue.ErrClosed, err)
		require.Equal(t, calls+1, asked)
	})
}

// A context may ask the queue what it likes: nobody asks it under the lock.
func TestContextThatAsksTheQueue(t *testing.T) {
	conformPair(t, everyKind(), func(t *testing.T, q subject[int]) {
		asks := func() { q.Waiting(); q.Len(); q.Closed() }
		end := make(chan struct{})
		close(end)
		ctx := brokenContext{done: func() <-chan struct{} { asks(); return end }}
		for _, err := range []error{nil, context.Canceled} {
			ctx.err = func() error { asks(); return err }
			waitInVain(t, q, ctx, func(what string, call func() error) {
				require.Equal(t, context.Canceled, call(), what)
			})
		}
	})
}

// A context that has ended without an error does not make a call a success.
func TestContextThatEndsWithoutAnError(t *testing.T) {
	end := make(chan struct{})
	close(end)
	ctx := brokenContext{done: func() <-chan struct{} { return end }, err: func() error { return nil }}
	conformPair(t, everyKind(), func(t *testing.T, q subject[int]) {
		waitInVain(t, q, ctx, func(what string, call func() error) {
			require.Equal(t, context.Canceled, call(), what)
		})
	})
}

func TestDeadlineEndsTheWaitWhenItPasses(t *testing.T) {
	conformPair(t, everyKind(), func(t *testing.T, q subject[int]) {
		ctx, cancel := context.WithTimeout(bg, time.Minute)
		defer cancel()
		start := time.Now()
		_, err := q.Get(ctx)
		require.Equal(t, context.DeadlineExceeded, err)
		require.Equal(t, time.Minute, time.Since(start))
		if q.Cap() > 0 {
			fill(t, q)
			ctx, cancel := context.WithTimeout(bg, time.Hour)
			defer cancel()
			start = time.Now()
			require.Equal(t, context.DeadlineExceeded, q.Put(ctx, -1))
			require.Equal(t, time.Hour, time.Since(start))
		}
	})
}

// Wherever the cancelled ones stand in the list, the others are served, in
// order, and nobody else's item or wake-up goes with them.
func TestCancelAnywhereInTheList(t *testing.T) {
	const waiting = 5
	for set := range 1 << waiting {
		conform(t, []variant{{capacity: 0}, {capacity: 2}}, func(t *testing.T, q *queue.Queue[int]) {
			var gets []*call
			for range waiting {
				gets = append(gets, goGet(q))
			}
			for i, g := range gets {
				if set>>i&1 != 0 {
					g.cancel()
					g.ended(t, context.Canceled)
					q.CheckInvariants()
				}
			}
			next := 0
			for i, g := range gets {
				if set>>i&1 == 0 {
					mustPut(t, q, next)
					g.got(t, next)
					next++
				}
			}
			require.Zero(t, q.Len())
			if q.Cap() == 0 {
				return
			}
			n := fill(t, q)
			var puts []*call
			for i := range waiting {
				puts = append(puts, goPut(q, n+i))
			}
			want := upTo(n)
			for i, p := range puts {
				if set>>i&1 != 0 {
					p.cancel()
					p.ended(t, context.Canceled)
					q.CheckInvariants()
				} else {
					want = append(want, n+i)
				}
			}
			for _, v := range want {
				mustGet(t, q, v)
			}
			mustBeEmpty(t, q)
		})
	}
}

func TestNilContextNeverEnds(t *testing.T) {
	conformPair(t, everyKind(), func(t *testing.T, q subject[int]) {
		var none context.Context
		var got int
		go func() { got, _ = q.Get(none) }()
		synctest.Wait()
		require.NoError(t, q.Put(none, 5))
		synctest.Wait()
		require.Equal(t, 5, got)
		if q.Cap() > 0 {
			n := fill(t, q)
			returned := false
			go func() { _ = q.Put(none, n); returned = true }()
			synctest.Wait()
			require.False(t, returned)
			mustGet(t, q, 0)
			synctest.Wait()
			require.True(t, returned)
		}
	})
}

// Closing.

func TestCloseLetsEverythingOutThatIsOnItsWay(t *testing.T) {
	conformPair(t, bounded(), func(t *testing.T, q subject[int]) {
		n := fill(t, q)
		waiting := 5
		if isSPSC(q) {
			waiting = 1
		}
		var admitted []*call
		for i := range waiting {
			admitted = append(admitted, goPut(q, n+i))
		}
		require.False(t, q.Closed())
		q.Close()
		require.True(t, q.Closed())
		if !isSPSC(q) {
			require.Equal(t, queue.ErrClosed, q.Put(bg, -1))
			require.Equal(t, queue.ErrClosed, q.TryPut(-1), "closed goes before full")
		}
		for i := range n + waiting {
			require.False(t, q.Drained())
			for _, p := range admitted[min(i, waiting):] {
				p.waits(t)
			}
			mustGet(t, q, i)
			if i < waiting {
				admitted[i].ended(t, nil)
			}
		}
		mustBeDrained(t, q)
	})
}

func TestCloseWakesEveryWaitingGet(t *testing.T) {
	conformPair(t, everyKind(), func(t *testing.T, q subject[int]) {
		waiting := 10
		if isSPSC(q) {
			waiting = 1
		}
		var gets []*call
		for range waiting {
			gets = append(gets, goGet(q))
		}
		q.Close()
		for _, g := range gets {
			g.ended(t, queue.ErrClosed)
			require.Zero(t, g.v)
		}
		mustBeDrained(t, q)
	})
}

func TestCloseIsIdempotent(t *testing.T) {
	conformPair(t, everyKind(), func(t *testing.T, q subject[int]) {
		mustPut(t, q, 1)
		for range 3 {
			q.Close()
			require.True(t, q.Closed())
			require.False(t, q.Drained())
		}
		mustGet(t, q, 1)
		for range 3 {
			q.Close()
			mustBeDrained(t, q)
		}
	})
}

// With no consumer left, an admitted Put waits until its context ends; then it
// is as if it had not been there.
func TestAdmittedPutCanBeCancelled(t *testing.T) {
	conform(t, bounded(), func(t *testing.T, q *queue.Queue[int]) {
		n := fill(t, q)
		first, second := goPut(q, n), goPut(q, n+1)
		q.Close()
		time.Sleep(time.Hour)
		first.waits(t)
		first.cancel()
		first.ended(t, context.Canceled)
		second.waits(t)
		mustGet(t, q, upTo(n)...)
		second.ended(t, nil)
		mustGet(t, q, n+1)
		mustBeDrained(t, q)
	})
}

func TestLastAdmittedPutCancelled(t *testing.T) {
	conformPair(t, bounded(), func(t *testing.T, q subject[int]) {
		n := fill(t, q)
		p := goPut(q, n)
		q.Close()
		p.cancel()
		p.ended(t, context.Canceled)
		q.CheckInvariants()
		mustGet(t, q, upTo(n)...)
		mustBeDrained(t, q)
	})
}

// Iteration.

func TestAllYieldsUntilDrained(t *testing.T) {
	conformPair(t, everyKind(), func(t *testing.T, q subject[int]) {
		go func() {
			for i := range 30 {
				_ = q.Put(bg, i)
				time.Sleep(time.Second)
			}
			q.Close()
		}()
		require.Equal(t, upTo(30), slices.Collect(q.All(bg)))
		require.True(t, q.Drained())
		require.Empty(t, slices.Collect(q.All(bg)))
	})
}

func TestAllEndsWithItsContext(t *testing.T) {
	conformPair(t, everyKind(), func(t *testing.T, q subject[int]) {
		ctx, cancel := context.WithTimeout(bg, time.Hour)
		defer cancel()
		mustPut(t, q, 1)
		require.Equal(t, []int{1}, slices.Collect(q.All(ctx)))
		require.Error(t, ctx.Err())
		require.False(t, q.Closed())
		mustPut(t, q, 2)
		require.Equal(t, []int{2}, slices.Collect(q.All(ctx)), "an item there is yielded, as Get would")
	})
}

func TestAllTakesNoMoreThanItYields(t *testing.T) {
	conformPair(t, everyKind(), func(t *testing.T, q subject[int]) {
		n := fill(t, q)
		for v := range q.All(bg) {
			require.Zero(t, v)
			break
		}
		require.Equal(t, n-1, q.Len())
		mustGet(t, q, upTo(n)[1:]...)
	})
}

func TestLoopsShareAQueue(t *testing.T) {
	conform(t, everyKind(), func(t *testing.T, q *queue.Queue[int]) {
		var seen [3][]int
		for i := range seen {
			go func() {
				for v := range q.All(bg) {
					seen[i] = append(seen[i], v)
				}
			}()
		}
		for i := range 300 {
			require.NoError(t, q.Put(bg, i))
		}
		q.Close()
		synctest.Wait()
		all := slices.Concat(seen[:]...)
		for _, one := range seen {
			require.True(t, slices.IsSorted(one))
		}
		slices.Sort(all)
		require.Equal(t, upTo(300), all)
	})
}

// TestContractTable is the table of the contract, case by case.
func TestContractTable(t *testing.T) {
	const waits, ok = "waits", "<nil>"
	states := []struct {
		name    string
		bounded bool
		make    func(t *testing.T, q subject[int])
		want    map[string]string
	}{
		{
			"open, with items and room", false,
			func(t *testing.T, q subject[int]) { mustPut(t, q, 1) },
			map[string]string{"Put": ok, "TryPut": ok, "Get": ok, "TryGet": ok, "All": "yields"},
		},
		{
			"open, empty", false,
			func(*testing.T, subject[int]) {},
			map[string]string{"Put": ok, "TryPut": ok, "Get": waits, "TryGet": "queue: empty", "All": waits},
		},
		{
			"open, full", true,
			func(t *testing.T, q subject[int]) { fill(t, q) },
			map[string]string{"Put": waits, "TryPut": "queue: full", "Get": ok, "TryGet": ok, "All": "yields"},
		},
		{
			"open, full, Puts waiting", true,
			func(t *testing.T, q subject[int]) { goPut(q, fill(t, q)) },
			map[string]string{"Put": waits, "TryPut": "queue: full", "Get": ok, "TryGet": ok, "All": "yields"},
		},
		{
			"closed, items left", false,
			func(t *testing.T, q subject[int]) { mustPut(t, q, 1); q.Close() },
			map[string]string{"Put": "queue: closed", "TryPut": "queue: closed", "Get": ok, "TryGet": ok, "All": "yields"},
		},
		{
			"closed, full", true,
			func(t *testing.T, q subject[int]) { fill(t, q); q.Close() },
			map[string]string{"Put": "queue: closed", "TryPut": "queue: closed", "Get": ok, "TryGet": ok, "All": "yields"},
		},
		{
			"closed, Puts waiting", true,
			func(t *testing.T, q subject[int]) { goPut(q, fill(t, q)); q.Close() },
			map[string]string{"Put": "queue: closed", "TryPut": "queue: closed", "Get": ok, "TryGet": ok, "All": "yields"},
		},
		{
			"drained", false,
			func(t *testing.T, q subject[int]) { mustPut(t, q, 1); q.Close(); mustGet(t, q, 1) },
			map[string]string{"Put": "queue: closed", "TryPut": "queue: closed", "Get": "queue: closed", "TryGet": "queue: closed", "All": "ends"},
		},
		{
			"closed when empty", false,
			func(t *testing.T, q subject[int]) { q.Close() },
			map[string]string{"Put": "queue: closed", "TryPut": "queue: closed", "Get": "queue: closed", "TryGet": "queue: closed", "All": "ends"},
		},
	}
	calls := map[string]func(ctx context.Context, q subject[int]) string{
		"Put":    func(ctx context.Context, q subject[int]) string { return fmt.Sprint(q.Put(ctx, 9)) },
		"TryPut": func(_ context.Context, q subject[int]) string { return fmt.Sprint(q.TryPut(9)) },
		"Get":    func(ctx context.Context, q subject[int]) string { _, err := q.Get(ctx); return fmt.Sprint(err) },
		"TryGet": func(_ context.Context, q subject[int]) string { _, err := q.TryGet(); return fmt.Sprint(err) },
		"All": func(ctx context.Context, q subject[int]) string {
			for range q.All(ctx) {
				return "yields"
			}
			return "ends"
		},
	}
	for _, state := range states {
		require.Len(t, state.want, len(calls))
		for name, call := range calls {
			for _, k := range everyKind() {
				if state.bounded && k.capacity == 0 || state.name == "open, with items and room" && k.capacity == 1 {
					continue
				}
				test := func(t *testing.T, q subject[int]) {
					if isSPSC(q) && strings.HasSuffix(state.name, "Puts waiting") && strings.HasSuffix(name, "Put") {
						return // there would be two putters
					}
					state.make(t, q)
					ctx, cancel := context.WithCancel(bg)
					got := waits
					go func() { got = call(ctx, q) }()
					synctest.Wait()
					assert.Equal(t, state.want[name], got)
					cancel()
					q.Close()
					synctest.Wait()
					for range q.All(bg) { // let the waiting Puts go
					}
				}
				t.Run(fmt.Sprintf("%s/%s", state.name, name), func(t *testing.T) { conformPair(t, []variant{k}, test) })
			}
		}
	}
}

// TestDemonstration is the program that the queue descends from: a producer that
// puts an item every 0.5 s, a consumer that takes 0.6 s for each, ten items,
// then close. Two items of room make the producer wait in the end.
func TestDemonstration(t *testing.T) {
	conformPair(t, []variant{{capacity: 2}}, func(t *testing.T, q subject[int]) {
		const unit = 100 * time.Millisecond
		start := time.Now()
		at := func() int { return int(time.Since(start) / unit) }
		var put, got []int
		go func() {
			for i := range 10 {
				time.Sleep(5 * unit)
				if err := q.Put(bg, i); err != nil {
					t.Errorf("Put(%d): %v", i, err)
				}
				put = append(put, at())
			}
			q.Close()
		}()
		var items []int
		for v := range q.All(bg) {
			items = append(items, v)
			got = append(got, at())
			time.Sleep(6 * unit)
		}
		require.Equal(t, upTo(10), items)
		require.Equal(t, []int{5, 10, 15, 20, 25, 30, 35, 40, 45, 50}, put)
		require.Equal(t, []int{5, 11, 17, 23, 29, 35, 41, 47, 53, 59}, got)
		require.Equal(t, 65, at())
		mustBeDrained(t, q)
	})
}

// The same with a slower consumer: the producer is held back to its pace.
func TestDemonstrationBackPressure(t *testing.T) {
	conformPair(t, []variant{{capacity: 2}}, func(t *testing.T, q subject[int]) {
		start := time.Now()
		go func() {
			for i := range 10 {
				time.Sleep(500 * time.Millisecond)
				if err := q.Put(bg, i); err != nil {
					t.Errorf("Put(%d): %v", i, err)
				}
				require.LessOrEqual(t, q.Len(), 2)
			}
			q.Close()
		}()
		n := 0
		for v := range q.All(bg) {
			require.Equal(t, n, v)
			n++
			time.Sleep(2 * time.Second)
		}
		require.Equal(t, 10, n)
		require.Equal(t, 20500*time.Millisecond, time.Since(start))
	})
}

// Misuse.

func TestQueueNotMadeByNewPanics(t *testing.T) {
	for name, use := range map[string]func(q subject[int]){
		"Put":     func(q subject[int]) { _ = q.Put(bg, 1) },
		"TryPut":  func(q subject[int]) { _ = q.TryPut(1) },
		"Get":     func(q subject[int]) { _, _ = q.Get(bg) },
		"TryGet":  func(q subject[int]) { _, _ = q.TryGet() },
		"All":     func(q subject[int]) { _ = slices.Collect(q.All(bg)) },
		"Close":   func(q subject[int]) { q.Close() },
		"Closed":  func(q subject[int]) { q.Closed() },
		"Drained": func(q subject[int]) { q.Drained() },
		"Len":     func(q subject[int]) { q.Len() },
		"Cap":     func(q subject[int]) { q.Cap() },
		"Empty":   func(q subject[int]) { q.Empty() },
		"Full":    func(q subject[int]) { q.Full() },
	} {
		t.Run(name, func(t *testing.T) {
			require.PanicsWithValue(t, "queue: a queue must be made by New or NewSPSC", func() { use(new(queue.Queue[int])) })
			require.PanicsWithValue(t, "queue: a queue must be made by New or NewSPSC", func() { use(new(queue.SPSC[int])) })
		})
	}
}

func TestCapacityBeyondTheAddressSpacePanics(t *testing.T) {
	require.PanicsWithValue(t, "queue: capacity exceeds the address space", func() { queue.New[int](math.MaxInt) })
	require.PanicsWithValue(t, "queue: capacity exceeds the address space", func() { queue.NewSPSC[int](math.MaxInt) })
}

// Any T will do: of no size, large, with pointers, an interface, a function.
func TestItemTypes(t *testing.T) {
	for _, capacity := range []int{0, 1, 3} {
		testItem(t, capacity, struct{}{})
		testItem(t, capacity, [3]byte{1, 2, 3})
		testItem(t, capacity, [1000]int{999: 7})
		testItem(t, capacity, "text")
		testItem(t, capacity, &bg)
		testItem(t, capacity, any(3.5))
		testItem(t, capacity, error(nil))
		testItem(t, capacity, []*int{nil})
	}
}

func testItem[T any](t *testing.T, capacity int, v T) {
	t.Helper()
	testItemIn(t, queue.New[T](capacity), v)
	if capacity > 0 {
		testItemIn(t, queue.NewSPSC[T](capacity), v)
	}
}

func testItemIn[T any](t *testing.T, q subject[T], v T) {
	t.Helper()
	for range 100 {
		require.NoError(t, q.Put(bg, v))
		got, err := q.Get(bg)
		require.NoError(t, err)
		require.Equal(t, v, got)
	}
	done := make(chan error)
	go func() {
		got, err := q.Get(bg)
		assert.Equal(t, v, got)
		done <- err
	}()
	require.NoError(t, q.Put(bg, v))
	require.NoError(t, <-done)
}
