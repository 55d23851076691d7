package workload

import (
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/parkring/queue/benchstat/internal/peer"
)

// inUse returns how many bytes of memory are in use, stacks included.
func inUse() int64 {
	var m runtime.MemStats
	for range 2 { // what the first collection finalizes goes in the second
		runtime.GC()
	}
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc + m.StackInuse)
}

// footprint measures memory: of an idle queue, of a goroutine that waits in a Get,
// its stack included, or of an item in a queue that holds many.
func footprint(t *trial) error {
	switch of := t.key("of", "queue"); of {
	case "queue":
		return t.queueFootprint()
	case "waiter":
		return t.waiterFootprint()
	case "item":
		return t.itemFootprint()
	default:
		return fmt.Errorf("%w: of=%s", errBadKey, of)
	}
}

func (t *trial) reportBytes(n int, before, after int64) {
	t.sample.N = n
	t.report(max(0, float64(after-before))/float64(n), "B")
}

func (t *trial) queueFootprint() error {
	n := 200
	all := make([]any, n)
	before := inUse()
	for i := range all {
		var err error
		if all[i], _, err = t.make(0, 1, 0); err != nil {
			return err
		}
	}
	t.reportBytes(n, before, inUse())
	runtime.KeepAlive(all)
	return nil
}

func (t *trial) waiterFootprint() error {
	const n = 5000
	q, _, err := t.queue(1, n, n)
	if err != nil {
		return err
	}
	if t.impl.Spins {
		return fmt.Errorf("%s spins instead of waiting: %w", t.c.Impl, ErrNotSo)
	}
	before := inUse()
	release, err := t.waiting(n, func(int) uint64 { return q.Get() })
	if err != nil {
		return err
	}
	t.reportBytes(n, before, inUse())
	q.Puts(0, n)
	release(newLedger(n))
	return nil
}

// waiting starts n goroutines that call wait, which must wait, and returns when they
// have had time to. release waits for them and checks what they got.
func (t *trial) waiting(n int, wait func(i int) uint64) (release func(*Ledger), err error) {
	var began, ended atomic.Int64
	var wg sync.WaitGroup
	got := make([]uint64, n)
	for i := range n {
		wg.Go(func() {
			began.Add(1)
			got[i] = wait(i)
			ended.Add(1)
		})
	}
	for began.Load() < int64(n) {
		time.Sleep(time.Millisecond)
	}
	time.Sleep(10 * time.Millisecond)
	if ended := ended.Load(); ended > 0 {
		t.wrong(int(ended), "a goroutine did not wait")
	}
	return func(l *Ledger) {
		wg.Wait()
		for i := range got {
			l.got(got[i : i+1])
		}
		t.settle(l)
	}, nil
}

func (t *trial) itemFootprint() error {
	const items = 1 << 17 // in so many queues that what else goes on does not count
	capacity, err := t.number("cap", 0)
	if err != nil {
		return err
	}
	each := 1 << 14
	if capacity > 0 {
		each = min(items, capacity)
	}
	queues := make([]peer.Queue, items/each)
	before := inUse()
	for i := range queues {
		if queues[i], _, err = t.queue(0, 1, each); err != nil {
			return err
		}
		queues[i].Puts(0, each)
	}
	t.reportBytes(len(queues)*each, before, inUse())
	ids := make([]uint64, each)
	for _, q := range queues {
		q.Gets(ids)
		l := newLedger(each)
		l.got(ids)
		t.settle(l)
	}
	return nil
}

// idle measures the processor time that goroutines use while they wait: for an item
// of an empty queue, or for room in a full one.
func idle(t *trial) error {
	n, err := t.number("waiters", 8)
	if err != nil {
		return err
	}
	q, capacity, err := t.queue(n, n, n)
	if err != nil {
		return err
	}
	switch of := t.key("of", "empty"); {
	case of == "empty":
		release, err := t.waiting(n, func(int) uint64 { return q.Get() })
		if err != nil {
			return err
		}
		t.idleFor(t.d)
		q.Puts(0, n)
		release(newLedger(n))
	case of == "full" && capacity > 0:
		for i := range capacity {
			q.Put(peer.ID(n, i))
		}
		release, err := t.waiting(n, func(i int) uint64 {
			q.Put(peer.ID(i, 0))
			return peer.ID(0, i) // a receipt
		})
		if err != nil {
			return err
		}
		t.idleFor(t.d)
		ids := make([]uint64, capacity+n)
		q.Gets(ids)
		release(newLedger(n))
		l := newLedger(counts(n, 1, capacity)...)
		l.got(ids)
		t.settle(l)
	default:
		return fmt.Errorf("%w: of=%s, cap=%d", errBadKey, of, capacity)
	}
	return nil
}

// idleFor reports the processor time that the process uses in d, per second.
func (t *trial) idleFor(d time.Duration) {
	before, ok := cpu()
	start := time.Now()
	time.Sleep(d)
	took := time.Since(start)
	after, _ := cpu()
	t.sample.N = 1
	if ok && t.sample.Wrong == 0 {
		t.report(float64((after-before).Nanoseconds())/took.Seconds(), "cpu-ns/s")
	}
}
