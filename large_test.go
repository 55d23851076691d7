package queue_test

import (
	"context"
	"iter"

	"github.com/parkring/queue"
)

// large is a queue of items that are not in registers, whose fast path is in part another
// one, as a queue of one of their parts: all parts of an item are the same.
type large[T comparable] struct{ *queue.Queue[parts[T]] }

type parts[T comparable] [5]T

func whole[T comparable](v T) (p parts[T]) {
	for i := range p {
		p[i] = v
	}
	return p
}

// part returns one of the parts of p, after a look whether all are the same.
func (p parts[T]) part() T {
	if p != whole(p[0]) {
		panic("an item is made of several")
	}
	return p[0]
}

func (q large[T]) Put(ctx context.Context, v T) error { return q.Queue.Put(ctx, whole(v)) }
func (q large[T]) TryPut(v T) error                   { return q.Queue.TryPut(whole(v)) }

func (q large[T]) Get(ctx context.Context) (T, error) {
	p, err := q.Queue.Get(ctx)
	return p.part(), err
}

func (q large[T]) TryGet() (T, error) {
	p, err := q.Queue.TryGet()
	return p.part(), err
}

func (q large[T]) All(ctx context.Context) iter.Seq[T] {
	return func(yield func(T) bool) {
		for p := range q.Queue.All(ctx) {
			if !yield(p.part()) {
				return
			}
		}
	}
}

func wholes[T comparable](vs []T) []parts[T] {
	ps := make([]parts[T], len(vs))
	for i, v := range vs {
		ps[i] = whole(v)
	}
	return ps
}

// get has do get into parts, which it takes from buf and gives back.
func get[T comparable](buf []T, do func(ps []parts[T]) (int, error)) (int, error) {
	ps := wholes(buf)
	n, err := do(ps)
	for i, p := range ps {
		buf[i] = p.part()
	}
	return n, err
}

func (q large[T]) PutBatch(ctx context.Context, vs []T) (int, error) {
	return q.Queue.PutBatch(ctx, wholes(vs))
}

func (q large[T]) TryPutBatch(vs []T) (int, error) { return q.Queue.TryPutBatch(wholes(vs)) }

func (q large[T]) GetBatch(ctx context.Context, buf []T) (int, error) {
	return get(buf, func(ps []parts[T]) (int, error) { return q.Queue.GetBatch(ctx, ps) })
}

func (q large[T]) TryGetBatch(buf []T) (int, error) { return get(buf, q.Queue.TryGetBatch) }
