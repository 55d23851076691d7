package queue_test

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/parkring/queue"
	"github.com/parkring/queue/internal/stall"
	"github.com/parkring/queue/parking"
)

// A queue of few slots becomes solo as soon as a Get waits, if its calls do not look, one of some
// more if calls may not yield, as in a crowd; no other does.
func TestWhenSoloBegins(t *testing.T) {
	for _, c := range []struct {
		capacity, puts, gets int // so many Puts wait, then all items are taken, then so many Gets wait
		blind, solo          bool
	}{
		{1, 0, 1, true, true},
		{1, 0, 2, true, true},
		{1, 2, 0, true, false},
		{1, 1, 1, true, true},
		{1, 2, 1, true, true},
		{queue.AtOnce, 0, 1, true, true},
		{queue.AtOnce + 1, 0, 1, true, false},
		{queue.AtOnce + 1, 0, 3, true, false},
		{queue.AtOnce + 1, 0, 4, true, true},
		{queue.AtOnce + 1, 4, 1, true, true},
		{queue.MostSolo, 0, 4, true, true},
		{queue.MostSolo + 1, 4, 4, true, false},
		{0, 0, 4, true, false},
		{1, 2, 2, false, false},
	} {
		t.Run(fmt.Sprint(c), func(t *testing.T) {
			defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(2))
			inBubble(t, variant{capacity: c.capacity}.make, func(t *testing.T, q *queue.Queue[int]) {
				if c.blind {
					q.DoNotLook()
				} else if !q.Looking() {
					t.Skip("calls never look with one processor")
				}
				if c.puts > 0 {
					mustPut(t, q, make([]int, c.capacity)...)
				}
				for range c.puts {
					goPut(q, 0)
				}
				for q.Len() > 0 {
					mustGet(t, q, 0)
				}
				for range c.gets {
					goGet(q)
				}
				require.Equal(t, c.solo, q.Alone())
				mustPut(t, q, make([]int, c.gets)...)
				require.Equal(t, c.solo, q.Alone(), "it goes on when they are served")
			})
		})
	}
}

// With one processor calls never look. Nor does it matter how large the items are.
func TestSoloWithOneProcessor(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	q := queue.New[[1024]byte](queue.AtOnce)
	done := make(chan error)
	go func() { _, err := q.Get(bg); done <- err }()
	for gets := 0; gets < 1; gets, _ = q.Waiting() {
		runtime.Gosched()
	}
	require.True(t, q.Alone())
	require.NoError(t, q.Put(bg, [1024]byte{}))
	require.NoError(t, <-done)
}

// Nothing is lost, and nothing overtaken, when it ends, whatever is in the queue then and
// whoever waits.
func TestWhatEndsSolo(t *testing.T) {
	ended, cancel := context.WithCancel(bg)
	cancel()
	observers := map[string]func(q *queue.Queue[int]){
		"Len":     func(q *queue.Queue[int]) { q.Len() },
		"Stats":   func(q *queue.Queue[int]) { q.Stats() },
		"Closed":  func(q *queue.Queue[int]) { q.Closed() },
		"Drained": func(q *queue.Queue[int]) { q.Drained() },
		"Done":    func(q *queue.Queue[int]) { q.Done() },
		"TrySelect": func(q *queue.Queue[int]) {
			var cases []queue.Case // none is ready
			if q.Empty() {
				cases = append(cases, q.GetCase(nil))
			}
			if q.Full() {
				cases = append(cases, q.PutCase(-1))
			}
			_, _ = queue.TrySelect(cases...)
		},
	}
	others := map[string]func(q *queue.Queue[int]){
		"TaskDone":    func(q *queue.Queue[int]) { q.TaskDone() },
		"Unfinished":  func(q *queue.Queue[int]) { q.Unfinished() },
		"Join":        func(q *queue.Queue[int]) { _ = q.Join(ended) },
		"PutBatch":    func(q *queue.Queue[int]) { _, _ = q.PutBatch(bg, nil) },
		"TryPutBatch": func(q *queue.Queue[int]) { _, _ = q.TryPutBatch(nil) },
		"GetBatch":    func(q *queue.Queue[int]) { _, _ = q.GetBatch(bg, nil) },
		"TryGetBatch": func(q *queue.Queue[int]) { _, _ = q.TryGetBatch(nil) },
	}
	for _, calls := range []map[string]func(q *queue.Queue[int]){observers, others} {
		for name, do := range calls {
			t.Run(name, func(t *testing.T) {
				for _, k := range bounded() {
					for n := 0; k.solo && n <= k.capacity; n++ {
						inBubble(t, k.make, func(t *testing.T, q *queue.Queue[int]) {
							for i := range n + 1 { // the ring begins elsewhere each time
								mustPut(t, q, i)
								mustGet(t, q, i)
							}
							for i := range n {
								mustPut(t, q, i)
							}
							var gets, puts []*call
							for i := range 2 {
								if n == 0 {
									gets = append(gets, goGet(q))
								}
								if n == k.capacity {
									puts = append(puts, goPut(q, n+i))
								}
							}
							do(q)
							require.Equal(t, calls["Len"] != nil, q.Alone())
							for i, get := range gets {
								mustPut(t, q, i)
								get.got(t, i)
							}
							for i := range n + len(puts) {
								mustGet(t, q, i)
							}
							for _, put := range puts {
								put.ended(t, nil)
							}
							mustBeEmpty(t, q)
							want := uint64(n + 1 + n + len(gets) + len(puts))
							require.Equal(t, queue.Stats{Cap: k.capacity, Puts: want, Gets: want}, q.Stats())
						})
					}
				}
			})
		}
	}
}

// It ends when calls are to look, for the next that would have to wait, and begins again when
// they do not look any more.
func TestSoloWhileCallsDoNotLook(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(2))
	if q := queue.New[int](1); !q.Looking() {
		t.Skip("calls never look with one processor")
	}
	for _, putWaits := range []bool{false, true} {
		t.Run(fmt.Sprintf("putWaits=%v", putWaits), func(t *testing.T) {
			inBubble(t, variant{capacity: 2, solo: true}.make, func(t *testing.T, q *queue.Queue[int]) {
				for range 3 {
					require.True(t, q.Alone())
					mustPut(t, q, 1)
					q.Look()
					mustPut(t, q, 2)
					require.True(t, q.Alone(), "a call that need not wait does not ask")
					if putWaits {
						put := goPut(q, 3)
						require.False(t, q.Alone())
						mustGet(t, q, 1)
						put.ended(t, nil)
						mustGet(t, q, 2)
						mustGet(t, q, 3)
					} else {
						mustGet(t, q, 1)
						mustGet(t, q, 2)
					}
					get := goGet(q)
					require.False(t, q.Alone())
					mustPut(t, q, 4)
					get.got(t, 4)
					q.DoNotLook()
					get = goGet(q)
					require.True(t, q.Alone())
					mustPut(t, q, 5)
					get.got(t, 5)
				}
			})
		})
	}
}

// It ends when calls fight for the lock, and rests then: longer each time, but what has been
// without fights is counted for it.
func TestSoloEndsWhenCallsFight(t *testing.T) {
	inBubble(t, variant{capacity: 1, solo: true}.make, func(t *testing.T, q *queue.Queue[int]) {
		wait := func() {
			get := goGet(q)
			mustPut(t, q, 1)
			get.got(t, 1)
		}
		// fight has calls fight so often that it ends, and returns how long it rests then.
		fight := func() (rest int) {
			for range 300 { // the fights of before do not count any more
				q.Fight()
				for range 100 {
					wait()
				}
				require.True(t, q.Alone(), "some fights do no harm")
			}
			for n := 0; q.Alone(); n++ {
				require.Less(t, n, 20)
				q.Fight()
			}
			for ; !q.Alone(); rest++ {
				require.Less(t, rest, 100_000)
				wait()
			}
			return rest
		}
		first := fight()
		require.Greater(t, first, 1000)
		require.Less(t, first, 1100)
		require.Less(t, fight(), 1100, "it has gone well for long")
		again := func() (rest int) {
			for q.Alone() {
				q.Fight()
			}
			for ; !q.Alone(); rest++ {
				wait()
			}
			return rest
		}
		second := again()
		require.Greater(t, second, 2*first-100)
		require.Greater(t, again(), 2*second-100)
	})
}

// Puts that find room, and polls of no use, end it, unless calls wait in between; and for a
// while only.
func TestSoloEndsWhenNobodyWaits(t *testing.T) {
	defer queue.SoloEndsAfter(queue.Never, 10)()
	for name, do := range map[string]func(t *testing.T, q *queue.Queue[int]){
		"TryPut": func(t *testing.T, q *queue.Queue[int]) { require.ErrorIs(t, q.TryPut(2), queue.ErrFull) },
		"TryGet": func(t *testing.T, q *queue.Queue[int]) { mustBeEmpty(t, q) },
		"Put": func(t *testing.T, q *queue.Queue[int]) {
			mustPut(t, q, 2)
			mustGet(t, q, 2)
		},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, variant{capacity: 1, solo: true}.make, func(t *testing.T, q *queue.Queue[int]) {
				if name == "TryPut" {
					mustPut(t, q, 1)
				}
				for range 3 {
					for range 200 {
						do(t, q)
					}
					require.True(t, q.Alone())
					if name == "TryPut" {
						put := goPut(q, 1)
						mustGet(t, q, 1)
						put.ended(t, nil)
					} else {
						get := goGet(q)
						mustPut(t, q, 3)
						get.got(t, 3)
					}
				}
				for range 1000 {
					do(t, q)
				}
				require.False(t, q.Alone())
				if name == "TryPut" {
					mustGet(t, q, 1)
				}
				mustBeEmpty(t, q)
				for range 20 {
					get := goGet(q)
					mustPut(t, q, 4)
					get.got(t, 4)
				}
				require.True(t, q.Alone(), "it begins again")
			})
		})
	}
}

// On the side that has more calls with a waiter all yield, on the other one the first, if that
// side is not much the smaller. If there are very many they do on a side with three times as
// many, once there have been some on the other, or the first of each if there are about as many.
func TestWhoYieldsSolo(t *testing.T) {
	defer queue.SoloEndsAfter(queue.Never, 1)()
	for _, c := range []struct {
		capacity, own, others int    // so many of each side have been served, and have not run since
		yields                []bool // those who come one after the other
	}{
		{2, 0, 0, []bool{true, true, true}},
		{2, 0, 1, []bool{true, true, true}},
		{2, 0, 2, []bool{true, false, true}},
		{2, 0, 3, []bool{false, false, false, true}},
		{2, 0, 5, []bool{false, false, false, false, false, true}},
		{2, 1, 4, []bool{true, false, false, true}},
		{2, 1, 5, []bool{false, false, false, false, true}},
		{3, 0, 1, []bool{true, true}},
		{3, 0, 2, []bool{false, false, true}},
		{3, 1, 4, []bool{true, false, false, true}},
		{1, 0, 1, []bool{true, true}},
		{1, 0, 3, []bool{true, false, false}},
		{1, 0, 4, []bool{false, false}},
		{1, 1, 7, []bool{true, false}},
		{1, 1, 8, []bool{false, false}},
		{1, 9, 22, []bool{false}},
		{2, 9, 21, []bool{true}},
		{2, 9, 22, []bool{false}},
		{2, 10, 21, []bool{true}},
		{2, 15, 48, []bool{false}},
		{2, 29, 34, []bool{true, false}},
		{2, 28, 35, []bool{false}},
		{2, 33, 30, []bool{true, false}},
		{2, 34, 29, []bool{false}},
		{2, 46, 17, []bool{false}},
		{2, 47, 16, []bool{true, true}},
		{2, 158, 160, []bool{true, false}},
		{2, 159, 160, []bool{false}},
		{2, 269, 50, []bool{false}},
		{2, 268, 50, []bool{true, false}},
	} {
		t.Run(fmt.Sprint(c), func(t *testing.T) {
			q := queue.NewSolo[int](c.capacity, 0)
			n := len(c.yields)
			put := func(n int) { mustPut(t, q, make([]int, n)...) }
			get := func(n int) { mustGet(t, q, make([]int, n)...) }
			var gets, puts []bool
			q.SoloWaits(false, c.others, func() {
				put(c.others + c.capacity)
				q.SoloWaits(true, c.own, func() {
					get(c.own + c.capacity)
					put(c.capacity)
					puts = q.SoloWaits(true, n, func() { get(c.capacity + n) })
				})
			})
			put(c.capacity)
			q.SoloWaits(true, c.others, func() {
				get(c.capacity + c.others)
				q.SoloWaits(false, c.own, func() {
					put(c.own)
					gets = q.SoloWaits(false, n, func() { put(n) })
				})
			})
			require.Equal(t, c.yields, puts, "Puts")
			require.Equal(t, c.yields, gets, "Gets")
		})
	}
	q := queue.NewSolo[int](1, 0)
	for i, yields := range q.SoloWaits(false, 400, func() { mustPut(t, q, make([]int, 400)...) }) {
		require.Equal(t, i < 63, yields, "%d before", i)
	}
	mustPut(t, q, 0)
	require.Equal(t, []bool{true}, q.SoloWaits(true, 1, func() { mustGet(t, q, 0, 0) }), "they are gone")
}

// That yields were of no use before says nothing of those of calls that are listed.
func TestSoloForgetsVainYields(t *testing.T) {
	q := queue.New[int](1)
	for range 10 {
		q.YieldInVain()
	}
	q.BeginSolo()
	require.Equal(t, []bool{true}, q.SoloWaits(false, 1, func() { mustPut(t, q, 0) }))
	mustPut(t, q, 0)
	require.Equal(t, []bool{true}, q.SoloWaits(true, 1, func() { mustGet(t, q, 0, 0) }))
}

// A yield in which many items have moved does not count as long.
func TestSoloYieldsWhileItemsMove(t *testing.T) {
	if stall.Enabled {
		t.Skip("nobody looks at the clock")
	}
	q := queue.NewSolo[int](1, 0)
	long := func() { time.Sleep(time.Millisecond) }
	require.True(t, q.SoloYield(1_000_000_000, long))
	require.False(t, q.SoloYield(100, long))
}

// Whether they have moved fast is asked for the time since it was asked before.
func TestSoloFlow(t *testing.T) {
	q := queue.NewSolo[int](1, 0)
	began := parking.Now()
	us := func(n int) time.Duration { return began + time.Duration(n)*time.Microsecond }
	q.SoloMove(1000)
	require.True(t, q.SoloFlow(us(1), us(900)))
	require.False(t, q.SoloFlow(us(900), us(1100)), "that was before")
	q.SoloMove(50)
	require.False(t, q.SoloFlow(us(1200), us(1210)))
	q.SoloMove(50)
	require.True(t, q.SoloFlow(us(1220), us(1230)))
	require.True(t, q.SoloFlow(us(1229), us(1240)), "somebody else has asked")
	q.SoloMove(1000)
	q.Share()
	require.False(t, q.SoloFlow(us(1250), us(1260)), "it is not solo")
}

// A waiter is known for one of a Put, or of a Get, solo or not.
func TestWhoHasWaiters(t *testing.T) {
	for _, k := range bounded() {
		inBubble(t, k.make, func(t *testing.T, q *queue.Queue[int]) {
			have := func(puts, gets int) {
				p, g := q.HaveWaiters()
				require.Equal(t, [2]int{puts, gets}, [2]int{p, g}, "%v", k)
			}
			var calls []*call
			for i := range 3 {
				calls = append(calls, goGet(q))
				have(0, i+1)
			}
			for i := range calls {
				mustPut(t, q, i)
				calls[i].got(t, i)
				have(0, 2-i)
			}
			mustPut(t, q, make([]int, k.capacity)...)
			for i := range calls {
				calls[i] = goPut(q, 0)
				have(i+1, 0)
			}
			for i := range calls {
				mustGet(t, q, 0)
				calls[i].ended(t, nil)
				have(2-i, 0)
			}
		})
	}
}

// How many calls have a waiter is counted when the first of sixteen comes to wait.
func TestSoloCountsWhoWaits(t *testing.T) {
	inBubble(t, variant{capacity: 2, solo: true}.make, func(t *testing.T, q *queue.Queue[int]) {
		for waits := 0; waits < 60; {
			var gets [3]*call
			for i := range gets { // they wait at once
				gets[i] = goGet(q)
				_, n := q.SoloCompany()
				require.Equal(t, waits/16*16%3+1, n, "after %d waits", waits)
				waits++
			}
			for i, get := range gets {
				mustPut(t, q, i)
				get.got(t, i)
			}
		}
	})
}

// A call whose context has ended does not wait, not even for the time of a yield in which it
// would be served.
func TestEndedContextDoesNotYieldSolo(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	ended, cancel := context.WithCancel(bg)
	cancel()
	q := queue.NewSolo[int](1, 0)
	for range 100 {
		var wg sync.WaitGroup
		wg.Go(func() { _ = q.Put(bg, 1) }) // when this goroutine yields or sleeps
		_, err := q.Get(ended)
		require.ErrorIs(t, err, context.Canceled)
		wg.Wait()
		wg.Go(func() { _, _ = q.Get(bg) })
		require.ErrorIs(t, q.Put(ended, 2), context.Canceled)
		wg.Wait()
	}
	require.True(t, q.Alone())
}
