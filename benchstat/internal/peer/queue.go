package peer

import (
	"context"
	"fmt"
	"time"

	"github.com/parkring/queue"
)

// queuePeer is the queue of this module.
type queuePeer[T any] struct {
	items[T]
	q *queue.Queue[T]
}

func newQueue[T any](c Config) (any, error) {
	return &queuePeer[T]{newItems[T](c), queue.New[T](c.Cap)}, nil
}

func must(err error) {
	if err != nil {
		panic(err) // the queue is open and the context does not end
	}
}

func (p *queuePeer[T]) Put(id uint64) { p.Puts(id, 1) }
func (p *queuePeer[T]) Get() uint64   { return one(p.Gets) }

func (p *queuePeer[T]) TryPut(id uint64) bool { return p.q.TryPut(p.item(id)) == nil }

func (p *queuePeer[T]) TryGet() (uint64, bool) {
	v, err := p.q.TryGet()
	return p.got(v, err == nil)
}

func (p *queuePeer[T]) PutCtx(ctx context.Context, id uint64) error {
	return p.q.Put(ctx, p.item(id))
}

func (p *queuePeer[T]) GetCtx(ctx context.Context) (uint64, error) {
	v, err := p.q.Get(ctx)
	if err != nil {
		return 0, err
	}
	return p.id(v), nil
}

func (p *queuePeer[T]) Select(others ...any) func() uint64 {
	var v T
	cases := []queue.Case{p.q.GetCase(&v)}
	for _, o := range others {
		cases = append(cases, o.(*queuePeer[T]).q.GetCase(&v))
	}
	return func() uint64 {
		_, err := queue.Select(context.Background(), cases...)
		must(err)
		return p.id(v)
	}
}

// spscPeer is the queue of this module for one producer and one consumer.
type spscPeer[T any] struct {
	items[T]
	q *queue.SPSC[T]
}

func newSPSC[T any](c Config) (any, error) {
	if c.Producers > 1 || c.Consumers > 1 || c.Cap == 0 {
		return nil, fmt.Errorf("%d producers, %d consumers, %d items: %w", c.Producers, c.Consumers, c.Cap, ErrNotSo)
	}
	return &spscPeer[T]{newItems[T](c), queue.NewSPSC[T](c.Cap)}, nil
}

func (p *spscPeer[T]) Put(id uint64) { p.Puts(id, 1) }
func (p *spscPeer[T]) Get() uint64   { return one(p.Gets) }

func (p *spscPeer[T]) TryPut(id uint64) bool { return p.q.TryPut(p.item(id)) == nil }

func (p *spscPeer[T]) TryGet() (uint64, bool) {
	v, err := p.q.TryGet()
	return p.got(v, err == nil)
}

func (p *spscPeer[T]) PutCtx(ctx context.Context, id uint64) error {
	return p.q.Put(ctx, p.item(id))
}

func (p *spscPeer[T]) GetCtx(ctx context.Context) (uint64, error) {
	v, err := p.q.Get(ctx)
	if err != nil {
		return 0, err
	}
	return p.id(v), nil
}

// slowPeer is the queue of this module with a handicap, for the test that the gate
// can fail.
type slowPeer[T any] struct{ queuePeer[T] }

func newSlow[T any](c Config) (any, error) {
	return &slowPeer[T]{queuePeer[T]{newItems[T](c), queue.New[T](c.Cap)}}, nil
}

func handicap() {
	for start := time.Now(); time.Since(start) < time.Microsecond; {
	}
}

func (p *slowPeer[T]) Put(id uint64) {
	handicap()
	p.queuePeer.Put(id)
}

func (p *slowPeer[T]) Get() uint64 {
	handicap()
	return p.queuePeer.Get()
}

func (p *slowPeer[T]) TryPut(id uint64) bool {
	handicap()
	return p.queuePeer.TryPut(id)
}

func (p *slowPeer[T]) TryGet() (uint64, bool) {
	handicap()
	return p.queuePeer.TryGet()
}
