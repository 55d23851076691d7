package queue_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/parkring/queue"
)

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
