package queue_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"runtime/pprof"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/parkring/queue"
)

// TestStress puts producers and consumers to work on one queue, with contexts
// that end at any time and a close in the middle, and then settles accounts:
// every item that was accepted has been delivered exactly once, no other item
// has, and the items of each producer reached each consumer in order.
func TestStress(t *testing.T) {
	items := 20_000
	if testing.Short() {
		items = 1000
	}
	for _, procs := range []int{1, 2, 4} {
		for _, capacity := range []int{0, 1, 2, 3, 7, 64, 1000} {
			for _, shape := range []struct{ producers, consumers int }{{1, 1}, {2, 3}, {8, 8}, {1, 8}, {8, 1}} {
				for _, mode := range []mode{calm, cancelling, closing, tryOnly} {
					name := fmt.Sprintf("procs=%d/cap=%d/p=%d/c=%d/%s", procs, capacity, shape.producers, shape.consumers, mode)
					t.Run(name, func(t *testing.T) {
						defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(procs))
						stress(t, queue.New[item](capacity), shape.producers, shape.consumers, items/shape.producers, mode)
					})
				}
			}
		}
	}
}

// mode says what happens beside puts and gets.
type mode string

const (
	calm       mode = "calm"       // close comes when all is put
	cancelling mode = "cancelling" // one context in four ends within 50 us
	closing    mode = "closing"    // and close comes in the middle
	tryOnly    mode = "try"        // half the calls do not wait; close in the middle
)

// item is the seq-th put of a producer.
type item struct{ producer, seq int }

func stress(t *testing.T, q *queue.Queue[item], producers, consumers, each int, m mode) {
	defer watch(t)()
	accepted := make([][]bool, producers)  // by producer and seq
	delivered := make([][]item, consumers) // by consumer, in order
	var progress atomic.Int64              // items put, for the closer to watch

	var putting, getting sync.WaitGroup
	for p := range producers {
		accepted[p] = make([]bool, each)
		putting.Go(func() {
			for i := range each {
				err := put(q, item{p, i}, m)
				progress.Add(1)
				switch {
				case err == nil:
					accepted[p][i] = true
				case err == queue.ErrClosed:
					if m == calm || m == cancelling {
						t.Error("closed before its time")
					}
					return
				case err == context.DeadlineExceeded && m != calm:
				default:
					t.Errorf("Put: %v", err)
					return
				}
			}
		})
	}
	for c := range consumers {
		getting.Go(func() {
			for {
				v, err := get(q, m)
				switch {
				case err == nil:
					delivered[c] = append(delivered[c], v)
				case err == queue.ErrClosed:
					return
				case err == context.DeadlineExceeded && m != calm:
				default:
					t.Errorf("Get: %v", err)
					return
				}
			}
		})
	}
	if m == closing || m == tryOnly {
		for middle := int64(producers*each) / 2; progress.Load() < middle; {
			runtime.Gosched()
		}
		q.Close()
	}
	putting.Wait()
	q.Close()
	getting.Wait()
	if !q.Drained() || q.Len() != 0 {
		t.Errorf("at the end: Drained %v, Len %d", q.Drained(), q.Len())
	}
	q.CheckInvariants()

	seen := make([][]bool, producers)
	for p := range seen {
		seen[p] = make([]bool, each)
	}
	for c, items := range delivered {
		last := make([]int, producers)
		for _, v := range items {
			if seen[v.producer][v.seq] {
				t.Errorf("%v delivered twice", v)
			}
			seen[v.producer][v.seq] = true
			if v.seq+1 <= last[v.producer] {
				t.Errorf("consumer %d: %v after number %d of the same producer", c, v, last[v.producer]-1)
			}
			last[v.producer] = v.seq + 1
		}
	}
	for p := range seen {
		for i := range seen[p] {
			if seen[p][i] != accepted[p][i] {
				t.Errorf("%v: accepted %v, delivered %v", item{p, i}, accepted[p][i], seen[p][i])
			}
		}
	}
}

// put and get make one call in the way that m says.

func put(q *queue.Queue[item], v item, m mode) error {
	if m == tryOnly && rand.IntN(2) == 0 {
		for {
			if err := q.TryPut(v); err != queue.ErrFull {
				return err
			}
			runtime.Gosched()
		}
	}
	ctx, cancel := someContext(m)
	defer cancel()
	return q.Put(ctx, v)
}

func get(q *queue.Queue[item], m mode) (item, error) {
	if m == tryOnly && rand.IntN(2) == 0 {
		for {
			if v, err := q.TryGet(); err != queue.ErrEmpty {
				return v, err
			}
			runtime.Gosched()
		}
	}
	ctx, cancel := someContext(m)
	defer cancel()
	return q.Get(ctx)
}

func someContext(m mode) (context.Context, context.CancelFunc) {
	if m == calm || rand.IntN(4) != 0 {
		return bg, func() {}
	}
	return context.WithTimeout(bg, time.Duration(rand.IntN(50))*time.Microsecond)
}

// watch ends the test program with a dump of all goroutines if the function that
// it returns is not called within a minute: a hang, seen once, is a bug.
func watch(t *testing.T) (done func()) {
	timer := time.AfterFunc(time.Minute, func() {
		fmt.Fprintf(os.Stderr, "%s hangs:\n", t.Name())
		_ = pprof.Lookup("goroutine").WriteTo(os.Stderr, 1)
		os.Exit(1)
	})
	return func() { timer.Stop() }
}
