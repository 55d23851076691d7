package queue_test

import (
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/parkring/queue"
)

func TestCloseNowReturnsTheItemsInOrder(t *testing.T) {
	conform(t, everyKind(), func(t *testing.T, q *queue.Queue[int]) {
		n := fill(t, q)
		mustGet(t, q, 0)
		require.Equal(t, upTo(n)[1:], q.CloseNow())
		mustBeDrained(t, q)
		require.Zero(t, q.Len())
		require.Equal(t, queue.ErrClosed, q.TryPut(0))
		require.Empty(t, q.CloseNow(), "the second time")
		q.Close()
		mustBeDrained(t, q)
	})
}

func TestCloseNowOfAnEmptyQueue(t *testing.T) {
	conform(t, everyKind(), func(t *testing.T, q *queue.Queue[int]) {
		require.Empty(t, q.CloseNow())
		mustBeDrained(t, q)
	})
}

func TestCloseNowTakesFromAllRings(t *testing.T) {
	for _, taken := range []int{0, 1, 31, 32, 33, 5000, 99_999} {
		q := queue.New[int](0)
		mustPut(t, q, upTo(100_000)...)
		mustGet(t, q, upTo(taken)...)
		require.Equal(t, upTo(100_000)[taken:], q.CloseNow())
		mustBeDrained(t, q)
	}
}

func TestCloseNowFailsWaitingPuts(t *testing.T) {
	for _, admitted := range []bool{false, true} {
		conform(t, bounded(), func(t *testing.T, q *queue.Queue[int]) {
			n := fill(t, q)
			puts := []*call{goPut(q, -1), goPut(q, -2), goPut(q, -3)}
			if admitted {
				q.Close()
				puts[0].waits(t)
			}
			require.Equal(t, upTo(n), q.CloseNow())
			for _, c := range puts {
				c.ended(t, queue.ErrClosed)
			}
			mustBeDrained(t, q)
		})
	}
}

func TestCloseNowEndsWaitingGets(t *testing.T) {
	conform(t, everyKind(), func(t *testing.T, q *queue.Queue[int]) {
		gets := []*call{goGet(q), goGet(q)}
		require.Empty(t, q.CloseNow())
		for _, c := range gets {
			c.ended(t, queue.ErrClosed)
		}
	})
}

// Each value ends in one place: with CloseNow, with a Get, or with its producer.
func TestCloseNowRacesWithEverything(t *testing.T) {
	const producers, consumers, each = 4, 3, 50
	for _, k := range []variant{{capacity: 1}, {capacity: 3}, {capacity: 64}, {capacity: 0}} {
		t.Run(k.String(), func(t *testing.T) {
			defer watch(t)()
			for range races(500) {
				q := k.make()
				var places [producers * each]atomic.Int32
				var wg sync.WaitGroup
				for p := range producers {
					wg.Go(func() {
						for i := range each {
							v := p*each + i
							if q.Put(bg, v) != nil {
								places[v].Add(1)
							}
						}
					})
				}
				for range consumers {
					wg.Go(func() {
						for v := range q.All(bg) {
							places[v].Add(1)
						}
					})
				}
				for range 2 {
					wg.Go(func() {
						sometimes()
						items := q.CloseNow()
						for _, v := range items {
							places[v].Add(1)
						}
						for p := range producers { // in order
							var of []int
							for _, v := range items {
								if v/each == p {
									of = append(of, v)
								}
							}
							if !slices.IsSorted(of) {
								t.Errorf("items of producer %d: %v", p, of)
							}
						}
					})
				}
				wg.Wait()
				for v := range places {
					require.EqualValues(t, 1, places[v].Load(), "places of item %d", v)
				}
				q.CheckInvariants()
				require.True(t, q.Drained())
			}
		})
	}
}

// isClosed reports whether done, of a call of Done before, is closed. (The call itself would
// close it.)
func isClosed(done <-chan struct{}) bool {
	select {
	case <-done:
		return true
	default:
		return false
	}
}

func TestDoneIsClosedWhenTheQueueIsDrained(t *testing.T) {
	for _, early := range []bool{false, true} { // Done is called before, or not
		conform(t, everyKind(), func(t *testing.T, q *queue.Queue[int]) {
			var done <-chan struct{}
			if early {
				done = q.Done()
			}
			n := fill(t, q)
			q.Close()
			for i := range n {
				require.False(t, isClosed(done), "with %d items", q.Len())
				mustGet(t, q, i)
			}
			if !early {
				done = q.Done()
			}
			require.True(t, isClosed(done))
			require.Equal(t, done, q.Done())
		})
		conform(t, everyKind(), func(t *testing.T, q *queue.Queue[int]) {
			var done <-chan struct{}
			if early {
				done = q.Done()
			}
			get := goGet(q)
			require.False(t, isClosed(done))
			q.Close()
			if !early {
				done = q.Done()
			}
			require.True(t, isClosed(done))
			get.ended(t, queue.ErrClosed)
		})
	}
}

// A Get has a look of its own at what TryGet notices.
func TestGetOfTheLastItemClosesDone(t *testing.T) {
	conform(t, everyKind(), func(t *testing.T, q *queue.Queue[int]) {
		done := q.Done()
		n := fill(t, q)
		q.Close()
		require.False(t, isClosed(done))
		for i := range n {
			v, err := q.Get(bg)
			require.NoError(t, err)
			require.Equal(t, i, v)
		}
		require.True(t, isClosed(done))
	})
}

func TestDoneWaitsForAdmittedPuts(t *testing.T) {
	conform(t, bounded(), func(t *testing.T, q *queue.Queue[int]) {
		done := q.Done()
		n := fill(t, q)
		put := goPut(q, n)
		q.Close()
		for i := range n {
			mustGet(t, q, i)
			require.False(t, isClosed(done))
		}
		put.ended(t, nil)
		mustGet(t, q, n)
		require.True(t, isClosed(done))
	})
}

func TestDoneAfterCloseNow(t *testing.T) {
	conform(t, everyKind(), func(t *testing.T, q *queue.Queue[int]) {
		fill(t, q)
		done := q.Done()
		q.CloseNow()
		<-done
	})
}

func TestDoneCanBeWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := queue.New[int](1)
		mustPut(t, q, 1)
		go func() {
			time.Sleep(time.Hour)
			q.Close()
			time.Sleep(time.Hour)
			mustGet(t, q, 1)
		}()
		start := time.Now()
		<-q.Done()
		require.Equal(t, 2*time.Hour, time.Since(start))
	})
}

// Whoever has been told that the queue is drained finds Done closed.
func TestDoneIsNotLaterThanErrClosed(t *testing.T) {
	for _, capacity := range []int{1, 2, 0} {
		t.Run(fmt.Sprint(capacity), func(t *testing.T) {
			for range races(2000) {
				q := queue.New[int](capacity)
				done := q.Done()
				mustPut(t, q, 1)
				var wg sync.WaitGroup
				for range 3 {
					wg.Go(func() {
						for {
							if _, err := q.Get(bg); err != nil {
								break
							}
						}
						if !isClosed(done) {
							t.Error("ErrClosed, but not done")
						}
					})
				}
				sometimes()
				q.Close()
				wg.Wait()
			}
		})
	}
}

// A Get that has taken the last item, and does not get on, holds up nobody who is told that
// the queue is drained, or asks for Done.
func TestDrainedMeansDone(t *testing.T) {
	for name, ask := range map[string]func(q *queue.Queue[int]){
		"Drained": func(q *queue.Queue[int]) { require.True(t, q.Drained()) },
		"Done":    func(q *queue.Queue[int]) { q.Done() },
		"Get": func(q *queue.Queue[int]) {
			_, err := q.Get(bg)
			require.Equal(t, queue.ErrClosed, err)
		},
		"TryGet": func(q *queue.Queue[int]) {
			_, err := q.TryGet()
			require.Equal(t, queue.ErrClosed, err)
		},
		"GetBatch": func(q *queue.Queue[int]) {
			_, err := q.GetBatch(bg, make([]int, 1))
			require.Equal(t, queue.ErrClosed, err)
		},
		"TryGetBatch": func(q *queue.Queue[int]) {
			_, err := q.TryGetBatch(make([]int, 1))
			require.Equal(t, queue.ErrClosed, err)
		},
		"empty GetBatch": func(q *queue.Queue[int]) {
			_, err := q.GetBatch(bg, nil)
			require.Equal(t, queue.ErrClosed, err)
		},
		"Select": func(q *queue.Queue[int]) {
			var v int
			_, err := queue.TrySelect(q.GetCase(&v))
			require.Equal(t, queue.ErrClosed, err)
		},
	} {
		t.Run(name, func(t *testing.T) {
			conform(t, everyKind(), func(t *testing.T, q *queue.Queue[int]) {
				done := q.Done()
				mustPut(t, q, 1)
				q.Close()
				q.GetAndStop()
				ask(q)
				if !isClosed(done) {
					t.Error("drained, but not done")
				}
				require.Equal(t, done, q.Done())
			})
		})
	}
}

// Whoever closes the channel of Done, they all do, and it is done when they return.
func TestManyCloseDone(t *testing.T) {
	const n = 4
	for range races(2000) {
		q := queue.New[int](1)
		done := q.Done()
		mustPut(t, q, 1)
		q.Close()
		q.GetAndStop()
		var wg sync.WaitGroup
		for range n {
			wg.Go(func() {
				sometimes()
				if !q.Drained() {
					t.Error("not drained")
				}
				if !isClosed(done) {
					t.Error("drained, but not done")
				}
			})
		}
		wg.Wait()
	}
}

// Done returns one channel, whoever asks first.
func TestDoneIsOneChannel(t *testing.T) {
	for range races(2000) {
		q := queue.New[int](1)
		got := make(chan (<-chan struct{}), 2)
		for range 2 {
			go func() {
				sometimes()
				got <- q.Done()
			}()
		}
		require.Equal(t, <-got, <-got)
	}
}
