package peer

import (
	"context"
	"fmt"
	"sync"

	"github.com/smallnest/chanx"
)

// chanPeer is a Go channel.
type chanPeer[T any] struct {
	items[T]
	c chan T
}

func newChan[T any](c Config) (any, error) {
	return &chanPeer[T]{newItems[T](c), make(chan T, c.room())}, nil
}

func (p *chanPeer[T]) Put(id uint64) { p.c <- p.item(id) }
func (p *chanPeer[T]) Get() uint64   { return p.id(<-p.c) }

func (p *chanPeer[T]) TryPut(id uint64) bool {
	select {
	case p.c <- p.item(id):
		return true
	default:
		return false
	}
}

func (p *chanPeer[T]) TryGet() (uint64, bool) {
	select {
	case v := <-p.c:
		return p.id(v), true
	default:
		return 0, false
	}
}

func (p *chanPeer[T]) PutCtx(ctx context.Context, id uint64) error {
	select {
	case p.c <- p.item(id):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (p *chanPeer[T]) GetCtx(ctx context.Context) (uint64, error) {
	select {
	case v := <-p.c:
		return p.id(v), nil
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

func (p *chanPeer[T]) Select(others ...any) func() uint64 {
	if len(others) != 2 {
		panic(fmt.Sprintf("a select statement with %d cases", 1+len(others)))
	}
	a, b, c := p.c, others[0].(*chanPeer[T]).c, others[1].(*chanPeer[T]).c
	return func() uint64 {
		select {
		case v := <-a:
			return p.id(v)
		case v := <-b:
			return p.id(v)
		case v := <-c:
			return p.id(v)
		}
	}
}

// mutexPeer is the textbook queue: a ring under a mutex, with two conditions.
type mutexPeer[T any] struct {
	items[T]
	mu              sync.Mutex
	notEmpty, space sync.Cond
	ring            []T
	head, n         int
}

func newMutex[T any](c Config) (any, error) {
	p := &mutexPeer[T]{items: newItems[T](c), ring: make([]T, c.room())}
	p.notEmpty.L, p.space.L = &p.mu, &p.mu
	return p, nil
}

func (p *mutexPeer[T]) push(v T) {
	i := p.head + p.n
	if i >= len(p.ring) {
		i -= len(p.ring)
	}
	p.ring[i] = v
	p.n++
}

func (p *mutexPeer[T]) pop() (v T) {
	v, p.ring[p.head] = p.ring[p.head], v
	if p.head++; p.head == len(p.ring) {
		p.head = 0
	}
	p.n--
	return v
}

func (p *mutexPeer[T]) Put(id uint64) {
	v := p.item(id)
	p.mu.Lock()
	for p.n == len(p.ring) {
		p.space.Wait()
	}
	p.push(v)
	p.mu.Unlock()
	p.notEmpty.Signal()
}

func (p *mutexPeer[T]) Get() uint64 {
	p.mu.Lock()
	for p.n == 0 {
		p.notEmpty.Wait()
	}
	v := p.pop()
	p.mu.Unlock()
	p.space.Signal()
	return p.id(v)
}

func (p *mutexPeer[T]) TryPut(id uint64) bool {
	v := p.item(id)
	p.mu.Lock()
	ok := p.n < len(p.ring)
	if ok {
		p.push(v)
	}
	p.mu.Unlock()
	if ok {
		p.notEmpty.Signal()
	}
	return ok
}

func (p *mutexPeer[T]) TryGet() (uint64, bool) {
	var v T
	p.mu.Lock()
	ok := p.n > 0
	if ok {
		v = p.pop()
	}
	p.mu.Unlock()
	if !ok {
		return 0, false
	}
	p.space.Signal()
	return p.id(v), true
}

// chanxPeer is a channel without a bound: a goroutine moves items from one channel
// to another, and keeps those for which there is no room.
type chanxPeer[T any] struct {
	items[T]
	c *chanx.UnboundedChan[T]
}

func newChanx[T any](c Config) (any, error) {
	if c.Cap != 0 {
		return nil, fmt.Errorf("with a bound: %w", ErrNotSo)
	}
	return &chanxPeer[T]{newItems[T](c), chanx.NewUnboundedChan[T](context.Background(), 64)}, nil
}

func (p *chanxPeer[T]) Put(id uint64) { p.c.In <- p.item(id) }
func (p *chanxPeer[T]) Get() uint64   { return p.id(<-p.c.Out) }
