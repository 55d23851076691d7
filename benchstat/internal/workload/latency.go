package workload

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/parkring/queue/benchstat/internal/peer"
)

// histogram returns a histogram of nanoseconds, with three digits.
func histogram() *hdrhistogram.Histogram { return hdrhistogram.New(1, time.Minute.Nanoseconds(), 3) }

func record(h *hdrhistogram.Histogram, d time.Duration) {
	if h.RecordValue(max(1, d.Nanoseconds())) != nil {
		_ = h.RecordValue(h.HighestTrackableValue()) // more than a minute
	}
}

// percentiles reports those that so many values can tell.
func (t *trial) percentiles(h *hdrhistogram.Histogram) {
	n := h.TotalCount()
	t.sample.N = int(n)
	for _, p := range []struct {
		percent float64
		unit    string
		least   int64
	}{{50, "p50-ns", 2}, {90, "p90-ns", 10}, {99, "p99-ns", 100}, {99.9, "p99.9-ns", 1000}, {99.99, "p99.99-ns", 10000}} {
		if n >= p.least {
			t.report(float64(h.ValueAtQuantile(p.percent)), p.unit)
		}
	}
	t.report(float64(h.Max()), "max-ns")
}

// epoch is when the identities of items that are times begin.
var epoch = time.Now()

// since returns the time since the epoch.
func since() time.Duration { return time.Since(epoch) }

// sameItems checks that what one goroutine has put is what one other has got.
func (t *trial) sameItems(put, got []uint64) {
	if !slices.Equal(put, got) {
		t.wrong(1, "items are not those that were put, or not in their order")
	}
}

// handover sends an item to a goroutine and back. Warm: at once, again and again.
// Cold: after the other has been waiting for a millisecond, and only the way there
// counts. What is measured is the time from before the put until after the get.
func handover(t *trial) error {
	state := t.key("state", "warm")
	pause := map[string]time.Duration{"warm": 0, "cold": time.Millisecond}
	if _, ok := pause[state]; !ok {
		return fmt.Errorf("%w: state=%s", errBadKey, state)
	}
	const atLeast, limit = 10, 1 << 20
	there, _, err := t.queue(1, 1, 1)
	if err != nil {
		return err
	}
	back, _, err := t.queue(1, 1, 1)
	if err != nil {
		return err
	}
	const stop = 1<<40 - 1
	put, got := make([]uint64, 0, limit), make([]uint64, 0, limit)
	answered, answers := make([]uint64, 0, limit), make([]uint64, 0, limit)
	h, other := histogram(), histogram()
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			id := there.Get()
			if id == stop {
				return
			}
			now := since()
			record(other, now-time.Duration(id))
			got = append(got, id)
			answered = append(answered, uint64(now))
			back.Put(uint64(now))
		}
	})
	end := since() + t.d
	warm := since() + t.d/10
	for counted := 0; len(put) < limit; {
		time.Sleep(pause[state])
		now := since()
		if now > end && counted >= atLeast {
			break
		}
		put = append(put, uint64(now))
		there.Put(uint64(now))
		id := back.Get()
		now = since()
		answers = append(answers, id)
		if now > warm {
			counted++
			if state == "warm" {
				record(h, now-time.Duration(id))
			}
		}
	}
	there.Put(stop)
	wg.Wait()
	if state == "cold" {
		h = other
	}
	t.percentiles(h)
	t.sameItems(put, got)
	t.sameItems(answered, answers)
	return nil
}

// openLoop puts items at fixed times, whatever the consumer does, and measures from
// the time at which an item should have been put until it has been got: a queue
// that stalls its producer does not hide that.
func openLoop(t *trial) error {
	rate, err := t.number("rate", 10000)
	if err != nil {
		return err
	}
	if rate < 1 {
		return fmt.Errorf("%w: rate=%d", errBadKey, rate)
	}
	period := time.Second / time.Duration(rate)
	n := min(1<<20, max(10, int(t.d/period)))
	q, _, err := t.queue(1, 1, 1)
	if err != nil {
		return err
	}
	put, got := touched(n), touched(n)
	h := histogram()
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := range got {
			id := q.Get()
			if now := since(); i >= n/10 { // the first of them warm up
				record(h, now-time.Duration(id))
			}
			got[i] = id
		}
	})
	late := 0
	start := since() + time.Millisecond
	for i := range put {
		intended := start + time.Duration(i)*period
		now := since()
		for ; now < intended; now = since() {
			if intended-now > 200*time.Microsecond {
				time.Sleep(50 * time.Microsecond)
			}
		}
		if now > intended+period {
			late++
		}
		put[i] = uint64(intended)
		q.Put(put[i])
	}
	wg.Wait()
	t.percentiles(h)
	t.report(float64(late)/float64(n), "late/op")
	t.sameItems(put, got)
	return nil
}

// HogCommand is a command that keeps a processor busy until its standard input
// ends: it calls Hog.
var HogCommand []string

// Hog keeps a processor busy until input ends.
func Hog(input io.Reader) {
	var done atomic.Bool
	go func() {
		_, _ = io.Copy(io.Discard, input)
		done.Store(true)
	}()
	for !done.Load() {
		spin(1000)
	}
}

// hogs starts a process per processor that does nothing but use it. So the system
// stops threads of this process wherever they are.
func hogs() (stop func(), err error) {
	if len(HogCommand) == 0 {
		return nil, errors.New("no command for hogs")
	}
	var stops []func()
	stop = func() {
		for _, f := range stops {
			f()
		}
	}
	for range runtime.NumCPU() {
		cmd := exec.Command(HogCommand[0], HogCommand[1:]...)
		cmd.Env = append(os.Environ(), "GOMAXPROCS=2") // one to work, one to listen
		input, err := cmd.StdinPipe()
		if err == nil {
			err = cmd.Start()
		}
		if err != nil {
			stop()
			return nil, err
		}
		stops = append(stops, func() {
			_ = input.Close()
			_ = cmd.Wait()
		})
	}
	return stop, nil
}

// computing starts a goroutine per processor that does nothing but use it. So whoever
// yields may have to wait for some time slices of the scheduler, of 10 ms each.
func computing() (stop func()) {
	var done atomic.Bool
	for range runtime.GOMAXPROCS(0) {
		go func() {
			for !done.Load() {
				spin(1000)
			}
		}()
	}
	return func() { done.Store(true) }
}

// stalled is throughput beside processes that use all processors, so that the
// system stops a goroutine in the middle of a call now and then; or beside goroutines
// that do so. It measures how many items move, and how long single calls take. Waiting for
// room or for an item is part of it.
func stalled(t *trial) error {
	producers, consumers, err := t.shape()
	if err != nil {
		return err
	}
	const limit = 1 << 18 // items of a producer
	q, _, err := t.queue(producers, consumers, limit)
	if err != nil {
		return err
	}
	var stop func()
	switch by := t.key("by", "processes"); by {
	case "processes":
		if stop, err = hogs(); err != nil {
			return err
		}
	case "goroutines":
		stop = computing()
		t.d *= 8 // many time slices
	default:
		return fmt.Errorf("%w: by=%s", errBadKey, by)
	}
	defer stop()
	time.Sleep(2 * time.Millisecond) // until they run

	all := histogram()
	var mu sync.Mutex
	merge := func(h *hdrhistogram.Histogram) {
		mu.Lock()
		all.Merge(h)
		mu.Unlock()
	}
	put := counts(producers, 0, consumers)
	start := since()
	end := start + t.d
	l := newLedger()
	var putting, getting sync.WaitGroup
	for p := range producers {
		putting.Go(func() {
			h := histogram()
			n := 0
			for before := since(); n == 0 || before < end && n < limit; n++ { // one at least
				q.Put(peer.ID(p, n))
				now := since()
				record(h, now-before)
				before = now
			}
			put[p] = n
			merge(h)
		})
	}
	for range consumers {
		getting.Go(func() {
			h := histogram()
			var ids []uint64
			for before := since(); ; {
				id := q.Get()
				ids = append(ids, id)
				if p, _ := peer.Split(id); p == producers { // the end: one for each consumer
					break
				}
				now := since()
				record(h, now-before)
				before = now
			}
			merge(h)
			l.got(ids)
		})
	}
	putting.Wait()
	for i := range consumers {
		q.Put(peer.ID(producers, i))
	}
	getting.Wait()
	took := since() - start
	l.put = put
	items := 0
	for _, n := range put {
		items += n
	}
	t.report(float64(took)/float64(items), "ns/op")
	t.percentiles(all)
	t.settle(l)
	return nil
}
