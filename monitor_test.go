package queue_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/parkring/queue"
	"github.com/parkring/queue/internal/fifo"
)

// TestLongHistories has goroutines log what they do to a queue, call by call, and
// asks package fifo whether the whole of it is linearizable: nothing lost,
// doubled, made up or overtaken, and never an ErrEmpty, nor an ErrClosed from a
// get, while there was an item. It does not look at ErrFull, nor at when Close took
// effect, nor at which of the calls that wait is served first: they are concurrent.
func TestLongHistories(t *testing.T) {
	var sum tally
	runs, ran := 0, 0
	for _, procs := range []int{1, 2, 4} {
		for _, capacity := range []int{0, 1, 2, 7, 64} {
			for _, shape := range []struct{ producers, consumers int }{{1, 1}, {2, 2}, {4, 4}, {1, 4}, {4, 1}} {
				runs++
				early := runs%3 == 0 // closed in the middle
				name := fmt.Sprintf("procs=%d/cap=%d/p=%d/c=%d/early=%v", procs, capacity, shape.producers, shape.consumers, early)
				t.Run(name, func(t *testing.T) {
					defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(procs))
					ran++
					if shape.producers == 1 && shape.consumers == 1 && capacity > 0 {
						sum.add(longHistory(t, queue.NewSPSC[int64](capacity), 1, 1, races(40_000), early))
					}
					q := queue.New[int64](capacity)
					sum.add(longHistory(t, q, shape.producers, shape.consumers, races(40_000)/shape.producers, early))
					if 0 < capacity && capacity <= queue.MostSolo {
						for _, fights := range []uint32{1, queue.Never} {
							defer queue.SoloEndsAfter(fights, 1)()
							q := queue.NewSolo[int64](capacity, 0)
							sum.add(longHistory(t, q, shape.producers, shape.consumers, races(20_000)/shape.producers, early))
						}
					}
				})
			}
		}
	}
	t.Logf("%d histories: %+v", ran, sum)
	if ran < runs || t.Failed() { // go test -run chose some, or -failfast stopped
		return
	}
	require.GreaterOrEqual(t, sum.puts+sum.gets, races(4_000_000))
	for what, n := range map[string]int{"empty": sum.empty, "full": sum.full, "waited": sum.waited, "gave up": sum.gaveUp} {
		require.Greater(t, n, races(1000), what)
	}
}

// longHistory has each producer put so many items, unless the first of them
// closes the queue half way, and checks the history.
func longHistory(t *testing.T, q subject[int64], producers, consumers, each int, early bool) (sum tally) {
	defer watch(t)()
	start := time.Now()
	var all []*recorder
	var putting, getting sync.WaitGroup
	for p := range producers {
		r := newRecorder(q, start, len(all), each)
		all = append(all, r)
		putting.Go(func() {
			for v := int64(p) << 32; r.puts < each; v++ {
				switch err := r.put(v); err {
				case nil, queue.ErrFull, context.DeadlineExceeded: // if v was not put it is given up
				case queue.ErrClosed:
					if !early {
						t.Error("closed before its time")
					}
					return
				default:
					t.Errorf("put: %v", err)
					return
				}
				if early && p == 0 && r.puts == each/2 {
					q.Close()
				}
			}
		})
	}
	for range consumers {
		r := newRecorder(q, start, len(all), each*producers/consumers)
		all = append(all, r)
		getting.Go(func() {
			for {
				switch err := r.get(); err {
				case nil, queue.ErrEmpty, context.DeadlineExceeded:
				case queue.ErrClosed:
					return
				default:
					t.Errorf("get: %v", err)
					return
				}
			}
		})
	}
	putting.Wait()
	q.Close()
	getting.Wait()
	if err := all[0].get(); err != queue.ErrClosed { // and is in the log, so that what was lost shows
		t.Errorf("get at the end: %v", err)
	}
	q.CheckInvariants()

	var history []fifo.Op
	for _, r := range all {
		history = append(history, r.log...)
		sum.add(r.tally)
	}
	if err := fifo.Check(history); err != nil {
		t.Errorf("not linearizable, of %d calls: %v", len(history), err)
	}
	return sum
}

// tally counts calls by how they ended, and those that waited before they did. A
// get that gave up counts as empty too.
type tally struct{ puts, gets, empty, full, gaveUp, waited int }

func (s *tally) add(o tally) {
	s.puts += o.puts
	s.gets += o.gets
	s.empty += o.empty
	s.full += o.full
	s.gaveUp += o.gaveUp
	s.waited += o.waited
}

// recorder is one goroutine's use of a queue, and its log. Nothing in it is shared
// with other goroutines, lest they be brought into step.
type recorder struct {
	q     subject[int64]
	start time.Time // of the clock, which is common to all
	rand  *rand.Rand
	ctx   listening
	log   []fifo.Op
	tally
}

func newRecorder(q subject[int64], start time.Time, id, calls int) *recorder {
	r := &recorder{
		q:     q,
		start: start,
		rand:  rand.New(rand.NewPCG(uint64(id), 0)),
		log:   make([]fifo.Op, 0, 2*calls),
	}
	r.ctx.waits = func() { r.waited++ }
	return r
}

func (r *recorder) now() int64 { return int64(time.Since(r.start)) }

// put puts v in one way or another. If it fails v is not in the log, so it must
// not come out.
func (r *recorder) put(v int64) error {
	try, cancel := r.choose()
	defer cancel()
	var err error
	call := r.now()
	if try {
		err = r.q.TryPut(v)
	} else {
		err = r.q.Put(&r.ctx, v)
	}
	ret := r.now()
	switch err {
	case nil:
		r.puts++
		r.log = append(r.log, fifo.Op{Kind: fifo.Put, Value: v, Call: call, Return: ret})
	case queue.ErrFull:
		r.full++
	case context.DeadlineExceeded:
		r.gaveUp++
	}
	return err
}

// get gets in one way or another. Whatever else it returns than an item says that
// there was none: ErrEmpty, ErrClosed, and a context's error too.
func (r *recorder) get() error {
	try, cancel := r.choose()
	defer cancel()
	var v int64
	var err error
	call := r.now()
	if try {
		v, err = r.q.TryGet()
	} else {
		v, err = r.q.Get(&r.ctx)
	}
	ret := r.now()
	if err == nil {
		r.gets++
		r.log = append(r.log, fifo.Op{Kind: fifo.Get, Value: v, Call: call, Return: ret})
	} else {
		r.empty++
		r.log = append(r.log, fifo.Op{Kind: fifo.Empty, Call: call, Return: ret})
	}
	if err == context.DeadlineExceeded {
		r.gaveUp++
	}
	return err
}

// choose says whether the next call is one that does not wait, or sets the context
// for it: mostly one that never ends.
func (r *recorder) choose() (try bool, cancel context.CancelFunc) {
	r.ctx.Context, cancel = bg, func() {}
	switch r.rand.IntN(16) {
	case 0, 1, 2, 3, 4, 5:
		return true, cancel
	case 6:
		r.ctx.Context = over
	case 7:
		r.ctx.Context, cancel = context.WithTimeout(bg, time.Duration(r.rand.IntN(50))*time.Microsecond)
	}
	return false, cancel
}

// over is a context that has ended.
var over, _ = context.WithTimeout(bg, 0)
