package queue_test

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"testing"

	"github.com/puzpuzpuz/xsync/v3"

	"github.com/parkring/queue"
)

// The benchmarks compare this package with what else is used for its work, all
// on the same loops, item for item. Names are key=value, so that
//
//	go test -run '^$' -bench . -count 10 . | tee new.txt
//	go tool benchstat -col /impl new.txt
//
// makes a table. For a comparison to trust, which runs the implementations in
// turn and pairs them, use
//
//	go -C benchstat run .
//
// The names are
//
//	BenchmarkQueue/shape=S/cap=C/impl=I
//
// where shape is "pair" (one goroutine puts an item and gets it), "PxC" (P
// goroutines put, C get, an operation is an item that has gone through),
// "getempty" (TryGet on an empty queue) or "putfull" (TryPut on a full one), and
// cap is the capacity or "none". The peers are bounded; where the queue is not,
// they have room for largeCap items, as one gives a channel to be on the safe
// side.
//
// Besides ns/op there is cpu-ns/op, the processor time of the whole process: an
// implementation that spins while it waits, like xsync's, pays there.

var shapes = []string{"pair", "1x1", "4x4", "1x4", "4x1", "64x64"}

var caps = []int{1, 8, 64, 512, 0}

const largeCap = 1 << 16

var impls = []struct {
	name string
	make func(capacity int) peer
}{
	{"queue", func(n int) peer { return queuePeer{queue.New[int](n), context.Background()} }},
	{"chan", func(n int) peer { return chanPeer(make(chan int, orLarge(n))) }},
	{"queue-ctx", func(n int) peer { return queuePeer{queue.New[int](n), cancellable} }},
	{"chan-ctx", func(n int) peer { return ctxChanPeer{make(chan int, orLarge(n)), cancellable} }},
	{"mutex", func(n int) peer { return newMutexPeer(orLarge(n)) }},
	{"xsync", func(n int) peer { return xsyncPeer{xsync.NewMPMCQueueOf[int](orLarge(n))} }},
}

// cancellable is a context that can end, and so has to be waited for.
var cancellable, _ = context.WithCancel(context.Background()) //nolint:govet // it lasts as long as the program

func orLarge(n int) int {
	if n == 0 {
		return largeCap
	}
	return n
}

func BenchmarkQueue(b *testing.B) {
	for _, n := range caps {
		capacity := "none"
		if n > 0 {
			capacity = fmt.Sprint(n)
		}
		for _, shape := range shapes {
			for _, impl := range impls {
				b.Run(fmt.Sprintf("shape=%s/cap=%s/impl=%s", shape, capacity, impl.name), func(b *testing.B) {
					p := impl.make(n)
					if shape == "pair" {
						measure(b, func() int { return p.pairs(b.N) })
						return
					}
					var producers, consumers int
					if _, err := fmt.Sscanf(shape, "%dx%d", &producers, &consumers); err != nil {
						b.Fatal(err)
					}
					through(b, p, producers, consumers)
				})
			}
		}
	}
	for _, impl := range impls {
		b.Run("shape=getempty/cap=64/impl="+impl.name, func(b *testing.B) {
			p := impl.make(64)
			measure(b, func() int { return sum(b.N) + p.tryGets(b.N) - b.N })
		})
		b.Run("shape=putfull/cap=64/impl="+impl.name, func(b *testing.B) {
			p := impl.make(64)
			p.puts(0, 64)
			measure(b, func() int { return sum(b.N) + p.tryPuts(b.N) - b.N })
		})
	}
}

// through sends b.N items from producers to consumers.
func through(b *testing.B, p peer, producers, consumers int) {
	start := make(chan struct{})
	sums := make(chan int, consumers)
	var wg sync.WaitGroup
	for i := range producers {
		wg.Go(func() {
			<-start
			p.puts(b.N*i/producers, b.N*(i+1)/producers)
		})
	}
	for i := range consumers {
		wg.Go(func() {
			<-start
			sums <- p.gets(b.N*(i+1)/consumers - b.N*i/consumers)
		})
	}
	measure(b, func() (total int) {
		close(start)
		wg.Wait()
		for range consumers {
			total += <-sums
		}
		return total
	})
}

// measure times work, and checks the sum of the items that it returns, which
// must be 0, 1, ..., b.N-1.
func measure(b *testing.B, work func() int) {
	runtime.GC()
	before, ok := cpu()
	b.ResetTimer()
	got := work()
	b.StopTimer()
	if after, _ := cpu(); ok {
		b.ReportMetric(float64(after-before)/float64(b.N), "cpu-ns/op")
	}
	if got != sum(b.N) {
		b.Fatalf("sum of items %d, want %d", got, sum(b.N))
	}
}

func sum(n int) int { return n * (n - 1) / 2 }

// peer is an implementation under measurement. Its methods are loops that call
// it directly, as its users do: an indirect call per item would be a tenth of
// what is measured.
type peer interface {
	puts(from, to int)        // puts from, from+1, ..., to-1
	gets(n int) (sum int)     // gets n items
	pairs(n int) (sum int)    // puts and gets an item, n times
	tryPuts(n int) (fail int) // tries to put, n times
	tryGets(n int) (fail int) // tries to get, n times
}

type queuePeer struct {
	q   *queue.Queue[int]
	ctx context.Context
}

func (p queuePeer) puts(from, to int) {
	for v := from; v < to; v++ {
		if err := p.q.Put(p.ctx, v); err != nil {
			panic(err)
		}
	}
}

func (p queuePeer) gets(n int) (sum int) {
	for range n {
		v, err := p.q.Get(p.ctx)
		if err != nil {
			panic(err)
		}
		sum += v
	}
	return sum
}

func (p queuePeer) pairs(n int) (sum int) {
	for v := range n {
		if err := p.q.Put(p.ctx, v); err != nil {
			panic(err)
		}
		v, err := p.q.Get(p.ctx)
		if err != nil {
			panic(err)
		}
		sum += v
	}
	return sum
}

func (p queuePeer) tryPuts(n int) (fail int) {
	for v := range n {
		if p.q.TryPut(v) != nil {
			fail++
		}
	}
	return fail
}

func (p queuePeer) tryGets(n int) (fail int) {
	for range n {
		if _, err := p.q.TryGet(); err != nil {
			fail++
		}
	}
	return fail
}

type chanPeer chan int

func (p chanPeer) puts(from, to int) {
	for v := from; v < to; v++ {
		p <- v
	}
}

func (p chanPeer) gets(n int) (sum int) {
	for range n {
		v, ok := <-p
		if !ok {
			panic("closed")
		}
		sum += v
	}
	return sum
}

func (p chanPeer) pairs(n int) (sum int) {
	for v := range n {
		p <- v
		v, ok := <-p
		if !ok {
			panic("closed")
		}
		sum += v
	}
	return sum
}

func (p chanPeer) tryPuts(n int) (fail int) {
	for v := range n {
		select {
		case p <- v:
		default:
			fail++
		}
	}
	return fail
}

func (p chanPeer) tryGets(n int) (fail int) {
	for range n {
		select {
		case <-p:
		default:
			fail++
		}
	}
	return fail
}

// ctxChanPeer is a channel as one has to use it to give what Put and Get give: a
// call that ends with its context.
type ctxChanPeer struct {
	chanPeer // its try loops: they do not wait, so need no context
	ctx      context.Context
}

func (p ctxChanPeer) puts(from, to int) {
	for v := from; v < to; v++ {
		select {
		case p.chanPeer <- v:
		case <-p.ctx.Done():
			panic(p.ctx.Err())
		}
	}
}

func (p ctxChanPeer) gets(n int) (sum int) {
	for range n {
		select {
		case v := <-p.chanPeer:
			sum += v
		case <-p.ctx.Done():
			panic(p.ctx.Err())
		}
	}
	return sum
}

func (p ctxChanPeer) pairs(n int) (sum int) {
	for v := range n {
		p.puts(v, v+1)
		sum += p.gets(1)
	}
	return sum
}

// mutexPeer is the textbook queue: a ring under a mutex with two conditions.
type mutexPeer struct {
	mu              sync.Mutex
	notEmpty, empty sync.Cond
	ring            []int
	head, n         int
}

func newMutexPeer(capacity int) *mutexPeer {
	p := &mutexPeer{ring: make([]int, capacity)}
	p.notEmpty.L, p.empty.L = &p.mu, &p.mu
	return p
}

func (p *mutexPeer) put(v int) {
	p.mu.Lock()
	for p.n == len(p.ring) {
		p.empty.Wait()
	}
	p.push(v)
	p.mu.Unlock()
	p.notEmpty.Signal()
}

func (p *mutexPeer) get() int {
	p.mu.Lock()
	for p.n == 0 {
		p.notEmpty.Wait()
	}
	v := p.pop()
	p.mu.Unlock()
	p.empty.Signal()
	return v
}

func (p *mutexPeer) push(v int) {
	i := p.head + p.n
	if i >= len(p.ring) {
		i -= len(p.ring)
	}
	p.ring[i] = v
	p.n++
}

func (p *mutexPeer) pop() int {
	v := p.ring[p.head]
	if p.head++; p.head == len(p.ring) {
		p.head = 0
	}
	p.n--
	return v
}

func (p *mutexPeer) puts(from, to int) {
	for v := from; v < to; v++ {
		p.put(v)
	}
}

func (p *mutexPeer) gets(n int) (sum int) {
	for range n {
		sum += p.get()
	}
	return sum
}

func (p *mutexPeer) pairs(n int) (sum int) {
	for v := range n {
		p.put(v)
		sum += p.get()
	}
	return sum
}

func (p *mutexPeer) tryPuts(n int) (fail int) {
	for v := range n {
		p.mu.Lock()
		if p.n < len(p.ring) {
			p.push(v)
			p.notEmpty.Signal()
		} else {
			fail++
		}
		p.mu.Unlock()
	}
	return fail
}

func (p *mutexPeer) tryGets(n int) (fail int) {
	for range n {
		p.mu.Lock()
		if p.n > 0 {
			p.pop()
			p.empty.Signal()
		} else {
			fail++
		}
		p.mu.Unlock()
	}
	return fail
}

// xsyncPeer is xsync's MPMC queue, used as its documentation tells: it does not
// wait, so one tries again after yielding, for as long as it takes. (Its blocking
// methods are deprecated. They yield in a loop too, but hold a ticket meanwhile,
// and are slower in nearly every cell.)
type xsyncPeer struct{ q *xsync.MPMCQueueOf[int] }

func (p xsyncPeer) put(v int) {
	for !p.q.TryEnqueue(v) {
		runtime.Gosched()
	}
}

func (p xsyncPeer) get() int {
	for {
		if v, ok := p.q.TryDequeue(); ok {
			return v
		}
		runtime.Gosched()
	}
}

func (p xsyncPeer) puts(from, to int) {
	for v := from; v < to; v++ {
		p.put(v)
	}
}

func (p xsyncPeer) gets(n int) (sum int) {
	for range n {
		sum += p.get()
	}
	return sum
}

func (p xsyncPeer) pairs(n int) (sum int) {
	for v := range n {
		p.put(v)
		sum += p.get()
	}
	return sum
}

func (p xsyncPeer) tryPuts(n int) (fail int) {
	for v := range n {
		if !p.q.TryEnqueue(v) {
			fail++
		}
	}
	return fail
}

func (p xsyncPeer) tryGets(n int) (fail int) {
	for range n {
		if _, ok := p.q.TryDequeue(); !ok {
			fail++
		}
	}
	return fail
}

// BenchmarkBatch measures the cost per item, in and out, if that many are put and
// taken at once; single=put and single=get do one side of it one by one.
func BenchmarkBatch(b *testing.B) {
	ctx := context.Background()
	for _, capacity := range []int{1024, 0} {
		q := queue.New[int](capacity)
		name := "cap=1024"
		if capacity == 0 {
			name = "cap=none"
		}
		each := func(vs []int, f func(i int) error) (int, error) {
			for i := range vs {
				if err := f(i); err != nil {
					return i, err
				}
			}
			return len(vs), nil
		}
		put := func(vs []int) (int, error) { return q.PutBatch(ctx, vs) }
		get := func(vs []int) (int, error) { return q.GetBatch(ctx, vs) }
		put1 := func(vs []int) (int, error) { return each(vs, func(i int) error { return q.Put(ctx, vs[i]) }) }
		get1 := func(vs []int) (int, error) {
			return each(vs, func(i int) (err error) { vs[i], err = q.Get(ctx); return err })
		}
		for _, how := range []struct {
			name     string
			put, get func([]int) (int, error)
		}{{"none", put, get}, {"put", put1, get}, {"get", put, get1}, {"both", put1, get1}} {
			for _, k := range []int{1, 8, 64, 512} {
				b.Run(fmt.Sprintf("%s/k=%d/single=%s", name, k, how.name), func(b *testing.B) {
					vs, buf := make([]int, k), make([]int, k)
					for i := 0; i < b.N; i += k {
						for j := range vs {
							vs[j] = i + j
						}
						n, err := how.put(vs)
						m, err2 := how.get(buf)
						if n != k || m != k || err != nil || err2 != nil || buf[k-1] != i+k-1 {
							b.Fatal(n, m, err, err2, buf[k-1])
						}
					}
				})
			}
		}
	}
}

// BenchmarkSelect compares with Go's select over as many channels: one get of them
// that is ready, and a get that waits, in a round trip between two goroutines.
func BenchmarkSelect(b *testing.B) {
	q := [3]*queue.Queue[int]{queue.New[int](1), queue.New[int](1), queue.New[int](1)}
	c := [3]chan int{make(chan int, 1), make(chan int, 1), make(chan int, 1)}
	back, backChan := queue.New[int](1), make(chan int, 1)
	ctx := context.Background()
	var x, y, z int
	sel := func() int {
		_, _ = queue.Select(ctx, q[0].GetCase(&x), q[1].GetCase(&y), q[2].GetCase(&z))
		return x
	}
	selChan := func() int {
		select {
		case x = <-c[0]:
		case y = <-c[1]:
		case z = <-c[2]:
		}
		return x
	}
	b.Run("state=ready/impl=queue", func(b *testing.B) {
		for i := range b.N {
			_ = q[0].TryPut(i)
			sel()
		}
	})
	b.Run("state=ready/impl=chan", func(b *testing.B) {
		for i := range b.N {
			c[0] <- i
			selChan()
		}
	})
	b.Run("state=put/impl=queue", func(b *testing.B) {
		for i := range b.N {
			_, _ = queue.Select(ctx, q[0].PutCase(i), q[1].GetCase(&y))
			_, _ = q[0].TryGet()
		}
	})
	b.Run("state=put/impl=chan", func(b *testing.B) {
		for i := range b.N {
			select {
			case c[0] <- i:
			case y = <-c[1]:
			}
			<-c[0]
		}
	})
	b.Run("state=none/impl=queue", func(b *testing.B) {
		for range b.N {
			_, _ = queue.TrySelect(q[0].GetCase(&x), q[1].GetCase(&y), q[2].GetCase(&z))
		}
	})
	b.Run("state=none/impl=chan", func(b *testing.B) {
		for range b.N {
			select {
			case x = <-c[0]:
			case y = <-c[1]:
			case z = <-c[2]:
			default:
			}
		}
	})
	b.Run("state=waits/impl=queue", func(b *testing.B) {
		go func() {
			for range b.N {
				v, _ := back.Get(ctx)
				_ = q[0].Put(ctx, v)
			}
		}()
		for i := range b.N {
			_ = back.Put(ctx, i)
			if sel() != i {
				b.Fatal("not the item")
			}
		}
	})
	b.Run("state=waits/impl=chan", func(b *testing.B) {
		go func() {
			for range b.N {
				c[0] <- <-backChan
			}
		}()
		for i := range b.N {
			backChan <- i
			if selChan() != i {
				b.Fatal("not the item")
			}
		}
	})
}

// BenchmarkFamily measures what the rest of the package costs: each function in
// the state that it is for. join is a Put, a Get and a TaskDone, to compare with
// the pair of BenchmarkQueue.
func BenchmarkFamily(b *testing.B) {
	ctx := context.Background()
	b.Run("op=force/state=full", func(b *testing.B) {
		q := queue.New[int](64)
		for i := 0; b.Loop(); i++ {
			_, _, _ = q.ForcePut(i)
		}
	})
	b.Run("op=force/state=room", func(b *testing.B) {
		q := queue.New[int](64)
		for i := 0; b.Loop(); i++ {
			_, _, _ = q.ForcePut(i)
			_, _ = q.TryGet()
		}
	})
	b.Run("op=join", func(b *testing.B) {
		q := queue.New[int](64)
		for i := 0; b.Loop(); i++ {
			_ = q.Put(ctx, i)
			_, _ = q.Get(ctx)
			q.TaskDone()
		}
	})
	b.Run("op=stats", func(b *testing.B) {
		q := queue.New[int](64)
		for b.Loop() {
			_ = q.Stats()
		}
	})
	b.Run("op=closenow/items=64", func(b *testing.B) {
		for b.Loop() {
			q := queue.New[int](64)
			for i := range 64 {
				_ = q.TryPut(i)
			}
			if len(q.CloseNow()) != 64 {
				b.Fatal("items are missing")
			}
		}
	})
}

// BenchmarkSPSC compares a queue for one producer and one consumer with one for
// many, and with a channel:
//
//	BenchmarkSPSC/shape=S/cap=C/impl=I
//
// with the shapes of BenchmarkQueue, as far as they have one producer and one
// consumer, on the same loops.
func BenchmarkSPSC(b *testing.B) {
	impls := []struct {
		name string
		make func(capacity int) peer
	}{
		{"spsc", func(n int) peer { return spscPeer{queue.NewSPSC[int](n), context.Background()} }},
		{"spsc-ctx", func(n int) peer { return spscPeer{queue.NewSPSC[int](n), cancellable} }},
		{"queue", func(n int) peer { return queuePeer{queue.New[int](n), context.Background()} }},
		{"chan", func(n int) peer { return chanPeer(make(chan int, n)) }},
		{"chan-ctx", func(n int) peer { return ctxChanPeer{make(chan int, n), cancellable} }},
	}
	for _, n := range []int{1, 8, 64, 1024} {
		for _, impl := range impls {
			b.Run(fmt.Sprintf("shape=pair/cap=%d/impl=%s", n, impl.name), func(b *testing.B) {
				p := impl.make(n)
				measure(b, func() int { return p.pairs(b.N) })
			})
		}
		for _, impl := range impls {
			b.Run(fmt.Sprintf("shape=1x1/cap=%d/impl=%s", n, impl.name), func(b *testing.B) {
				through(b, impl.make(n), 1, 1)
			})
		}
	}
	for _, impl := range impls {
		b.Run("shape=getempty/cap=64/impl="+impl.name, func(b *testing.B) {
			p := impl.make(64)
			measure(b, func() int { return sum(b.N) + p.tryGets(b.N) - b.N })
		})
		b.Run("shape=putfull/cap=64/impl="+impl.name, func(b *testing.B) {
			p := impl.make(64)
			p.puts(0, 64)
			measure(b, func() int { return sum(b.N) + p.tryPuts(b.N) - b.N })
		})
	}
}

type spscPeer struct {
	q   *queue.SPSC[int]
	ctx context.Context
}

func (p spscPeer) puts(from, to int) {
	for v := from; v < to; v++ {
		if err := p.q.Put(p.ctx, v); err != nil {
			panic(err)
		}
	}
}

func (p spscPeer) gets(n int) (sum int) {
	for range n {
		v, err := p.q.Get(p.ctx)
		if err != nil {
			panic(err)
		}
		sum += v
	}
	return sum
}

func (p spscPeer) pairs(n int) (sum int) {
	for v := range n {
		if err := p.q.Put(p.ctx, v); err != nil {
			panic(err)
		}
		v, err := p.q.Get(p.ctx)
		if err != nil {
			panic(err)
		}
		sum += v
	}
	return sum
}

func (p spscPeer) tryPuts(n int) (fail int) {
	for v := range n {
		if p.q.TryPut(v) != nil {
			fail++
		}
	}
	return fail
}

func (p spscPeer) tryGets(n int) (fail int) {
	for range n {
		if _, err := p.q.TryGet(); err != nil {
			fail++
		}
	}
	return fail
}
