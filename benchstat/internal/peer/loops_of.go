package peer

import "context"

// The loops of each peer.

func (p *queuePeer[T]) Puts(first uint64, n int) {
	puts(first, n, func(id uint64) {
		must(p.q.Put(context.Background(), p.item(id)))
	})
}
func (p *queuePeer[T]) Gets(ids []uint64) {
	gets(ids, func() uint64 {
		v, err := p.q.Get(context.Background())
		must(err)
		return p.id(v)
	})
}
func (p *queuePeer[T]) Pairs(ids []uint64) {
	pairs(ids, func(id uint64) {
		must(p.q.Put(context.Background(), p.item(id)))
	}, func() uint64 {
		v, err := p.q.Get(context.Background())
		must(err)
		return p.id(v)
	})
}

func (p *queuePeer[T]) TryPuts(first uint64, n int) int {
	return tryPuts(first, n, func(id uint64) bool { return orYield(p.q.TryPut(p.item(id)) == nil) })
}
func (p *queuePeer[T]) TryGets(ids []uint64) int {
	return tryGets(ids, func() (uint64, bool) {
		v, err := p.q.TryGet()
		return p.got(v, orYield(err == nil))
	})
}
func (p *queuePeer[T]) PollPuts(n int) int {
	return pollPuts(n, func(id uint64) bool { return p.q.TryPut(p.item(id)) == nil })
}
func (p *queuePeer[T]) PollGets(n int) int {
	return pollGets(n, func() (uint64, bool) {
		v, err := p.q.TryGet()
		return p.got(v, err == nil)
	})
}

func (p *queuePeer[T]) PutsCtx(ctx context.Context, first uint64, n int) error {
	return putsCtx(ctx, first, n, func(ctx context.Context, id uint64) error { return p.PutCtx(ctx, id) })
}
func (p *queuePeer[T]) GetsCtx(ctx context.Context, ids []uint64) error {
	return getsCtx(ctx, ids, func(ctx context.Context) (uint64, error) { return p.GetCtx(ctx) })
}

func (p *queuePeer[T]) PutBatches(first uint64, n, k int) {
	putBatches(first, n, k, func(id uint64) T { return p.item(id) }, func(vs []T) {
		_, err := p.q.PutBatch(context.Background(), vs)
		must(err)
	})
}
func (p *queuePeer[T]) GetBatches(ids []uint64, k int) {
	getBatches(ids, k, func(v T) uint64 { return p.id(v) }, func(vs []T) int {
		n, err := p.q.GetBatch(context.Background(), vs)
		must(err)
		return n
	})
}

func (p *spscPeer[T]) Puts(first uint64, n int) {
	puts(first, n, func(id uint64) {
		must(p.q.Put(context.Background(), p.item(id)))
	})
}
func (p *spscPeer[T]) Gets(ids []uint64) {
	gets(ids, func() uint64 {
		v, err := p.q.Get(context.Background())
		must(err)
		return p.id(v)
	})
}
func (p *spscPeer[T]) Pairs(ids []uint64) {
	pairs(ids, func(id uint64) {
		must(p.q.Put(context.Background(), p.item(id)))
	}, func() uint64 {
		v, err := p.q.Get(context.Background())
		must(err)
		return p.id(v)
	})
}

func (p *spscPeer[T]) TryPuts(first uint64, n int) int {
	return tryPuts(first, n, func(id uint64) bool { return orYield(p.q.TryPut(p.item(id)) == nil) })
}
func (p *spscPeer[T]) TryGets(ids []uint64) int {
	return tryGets(ids, func() (uint64, bool) {
		v, err := p.q.TryGet()
		return p.got(v, orYield(err == nil))
	})
}
func (p *spscPeer[T]) PollPuts(n int) int {
	return pollPuts(n, func(id uint64) bool { return p.q.TryPut(p.item(id)) == nil })
}
func (p *spscPeer[T]) PollGets(n int) int {
	return pollGets(n, func() (uint64, bool) {
		v, err := p.q.TryGet()
		return p.got(v, err == nil)
	})
}

func (p *spscPeer[T]) PutsCtx(ctx context.Context, first uint64, n int) error {
	return putsCtx(ctx, first, n, func(ctx context.Context, id uint64) error { return p.PutCtx(ctx, id) })
}
func (p *spscPeer[T]) GetsCtx(ctx context.Context, ids []uint64) error {
	return getsCtx(ctx, ids, func(ctx context.Context) (uint64, error) { return p.GetCtx(ctx) })
}

func (p *spscPeer[T]) PutBatches(first uint64, n, k int) {
	putBatches(first, n, k, func(id uint64) T { return p.item(id) }, func(vs []T) {
		_, err := p.q.PutBatch(context.Background(), vs)
		must(err)
	})
}
func (p *spscPeer[T]) GetBatches(ids []uint64, k int) {
	getBatches(ids, k, func(v T) uint64 { return p.id(v) }, func(vs []T) int {
		n, err := p.q.GetBatch(context.Background(), vs)
		must(err)
		return n
	})
}

func (p *slowPeer[T]) Puts(first uint64, n int) { puts(first, n, func(id uint64) { p.Put(id) }) }
func (p *slowPeer[T]) Gets(ids []uint64)        { gets(ids, func() uint64 { return p.Get() }) }
func (p *slowPeer[T]) Pairs(ids []uint64) {
	pairs(ids, func(id uint64) { p.Put(id) }, func() uint64 { return p.Get() })
}

func (p *slowPeer[T]) TryPuts(first uint64, n int) int {
	return tryPuts(first, n, func(id uint64) bool { return orYield(p.TryPut(id)) })
}
func (p *slowPeer[T]) TryGets(ids []uint64) int {
	return tryGets(ids, func() (uint64, bool) {
		id, ok := p.TryGet()
		return id, orYield(ok)
	})
}
func (p *slowPeer[T]) PollPuts(n int) int {
	return pollPuts(n, func(id uint64) bool { return p.TryPut(id) })
}
func (p *slowPeer[T]) PollGets(n int) int {
	return pollGets(n, func() (uint64, bool) { return p.TryGet() })
}

func (p *chanPeer[T]) Puts(first uint64, n int) { puts(first, n, func(id uint64) { p.Put(id) }) }
func (p *chanPeer[T]) Gets(ids []uint64)        { gets(ids, func() uint64 { return p.Get() }) }
func (p *chanPeer[T]) Pairs(ids []uint64) {
	pairs(ids, func(id uint64) { p.Put(id) }, func() uint64 { return p.Get() })
}

func (p *chanPeer[T]) TryPuts(first uint64, n int) int {
	return tryPuts(first, n, func(id uint64) bool { return orYield(p.TryPut(id)) })
}
func (p *chanPeer[T]) TryGets(ids []uint64) int {
	return tryGets(ids, func() (uint64, bool) {
		id, ok := p.TryGet()
		return id, orYield(ok)
	})
}
func (p *chanPeer[T]) PollPuts(n int) int {
	return pollPuts(n, func(id uint64) bool { return p.TryPut(id) })
}
func (p *chanPeer[T]) PollGets(n int) int {
	return pollGets(n, func() (uint64, bool) { return p.TryGet() })
}

func (p *chanPeer[T]) PutsCtx(ctx context.Context, first uint64, n int) error {
	return putsCtx(ctx, first, n, func(ctx context.Context, id uint64) error { return p.PutCtx(ctx, id) })
}
func (p *chanPeer[T]) GetsCtx(ctx context.Context, ids []uint64) error {
	return getsCtx(ctx, ids, func(ctx context.Context) (uint64, error) { return p.GetCtx(ctx) })
}

func (p *mutexPeer[T]) Puts(first uint64, n int) { puts(first, n, func(id uint64) { p.Put(id) }) }
func (p *mutexPeer[T]) Gets(ids []uint64)        { gets(ids, func() uint64 { return p.Get() }) }
func (p *mutexPeer[T]) Pairs(ids []uint64) {
	pairs(ids, func(id uint64) { p.Put(id) }, func() uint64 { return p.Get() })
}

func (p *mutexPeer[T]) TryPuts(first uint64, n int) int {
	return tryPuts(first, n, func(id uint64) bool { return orYield(p.TryPut(id)) })
}
func (p *mutexPeer[T]) TryGets(ids []uint64) int {
	return tryGets(ids, func() (uint64, bool) {
		id, ok := p.TryGet()
		return id, orYield(ok)
	})
}
func (p *mutexPeer[T]) PollPuts(n int) int {
	return pollPuts(n, func(id uint64) bool { return p.TryPut(id) })
}
func (p *mutexPeer[T]) PollGets(n int) int {
	return pollGets(n, func() (uint64, bool) { return p.TryGet() })
}

func (p *chanxPeer[T]) Puts(first uint64, n int) { puts(first, n, func(id uint64) { p.Put(id) }) }
func (p *chanxPeer[T]) Gets(ids []uint64)        { gets(ids, func() uint64 { return p.Get() }) }
func (p *chanxPeer[T]) Pairs(ids []uint64) {
	pairs(ids, func(id uint64) { p.Put(id) }, func() uint64 { return p.Get() })
}

func (p *xsync3Peer[T]) Puts(first uint64, n int) {
	puts(first, n, func(id uint64) {
		p.q.Enqueue(p.item(id)) //lint:ignore SA1019 it is what this peer is about
	})
}
func (p *xsync3Peer[T]) Gets(ids []uint64) {
	gets(ids, func() uint64 {
		return p.id(p.q.Dequeue()) //lint:ignore SA1019 it is what this peer is about
	})
}
func (p *xsync3Peer[T]) Pairs(ids []uint64) {
	pairs(ids, func(id uint64) {
		p.q.Enqueue(p.item(id)) //lint:ignore SA1019 it is what this peer is about
	}, func() uint64 {
		return p.id(p.q.Dequeue()) //lint:ignore SA1019 it is what this peer is about
	})
}

func (p *xsync3Peer[T]) TryPuts(first uint64, n int) int {
	return tryPuts(first, n, func(id uint64) bool { return orYield(p.q.TryEnqueue(p.item(id))) })
}
func (p *xsync3Peer[T]) TryGets(ids []uint64) int {
	return tryGets(ids, func() (uint64, bool) {
		v, ok := p.q.TryDequeue()
		return p.got(v, orYield(ok))
	})
}
func (p *xsync3Peer[T]) PollPuts(n int) int {
	return pollPuts(n, func(id uint64) bool { return p.q.TryEnqueue(p.item(id)) })
}
func (p *xsync3Peer[T]) PollGets(n int) int {
	return pollGets(n, func() (uint64, bool) {
		return p.got(p.q.TryDequeue())
	})
}

func (p *xsyncPeer[T]) Puts(first uint64, n int) {
	puts(first, n, func(id uint64) {
		for v := p.item(id); !orYield(p.q.TryEnqueue(v)); {
		}
	})
}
func (p *xsyncPeer[T]) Gets(ids []uint64) {
	gets(ids, func() uint64 {
		for {
			if v, ok := p.q.TryDequeue(); orYield(ok) {
				return p.id(v)
			}
		}
	})
}
func (p *xsyncPeer[T]) Pairs(ids []uint64) {
	pairs(ids, func(id uint64) {
		for v := p.item(id); !orYield(p.q.TryEnqueue(v)); {
		}
	}, func() uint64 {
		for {
			if v, ok := p.q.TryDequeue(); orYield(ok) {
				return p.id(v)
			}
		}
	})
}

func (p *xsyncPeer[T]) TryPuts(first uint64, n int) int {
	return tryPuts(first, n, func(id uint64) bool { return orYield(p.q.TryEnqueue(p.item(id))) })
}
func (p *xsyncPeer[T]) TryGets(ids []uint64) int {
	return tryGets(ids, func() (uint64, bool) {
		v, ok := p.q.TryDequeue()
		return p.got(v, orYield(ok))
	})
}
func (p *xsyncPeer[T]) PollPuts(n int) int {
	return pollPuts(n, func(id uint64) bool { return p.q.TryEnqueue(p.item(id)) })
}
func (p *xsyncPeer[T]) PollGets(n int) int {
	return pollGets(n, func() (uint64, bool) {
		return p.got(p.q.TryDequeue())
	})
}

func (p *lfqPeer[T]) Puts(first uint64, n int) {
	puts(first, n, func(id uint64) {
		for v := p.item(id); !orYield(p.q.Enqueue(&v) == nil); {
		}
	})
}
func (p *lfqPeer[T]) Gets(ids []uint64) {
	gets(ids, func() uint64 {
		for {
			if v, err := p.q.Dequeue(); orYield(err == nil) {
				return p.id(v)
			}
		}
	})
}
func (p *lfqPeer[T]) Pairs(ids []uint64) {
	pairs(ids, func(id uint64) {
		for v := p.item(id); !orYield(p.q.Enqueue(&v) == nil); {
		}
	}, func() uint64 {
		for {
			if v, err := p.q.Dequeue(); orYield(err == nil) {
				return p.id(v)
			}
		}
	})
}

func (p *lfqPeer[T]) TryPuts(first uint64, n int) int {
	return tryPuts(first, n, func(id uint64) bool { return orYield(p.TryPut(id)) })
}
func (p *lfqPeer[T]) TryGets(ids []uint64) int {
	return tryGets(ids, func() (uint64, bool) {
		id, ok := p.TryGet()
		return id, orYield(ok)
	})
}
func (p *lfqPeer[T]) PollPuts(n int) int {
	return pollPuts(n, func(id uint64) bool { return p.TryPut(id) })
}
func (p *lfqPeer[T]) PollGets(n int) int {
	return pollGets(n, func() (uint64, bool) { return p.TryGet() })
}

func (p lscqPeer) Puts(first uint64, n int) { puts(first, n, func(id uint64) { p.Put(id) }) }
func (p lscqPeer) Gets(ids []uint64)        { gets(ids, func() uint64 { return p.Get() }) }
func (p lscqPeer) Pairs(ids []uint64) {
	pairs(ids, func(id uint64) { p.Put(id) }, func() uint64 { return p.Get() })
}

func (p lscqPeer) TryPuts(first uint64, n int) int {
	return tryPuts(first, n, func(id uint64) bool { return orYield(p.TryPut(id)) })
}
func (p lscqPeer) TryGets(ids []uint64) int {
	return tryGets(ids, func() (uint64, bool) {
		id, ok := p.TryGet()
		return id, orYield(ok)
	})
}
func (p lscqPeer) PollPuts(n int) int {
	return pollPuts(n, func(id uint64) bool { return p.TryPut(id) })
}
func (p lscqPeer) PollGets(n int) int {
	return pollGets(n, func() (uint64, bool) { return p.TryGet() })
}

func (p *lscqPointerPeer) Puts(first uint64, n int) { puts(first, n, func(id uint64) { p.Put(id) }) }
func (p *lscqPointerPeer) Gets(ids []uint64)        { gets(ids, func() uint64 { return p.Get() }) }
func (p *lscqPointerPeer) Pairs(ids []uint64) {
	pairs(ids, func(id uint64) { p.Put(id) }, func() uint64 { return p.Get() })
}

func (p *lscqPointerPeer) TryPuts(first uint64, n int) int {
	return tryPuts(first, n, func(id uint64) bool { return orYield(p.TryPut(id)) })
}
func (p *lscqPointerPeer) TryGets(ids []uint64) int {
	return tryGets(ids, func() (uint64, bool) {
		id, ok := p.TryGet()
		return id, orYield(ok)
	})
}
func (p *lscqPointerPeer) PollPuts(n int) int {
	return pollPuts(n, func(id uint64) bool { return p.TryPut(id) })
}
func (p *lscqPointerPeer) PollGets(n int) int {
	return pollGets(n, func() (uint64, bool) { return p.TryGet() })
}

func (p *workivaPeer[T]) Puts(first uint64, n int) {
	puts(first, n, func(id uint64) {
		must(p.q.Put(p.item(id)))
	})
}
func (p *workivaPeer[T]) Gets(ids []uint64) {
	gets(ids, func() uint64 {
		v, err := p.q.Get()
		must(err)
		return p.id(v.(T))
	})
}
func (p *workivaPeer[T]) Pairs(ids []uint64) {
	pairs(ids, func(id uint64) {
		must(p.q.Put(p.item(id)))
	}, func() uint64 {
		v, err := p.q.Get()
		must(err)
		return p.id(v.(T))
	})
}

func (p *faaPeer) Puts(first uint64, n int) { puts(first, n, func(id uint64) { p.Put(id) }) }
func (p *faaPeer) Gets(ids []uint64)        { gets(ids, func() uint64 { return p.Get() }) }
func (p *faaPeer) Pairs(ids []uint64) {
	pairs(ids, func(id uint64) { p.Put(id) }, func() uint64 { return p.Get() })
}

func (p *faaPeer) TryPuts(first uint64, n int) int {
	return tryPuts(first, n, func(id uint64) bool { return orYield(p.TryPut(id)) })
}
func (p *faaPeer) TryGets(ids []uint64) int {
	return tryGets(ids, func() (uint64, bool) {
		id, ok := p.TryGet()
		return id, orYield(ok)
	})
}
func (p *faaPeer) PollPuts(n int) int {
	return pollPuts(n, func(id uint64) bool { return p.TryPut(id) })
}
func (p *faaPeer) PollGets(n int) int {
	return pollGets(n, func() (uint64, bool) { return p.TryGet() })
}

func (p nopPeer) Puts(first uint64, n int) { puts(first, n, func(id uint64) { p.Put(id) }) }
func (p nopPeer) Gets(ids []uint64)        { gets(ids, func() uint64 { return p.Get() }) }
func (p nopPeer) Pairs(ids []uint64) {
	pairs(ids, func(id uint64) { p.Put(id) }, func() uint64 { return p.Get() })
}

func (p nopPeer) TryPuts(first uint64, n int) int {
	return tryPuts(first, n, func(id uint64) bool { return orYield(p.TryPut(id)) })
}
func (p nopPeer) TryGets(ids []uint64) int {
	return tryGets(ids, func() (uint64, bool) {
		id, ok := p.TryGet()
		return id, orYield(ok)
	})
}
func (p nopPeer) PollPuts(n int) int {
	return pollPuts(n, func(id uint64) bool { return p.TryPut(id) })
}
func (p nopPeer) PollGets(n int) int { return pollGets(n, func() (uint64, bool) { return p.TryGet() }) }
