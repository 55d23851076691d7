package workload

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/parkring/queue/benchstat/internal/peer"
)

// mover puts and gets in one of the ways to do so.
type mover struct {
	put func(producer, n int) (failed int) // the first n items of a producer
	get func(ids []uint64) (failed int)    // as many as there is room for
}

// cancellable is a context that can end, and so has to be waited for.
var cancellable, cancel = context.WithCancel(context.Background())

var _ = cancel // it lasts as long as the program

// mover returns the mover for the key "how": wait; try, which yields after a failure
// and counts it; ctx, with a context that can end.
func (t *trial) mover(q any) (mover, error) {
	switch how := t.key("how", "wait"); how {
	case "wait":
		q, err := need[peer.Queue](t, q)
		return mover{
			put: func(producer, n int) int { q.Puts(peer.ID(producer, 0), n); return 0 },
			get: func(ids []uint64) int { q.Gets(ids); return 0 },
		}, err
	case "try":
		q, err := need[peer.Trier](t, q)
		return mover{
			put: func(producer, n int) int { return q.TryPuts(peer.ID(producer, 0), n) },
			get: func(ids []uint64) int { return q.TryGets(ids) },
		}, err
	case "ctx":
		q, err := need[peer.Canceller](t, q)
		check := func(err error) int {
			if err != nil {
				panic(err) // the context does not end
			}
			return 0
		}
		return mover{
			put: func(producer, n int) int { return check(q.PutsCtx(cancellable, peer.ID(producer, 0), n)) },
			get: func(ids []uint64) int { return check(q.GetsCtx(cancellable, ids)) },
		}, err
	default:
		return mover{}, fmt.Errorf("%w: how=%s", errBadKey, how)
	}
}

// prime takes a queue through full and empty, so that its memory is there.
func (t *trial) prime(m mover, producer, capacity int) {
	if capacity == 0 {
		capacity = primed
	}
	ids := make([]uint64, capacity)
	m.put(producer, capacity)
	m.get(ids)
	l := newLedger(make([]int, producer+1)...)
	l.put[producer] = capacity
	l.got(ids)
	t.settle(l)
}

// throughput sends items from producers to consumers. An operation is an item that
// has gone through. Each consumer takes what it can get, in portions, so that its
// share shows.
func throughput(t *trial) error {
	producers, consumers, err := t.shape()
	if err != nil {
		return err
	}
	each := max(1, t.n/producers)
	q, capacity, err := t.make(producers, consumers, each)
	if err != nil {
		return err
	}
	m, err := t.mover(q)
	if err != nil {
		return err
	}
	t.through(m, producers, consumers, each, capacity)
	return nil
}

// working is throughput with work before each put and after each get: so many
// nanoseconds as the keys put and get say, half as much to half as much again.
func working(t *trial) error {
	producers, consumers, err := t.shape()
	if err != nil {
		return err
	}
	putWork, err := t.number("put", 1000)
	if err != nil {
		return err
	}
	getWork, err := t.number("get", 1000)
	if err != nil {
		return err
	}
	each := max(1, t.n/producers)
	q, capacity, err := t.queue(producers, consumers, each)
	if err != nil {
		return err
	}
	speed := workSpeed()
	var gets atomic.Uint64
	t.through(mover{
		put: func(producer, n int) int {
			rng := rand.New(rand.NewPCG(3, uint64(producer)))
			for i := range n {
				work(rng, putWork, speed)
				q.Put(peer.ID(producer, i))
			}
			return 0
		},
		get: func(ids []uint64) int {
			rng := rand.New(rand.NewPCG(4, gets.Add(1)))
			for i := range ids {
				ids[i] = q.Get()
				work(rng, getWork, speed)
			}
			return 0
		},
	}, producers, consumers, each, capacity)
	return nil
}

// through sends each items of each producer to the consumers, by m.
func (t *trial) through(m mover, producers, consumers, each, capacity int) {
	total := each * producers
	t.prime(m, producers, capacity)

	// Portions are small in comparison with what a consumer gets. Their memory is
	// touched before the clock starts.
	log := touched(total)
	portion := max(1, min(512, total/(16*consumers)))
	var taken, failed atomic.Int64
	got := make([][]int, consumers) // where the portions of each begin
	for i := range got {
		got[i] = make([]int, 0, total/portion+1)
	}
	start := make(chan struct{})
	var wg sync.WaitGroup
	for p := range producers {
		wg.Go(func() {
			<-start
			failed.Add(int64(m.put(p, each)))
		})
	}
	for c := range consumers {
		wg.Go(func() {
			<-start
			fails := 0
			for {
				end := int(taken.Add(int64(portion)))
				from := end - portion
				if from >= total {
					break
				}
				fails += m.get(log[from:min(end, total)])
				got[c] = append(got[c], from)
			}
			failed.Add(int64(fails))
		})
	}
	t.timed(total, func() {
		close(start)
		wg.Wait()
	})
	if t.key("how", "wait") == "try" {
		t.report(float64(failed.Load())/float64(total), "fail/op")
	}
	put := make([]int, producers)
	for p := range put {
		put[p] = each
	}
	l := newLedger(put...)
	counts := make([]int, consumers)
	for c := range got {
		var ids []uint64
		for _, from := range got[c] {
			ids = append(ids, log[from:min(from+portion, total)]...)
		}
		counts[c] = len(ids)
		l.got(ids)
	}
	if consumers > 1 {
		t.report(shareMin(counts), "share-min")
	}
	t.settle(l)
}

// touched returns memory that is there: no page of it is new to the system.
func touched(n int) []uint64 {
	s := make([]uint64, n)
	for i := 0; i < n; i += 512 {
		s[i] = 1
	}
	return s
}

// pairs puts an item and gets it, in one goroutine.
func pairs(t *trial) error {
	q, capacity, err := t.make(1, 1, t.n)
	if err != nil {
		return err
	}
	m, err := t.mover(q)
	if err != nil {
		return err
	}
	loop := func(ids []uint64) { q.(peer.Queue).Pairs(ids) }
	if q, ok := q.(peer.Canceller); ok && t.key("how", "wait") == "ctx" {
		loop = func(ids []uint64) {
			for i := range ids {
				if err := q.PutCtx(cancellable, peer.ID(0, i)); err != nil {
					panic(err)
				}
				if ids[i], err = q.GetCtx(cancellable); err != nil {
					panic(err)
				}
			}
		}
	} else if t.key("how", "wait") == "try" {
		return fmt.Errorf("%w: who tries alone need not wait", errBadKey)
	}
	t.prime(m, 1, capacity)
	ids := touched(t.n)
	t.timed(t.n, func() { loop(ids) })
	l := newLedger(t.n)
	l.got(ids)
	t.settle(l)
	return nil
}

// random has goroutines that put an item and get one, each time with some work
// before, 50 to 150 ns of it, so that no goroutine keeps a cache line for long. The
// queue is half full. An operation is a pair.
func random(t *trial) error {
	goroutines, err := t.goroutines(4)
	if err != nil {
		return err
	}
	each := max(1, t.n/goroutines)
	q, capacity, err := t.queue(goroutines, goroutines, each)
	if err != nil {
		return err
	}
	half := fill(q, goroutines, capacity)
	logs := make([][]uint64, goroutines)
	speed := workSpeed()
	start := make(chan struct{})
	var wg sync.WaitGroup
	for g := range goroutines {
		logs[g] = touched(each)
		rng := rand.New(rand.NewPCG(1, uint64(g)))
		wg.Go(func() {
			<-start
			for i := range logs[g] {
				work(rng, 100, speed)
				q.Put(peer.ID(g, i))
				work(rng, 100, speed)
				logs[g][i] = q.Get()
			}
		})
	}
	t.timed(each*goroutines, func() {
		close(start)
		wg.Wait()
	})
	l := newLedger(counts(goroutines, each, half)...)
	for _, log := range logs {
		l.got(log)
	}
	rest := make([]uint64, half)
	q.Gets(rest)
	l.got(rest)
	t.settle(l)
	return nil
}

// fill puts items of a producer until the queue is half full.
func fill(q peer.Queue, producer, capacity int) (n int) {
	n = primed
	if capacity > 0 {
		n = capacity / 2
	}
	q.Puts(peer.ID(producer, 0), n)
	return n
}

// counts returns each for all producers, and last for one more.
func counts(producers, each, last int) []int {
	all := make([]int, producers+1)
	for p := range all {
		all[p] = each
	}
	all[producers] = last
	return all
}

var sink atomic.Uint64

// workSpeed returns how many steps of work take a nanosecond.
func workSpeed() float64 {
	best := time.Hour
	for range 5 {
		start := time.Now()
		spin(10000)
		best = min(best, time.Since(start))
	}
	return 10000 / float64(max(best, 1))
}

// work works for so many nanoseconds, half as much to half as much again.
func work(rng *rand.Rand, ns int, speed float64) {
	spin(int(float64(ns) * (0.5 + rng.Float64()) * speed))
}

// spin takes steps that depend on each other, so that none can be left out.
func spin(steps int) {
	x := uint64(steps)
	for range steps {
		x = x*6364136223846793005 + 1442695040888963407
	}
	if x == 0 {
		sink.Add(1)
	}
}

// mixed has goroutines that try to put or to get, as the dice fall. Failures count
// as operations.
func mixed(t *trial) error {
	goroutines, err := t.goroutines(4)
	if err != nil {
		return err
	}
	each := max(1, t.n/goroutines)
	v, capacity, err := t.make(goroutines, goroutines, each)
	if err != nil {
		return err
	}
	q, err := need[peer.Trier](t, v)
	if err != nil {
		return err
	}
	half := 0
	for half < max(capacity, 2)/2 && q.TryPut(peer.ID(goroutines, half)) {
		half++
	}
	put, logs := counts(goroutines, 0, half), make([][]uint64, goroutines)
	var failed atomic.Int64
	start := make(chan struct{})
	var wg sync.WaitGroup
	for g := range goroutines {
		log := touched(each)
		rng := rand.New(rand.NewPCG(2, uint64(g)))
		wg.Go(func() {
			<-start
			puts, gets, fails := 0, 0, 0
			for i := 0; i < each; {
				for bits := rng.Uint64() | 1<<63; bits > 1 && i < each; bits >>= 1 {
					i++
					if bits&1 == 0 {
						if q.TryPut(peer.ID(g, puts)) {
							puts++
						} else {
							fails++
						}
					} else if id, ok := q.TryGet(); ok {
						log[gets] = id
						gets++
					} else {
						fails++
					}
				}
			}
			put[g], logs[g] = puts, log[:gets]
			failed.Add(int64(fails))
		})
	}
	total := each * goroutines
	t.timed(total, func() {
		close(start)
		wg.Wait()
	})
	t.report(float64(failed.Load())/float64(total), "fail/op")
	l := newLedger(put...)
	for _, log := range logs {
		l.got(log)
	}
	var rest []uint64
	for id, ok := q.TryGet(); ok; id, ok = q.TryGet() {
		rest = append(rest, id)
	}
	l.got(rest)
	t.settle(l)
	return nil
}

// emptyPoll tries to get from an empty queue, in several goroutines.
func emptyPoll(t *trial) error {
	goroutines, err := t.goroutines(1)
	if err != nil {
		return err
	}
	v, _, err := t.make(1, goroutines, 1)
	if err != nil {
		return err
	}
	q, err := need[peer.Trier](t, v)
	if err != nil {
		return err
	}
	return t.poll(goroutines, "got an item that nobody has put", q.PollGets)
}

// fullPoll tries to put into a full queue.
func fullPoll(t *trial) error {
	goroutines, err := t.goroutines(1)
	if err != nil {
		return err
	}
	v, capacity, err := t.make(goroutines, 1, t.n)
	if err != nil {
		return err
	}
	q, err := need[peer.Trier](t, v)
	if err != nil {
		return err
	}
	if capacity == 0 {
		return fmt.Errorf("%w: no queue without a bound is ever full", errBadKey)
	}
	for i := range capacity {
		if !q.TryPut(peer.ID(goroutines, i)) {
			t.wrong(1, fmt.Sprintf("full with %d of %d items", i, capacity))
			return nil
		}
	}
	return t.poll(goroutines, "put more items than there is room for", q.PollPuts)
}

// poll has several goroutines call try, which must fail n times.
func (t *trial) poll(goroutines int, why string, try func(n int) (done int)) error {
	each := max(1, t.n/goroutines)
	var done atomic.Int64
	start := make(chan struct{})
	var wg sync.WaitGroup
	for range goroutines {
		wg.Go(func() {
			<-start
			done.Add(int64(try(each)))
		})
	}
	t.timed(each*goroutines, func() {
		close(start)
		wg.Wait()
	})
	if n := int(done.Load()); n > 0 && !t.impl.Pseudo {
		t.wrong(n, why)
	}
	return nil
}

// burst puts n items at once, and when the other goroutine has got them it says so,
// by the same means. An operation is an item.
func burst(t *trial) error {
	size, err := t.number("n", 100)
	if err != nil {
		return err
	}
	size = max(1, size)
	bursts := max(1, t.n/size)
	there, _, err := t.queue(1, 1, bursts*size)
	if err != nil {
		return err
	}
	back, _, err := t.queue(1, 1, bursts)
	if err != nil {
		return err
	}
	log, replies := touched(bursts*size), make([]uint64, bursts)
	var wg sync.WaitGroup
	t.timed(bursts*size, func() {
		wg.Go(func() {
			for b := range bursts {
				there.Gets(log[b*size : (b+1)*size])
				back.Put(peer.ID(0, b))
			}
		})
		for b := range bursts {
			there.Puts(peer.ID(0, b*size), size)
			replies[b] = back.Get()
		}
		wg.Wait()
	})
	for _, ids := range [][]uint64{log, replies} {
		l := newLedger(len(ids))
		l.got(ids)
		t.settle(l)
	}
	return nil
}

// chain sends items through several queues, with a goroutine between each two.
func chain(t *trial) error {
	length, err := t.number("queues", 4)
	if err != nil {
		return err
	}
	if length < 1 {
		return fmt.Errorf("%w: queues=%d", errBadKey, length)
	}
	queues := make([]peer.Queue, length)
	for i := range queues {
		if queues[i], _, err = t.queue(1, 1, t.n); err != nil {
			return err
		}
	}
	log := touched(t.n)
	var wg sync.WaitGroup
	t.timed(t.n, func() {
		wg.Go(func() {
			queues[0].Puts(peer.ID(0, 0), t.n)
		})
		for i := 1; i < length; i++ {
			wg.Go(func() {
				for range t.n {
					queues[i].Put(queues[i-1].Get())
				}
			})
		}
		queues[length-1].Gets(log)
		wg.Wait()
	})
	l := newLedger(t.n)
	l.got(log)
	t.settle(l)
	return nil
}

// batch sends batches of k items. A peer without batches puts one item after the
// other. An operation is an item.
func batch(t *trial) error {
	producers, consumers, err := t.shape()
	if err != nil {
		return err
	}
	k, err := t.number("k", 64)
	if err != nil {
		return err
	}
	k = max(1, k)
	each := max(1, t.n/(producers*k)) * k
	total := each * producers
	v, capacity, err := t.make(producers, consumers, each)
	if err != nil {
		return err
	}
	if capacity > 0 && k > capacity {
		return fmt.Errorf("%w: k=%d is more than cap=%d", errBadKey, k, capacity)
	}

	batcher, batches := v.(peer.Batcher)
	pusher, pushes := v.(peer.Pusher)
	put := func(first uint64) { v.(peer.Queue).Puts(first, each) }
	get := func(ids []uint64) { v.(peer.Queue).Gets(ids) }
	switch {
	case batches:
		put = func(first uint64) { batcher.PutBatches(first, each, k) }
		get = func(ids []uint64) { batcher.GetBatches(ids, k) }
	case pushes:
		put = func(first uint64) { pusher.PutBatches(first, each, k) }
		get = nil
	}

	log := touched(total)
	parts := make([][]uint64, consumers)
	listened := total
	start := make(chan struct{})
	var putting, getting sync.WaitGroup
	for p := range producers {
		putting.Go(func() {
			<-start
			put(peer.ID(p, 0))
		})
	}
	for c := range consumers {
		parts[c] = log[c*total/consumers : (c+1)*total/consumers]
		getting.Go(func() {
			<-start
			if get == nil {
				listened = pusher.Listen(parts[c])
			} else {
				get(parts[c])
			}
		})
	}
	t.timed(total, func() {
		close(start)
		putting.Wait()
		if pushes {
			pusher.Close()
		}
		getting.Wait()
	})
	if listened != total {
		t.wrong(1, fmt.Sprintf("%d items instead of %d", listened, total))
		return nil
	}
	l := newLedger(counts(producers-1, each, each)...)
	for _, part := range parts {
		l.got(part)
	}
	t.settle(l)
	return nil
}

// selects puts items into three queues in turn, and gets them from whichever has
// one.
func selects(t *trial) error {
	const n = 3
	each := max(1, t.n/n)
	queues := make([]peer.Queue, n)
	others := make([]any, 0, n)
	for i := range queues {
		var err error
		if queues[i], _, err = t.queue(n, 1, each); err != nil {
			return err
		}
		others = append(others, queues[i])
	}
	q, err := need[peer.Selector](t, others[0])
	if err != nil {
		return err
	}
	get := q.Select(others[1:]...)
	log := touched(each * n)
	var wg sync.WaitGroup
	t.timed(each*n, func() {
		wg.Go(func() {
			for i := range each {
				for p, q := range queues {
					q.Put(peer.ID(p, i))
				}
			}
		})
		for i := range log {
			log[i] = get()
		}
		wg.Wait()
	})
	l := newLedger(each, each, each)
	l.got(log)
	t.settle(l)
	return nil
}

// cancels gives up waiting: a goroutine waits on an empty queue until its context
// ends.
func cancels(t *trial) error {
	v, _, err := t.make(1, 1, 1)
	if err != nil {
		return err
	}
	q, err := need[peer.Canceller](t, v)
	if err != nil {
		return err
	}
	contexts, ended := make(chan context.Context), make(chan error)
	go func() {
		for ctx := range contexts {
			_, err := q.GetCtx(ctx)
			ended <- err
		}
	}()
	defer close(contexts)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	t.timed(t.n, func() {
		for range t.n {
			ctx, cancel := context.WithCancel(context.Background())
			contexts <- ctx
			runtime.Gosched() // lets it begin to wait
			cancel()
			if err := <-ended; err != context.Canceled {
				t.wrong(1, fmt.Sprintf("a wait ended with %v", err))
			}
		}
	})
	runtime.ReadMemStats(&after)
	if t.sample.Wrong == 0 {
		t.report(float64(after.Mallocs-before.Mallocs)/float64(t.n), "allocs/op")
	}
	return nil
}
