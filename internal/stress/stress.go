// Package stress puts goroutines to work on one queue and settles accounts
// afterwards. The stress tests and the soak command use it.
package stress

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"os"
	"runtime"
	"runtime/pprof"
	"sync"
	"sync/atomic"
	"time"

	"github.com/parkring/queue"
)

// Round says what happens on a queue until it is closed and drained.
type Round struct {
	Seed      uint64 // of all that is random, except for the scheduler
	Producers int
	Consumers int
	Observers int           // goroutines that look at the queue all the time
	Items     int           // puts of all producers together
	CloseAt   int           // Close comes after so many puts; with Items: when all is put
	Timeout   time.Duration // one call in four gives up within this; 0: none does
	Try       bool          // half the calls do not wait
	Pause     time.Duration // after one call in 16 a goroutine sleeps for up to this; 0: never
}

// Item is the Seq-th put of a producer.
type Item struct{ Producer, Seq int }

// Tally counts what happened.
type Tally struct {
	Delivered int
	GaveUp    int // calls that returned the error of their context
	Refused   int // calls that returned ErrFull or ErrEmpty
}

// Add adds u to t.
func (t *Tally) Add(u Tally) {
	t.Delivered += u.Delivered
	t.GaveUp += u.GaveUp
	t.Refused += u.Refused
}

// Queue is what a round needs of a queue.
type Queue interface {
	Put(context.Context, Item) error
	Get(context.Context) (Item, error)
	TryPut(Item) error
	TryGet() (Item, error)
	All(context.Context) iter.Seq[Item]
	Close()
	Closed() bool
	Drained() bool
	Len() int
	Cap() int
}

// Run does the round on q, which must be new. Then it settles accounts: every
// item that was accepted has been delivered exactly once, no other item has, and
// the items of each producer reached each consumer in order. The error says what
// was wrong.
func (r Round) Run(q Queue) (Tally, error) {
	x := &run{
		Round:     r,
		q:         q,
		each:      r.Items / r.Producers,
		middle:    make(chan struct{}),
		accepted:  make([][]bool, r.Producers),
		delivered: make([][]Item, r.Consumers),
	}
	if r.CloseAt == 0 {
		close(x.middle)
	}
	var producers, consumers, others sync.WaitGroup
	workers := make([]*worker, r.Producers+r.Consumers)
	for i := range workers {
		workers[i] = &worker{run: x, rng: rand.New(rand.NewPCG(r.Seed, uint64(i)))}
	}
	for p := range r.Producers {
		x.accepted[p] = make([]bool, x.each)
		producers.Go(func() { workers[p].produce(p) })
	}
	for c := range r.Consumers {
		consumers.Go(func() { workers[r.Producers+c].consume(c) })
	}
	stop := make(chan struct{})
	for range r.Observers {
		others.Go(func() { x.observe(stop) })
	}
	allPut := make(chan struct{})
	others.Go(func() {
		select {
		case <-x.middle:
		case <-allPut:
		}
		x.close()
	})
	producers.Wait()
	close(allPut)
	x.close() // maybe while the other does
	consumers.Wait()
	close(stop)
	others.Wait()

	if !q.Drained() || q.Len() != 0 {
		x.failf("at the end: Drained %v, Len %d", q.Drained(), q.Len())
	}
	x.settle()
	var total Tally
	for _, w := range workers {
		total.Add(w.tally)
	}
	return total, errors.Join(x.wrong...)
}

// run is a Round under way.
type run struct {
	Round
	q    Queue
	each int // puts per producer

	puts    atomic.Int64  // that have returned
	middle  chan struct{} // closed when puts reaches CloseAt
	closing atomic.Bool   // Close has been called
	closed  atomic.Bool   // Close has returned

	accepted  [][]bool // by producer and seq; written by the producer
	delivered [][]Item // by consumer, in order; written by the consumer

	mu    sync.Mutex
	wrong []error // guarded by mu
}

// failf notes that something was wrong.
func (x *run) failf(format string, args ...any) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if len(x.wrong) < 20 { // one bug has many consequences
		x.wrong = append(x.wrong, fmt.Errorf(format, args...))
	}
}

func (x *run) close() {
	x.closing.Store(true)
	x.q.Close()
	x.closed.Store(true)
}

// worker is a producer or a consumer.
type worker struct {
	*run
	rng   *rand.Rand
	tally Tally
}

func (w *worker) produce(p int) {
	for i := range w.each {
		late := w.closed.Load()
		err := w.put(Item{p, i})
		if w.puts.Add(1) == int64(w.CloseAt) {
			close(w.middle)
		}
		if err == nil {
			w.accepted[p][i] = true
			if late {
				w.failf("%v was accepted after Close had returned", Item{p, i})
			}
		} else if w.ends("Put", err) {
			return
		}
		w.pause()
	}
}

func (w *worker) consume(c int) {
	for {
		err := w.get(func(v Item) { w.delivered[c] = append(w.delivered[c], v) })
		if err != nil && w.ends("Get", err) {
			if !w.q.Drained() {
				w.failf("Get: %v, but the queue is not drained", err)
			}
			break
		}
		w.pause()
	}
	w.tally.Delivered = len(w.delivered[c])
}

// ends reports whether a call that failed was the last of its goroutine.
func (w *worker) ends(call string, err error) bool {
	switch {
	case err == queue.ErrClosed && w.closing.Load():
		return true
	case err == context.DeadlineExceeded && w.Timeout > 0:
		w.tally.GaveUp++
		return false
	}
	w.failf("%s: %v, Close called: %v", call, err, w.closing.Load())
	return true
}

// put and get make one call, in one of the ways that there are.

func (w *worker) put(v Item) error {
	if w.Try && w.rng.IntN(2) == 0 {
		for {
			if err := w.q.TryPut(v); err != queue.ErrFull {
				return err
			}
			w.tally.Refused++
			runtime.Gosched()
		}
	}
	ctx, cancel := w.context()
	defer cancel()
	return w.q.Put(ctx, v)
}

func (w *worker) get(deliver func(Item)) error {
	if w.Try && w.rng.IntN(2) == 0 {
		for {
			v, err := w.q.TryGet()
			if err == nil {
				deliver(v)
			}
			if err != queue.ErrEmpty {
				return err
			}
			w.tally.Refused++
			runtime.Gosched()
		}
	}
	ctx, cancel := w.context()
	defer cancel()
	if w.rng.IntN(8) == 0 {
		n := 1 + w.rng.IntN(4)
		for v := range w.q.All(ctx) {
			deliver(v)
			if n--; n == 0 {
				return nil
			}
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		return queue.ErrClosed
	}
	v, err := w.q.Get(ctx)
	if err == nil {
		deliver(v)
	}
	return err
}

func (w *worker) context() (context.Context, context.CancelFunc) {
	if w.Timeout == 0 || w.rng.IntN(4) != 0 {
		return context.Background(), func() {}
	}
	return context.WithTimeout(context.Background(), w.upTo(w.Timeout))
}

func (w *worker) pause() {
	if w.Pause > 0 && w.rng.IntN(16) == 0 {
		time.Sleep(w.upTo(w.Pause))
	}
}

func (w *worker) upTo(d time.Duration) time.Duration {
	return time.Duration(w.rng.Int64N(int64(d)))
}

// observe checks what can be said of a queue while others use it.
func (x *run) observe(stop <-chan struct{}) {
	for {
		drained, closed := x.q.Drained(), x.q.Closed()
		n := x.q.Len()
		if c := x.q.Cap(); n < 0 || c > 0 && n > c {
			x.failf("Len %d with Cap %d", n, c)
		}
		if drained && (!closed || n != 0 || !x.q.Drained()) {
			x.failf("drained, but Closed %v, Len %d, Drained %v", closed, n, x.q.Drained())
		}
		if closed && !x.closing.Load() {
			x.failf("Closed before Close was called")
		}
		select {
		case <-stop:
			return
		default:
			runtime.Gosched()
		}
	}
}

// settle compares what was accepted with what was delivered.
func (x *run) settle() {
	seen := make([][]bool, x.Producers)
	for p := range seen {
		seen[p] = make([]bool, x.each)
	}
	for c, items := range x.delivered {
		next := make([]int, x.Producers) // by producer, the lowest seq that may come
		for _, v := range items {
			if seen[v.Producer][v.Seq] {
				x.failf("%v was delivered twice", v)
			}
			seen[v.Producer][v.Seq] = true
			if v.Seq < next[v.Producer] {
				x.failf("%v reached consumer %d after number %d of the same producer", v, c, next[v.Producer]-1)
			}
			next[v.Producer] = v.Seq + 1
		}
	}
	for p := range seen {
		for i := range seen[p] {
			if seen[p][i] != x.accepted[p][i] {
				x.failf("%v: accepted %v, delivered %v", Item{p, i}, x.accepted[p][i], seen[p][i])
			}
		}
	}
}

// Watch ends the program with a dump of all goroutines if the function that it
// returns is not called within limit: a hang, seen once, is a bug.
func Watch(name string, limit time.Duration) (done func()) {
	timer := time.AfterFunc(limit, func() {
		fmt.Fprintf(os.Stderr, "%s hangs, after %v:\n", name, limit)
		_ = pprof.Lookup("goroutine").WriteTo(os.Stderr, 1)
		os.Exit(1)
	})
	return func() { timer.Stop() }
}
