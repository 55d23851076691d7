package peer

import (
	"fmt"
	"runtime"
	"sync/atomic"
	"unsafe"

	"code.hybscloud.com/lfq"
	"github.com/Workiva/go-datastructures/queue"
	"github.com/bytedance/gopkg/collection/lscq"
	"github.com/puzpuzpuz/xsync/v3"
	xsync4 "github.com/puzpuzpuz/xsync/v4"
	"github.com/smarty/go-disruptor"
)

// xsync3Peer is xsync's queue of version 3, with the methods that wait: they hold a
// ticket and yield until it is their turn. They are deprecated by now.
type xsync3Peer[T any] struct {
	items[T]
	q *xsync.MPMCQueueOf[T]
}

func newXsync3[T any](c Config) (any, error) {
	return &xsync3Peer[T]{newItems[T](c), xsync.NewMPMCQueueOf[T](c.room())}, nil
}

func (p *xsync3Peer[T]) Put(id uint64) { p.Puts(id, 1) }
func (p *xsync3Peer[T]) Get() uint64   { return one(p.Gets) }

func (p *xsync3Peer[T]) TryPut(id uint64) bool { return p.q.TryEnqueue(p.item(id)) }

func (p *xsync3Peer[T]) TryGet() (uint64, bool) {
	return p.got(p.q.TryDequeue())
}

// xsyncPeer is xsync's queue of version 4, which does not wait: one yields and tries
// again, as its own benchmarks do.
type xsyncPeer[T any] struct {
	items[T]
	q *xsync4.MPMCQueue[T]
}

func newXsync[T any](c Config) (any, error) {
	return &xsyncPeer[T]{newItems[T](c), xsync4.NewMPMCQueue[T](c.room())}, nil
}

func (p *xsyncPeer[T]) Put(id uint64) { p.Puts(id, 1) }
func (p *xsyncPeer[T]) Get() uint64   { return one(p.Gets) }

func (p *xsyncPeer[T]) TryPut(id uint64) bool { return p.q.TryEnqueue(p.item(id)) }

func (p *xsyncPeer[T]) TryGet() (uint64, bool) {
	return p.got(p.q.TryDequeue())
}

// lfqPeer is lfq's queue that compares and swaps; the one with fetch-and-add loses
// items. (Its README waits with an iox.Backoff, which sleeps for half a millisecond
// and more: that would be no contest.)
type lfqPeer[T any] struct {
	items[T]
	q *lfq.MPMCSeq[T]
}

func newLfq[T any](c Config) (any, error) {
	if c.room() < 2 {
		return nil, fmt.Errorf("for one item: %w", ErrNotSo)
	}
	return &lfqPeer[T]{newItems[T](c), lfq.NewMPMCSeq[T](c.room())}, nil
}

func (p *lfqPeer[T]) Put(id uint64) { p.Puts(id, 1) }
func (p *lfqPeer[T]) Get() uint64   { return one(p.Gets) }

func (p *lfqPeer[T]) TryPut(id uint64) bool {
	v := p.item(id)
	return p.q.Enqueue(&v) == nil
}

func (p *lfqPeer[T]) TryGet() (uint64, bool) {
	v, err := p.q.Dequeue()
	return p.got(v, err == nil)
}

// lscqPeer is ByteDance's queue of numbers, without a bound. Its Put cannot fail.
type lscqPeer struct{ q *lscq.Uint64Queue }

func newLscq(c Config) (any, error) {
	if c.Cap != 0 {
		return nil, fmt.Errorf("with a bound: %w", ErrNotSo)
	}
	return lscqPeer{lscq.NewUint64()}, nil
}

func (p lscqPeer) Put(id uint64)          { p.q.Enqueue(id) }
func (p lscqPeer) TryPut(id uint64) bool  { return p.q.Enqueue(id) }
func (p lscqPeer) TryGet() (uint64, bool) { return p.q.Dequeue() }

func (p lscqPeer) Get() uint64 {
	for {
		if id, ok := p.q.Dequeue(); ok {
			return id
		}
		runtime.Gosched()
	}
}

// lscqPointerPeer is its queue of pointers.
type lscqPointerPeer struct {
	items[*uint64]
	q *lscq.PointerQueue
}

func newLscqPointer(c Config) (any, error) {
	if c.Cap != 0 {
		return nil, fmt.Errorf("with a bound: %w", ErrNotSo)
	}
	return &lscqPointerPeer{newItems[*uint64](c), lscq.NewPointer()}, nil
}

func (p *lscqPointerPeer) Put(id uint64)         { p.q.Enqueue(unsafe.Pointer(p.item(id))) }
func (p *lscqPointerPeer) TryPut(id uint64) bool { return p.q.Enqueue(unsafe.Pointer(p.item(id))) }

func (p *lscqPointerPeer) TryGet() (uint64, bool) {
	v, ok := p.q.Dequeue()
	if !ok {
		return 0, false
	}
	return p.id((*uint64)(v)), true
}

func (p *lscqPointerPeer) Get() uint64 {
	for {
		if id, ok := p.TryGet(); ok {
			return id
		}
		runtime.Gosched()
	}
}

// workivaPeer is Workiva's ring buffer of interface values. At capacity 1 a put
// overwrites the item before it.
type workivaPeer[T any] struct {
	items[T]
	q *queue.RingBuffer
}

func newWorkiva[T any](c Config) (any, error) {
	return &workivaPeer[T]{newItems[T](c), queue.NewRingBuffer(uint64(c.room()))}, nil
}

func (p *workivaPeer[T]) Put(id uint64) { p.Puts(id, 1) }
func (p *workivaPeer[T]) Get() uint64   { return one(p.Gets) }

func (p *workivaPeer[T]) TryPut(id uint64) bool {
	ok, err := p.q.Offer(p.item(id))
	must(err)
	return ok
}

// disruptorPeer is a ring whose one consumer is called with all that is there. It
// has no Put and Get, only batches.
type disruptorPeer[T any] struct {
	items[T]
	ring []T
	mask int64
	d    disruptor.Disruptor
	ids  []uint64 // what the handler got
	n    int
}

func newDisruptor[T any](c Config) (any, error) {
	size := c.room()
	if c.Consumers != 1 || c.Producers > 255 || size&(size-1) != 0 {
		return nil, fmt.Errorf("%d producers, %d consumers, %d items: %w", c.Producers, c.Consumers, size, ErrNotSo)
	}
	p := &disruptorPeer[T]{items: newItems[T](c), ring: make([]T, size), mask: int64(size - 1)}
	var err error
	p.d, err = disruptor.New(
		disruptor.Options.BufferCapacity(uint32(size)),
		disruptor.Options.WriterCount(uint8(c.Producers)),
		disruptor.Options.NewHandlerGroup(p))
	return p, err
}

// Handle implements disruptor.Handler.
func (p *disruptorPeer[T]) Handle(lower, upper int64) {
	for ; lower <= upper; lower++ {
		if p.n < len(p.ids) {
			p.ids[p.n] = p.id(p.ring[lower&p.mask])
		}
		p.n++
	}
}

func (p *disruptorPeer[T]) Listen(ids []uint64) int {
	p.ids = ids
	p.d.Listen()
	return p.n
}

func (p *disruptorPeer[T]) Close() { _ = p.d.Close() }

func (p *disruptorPeer[T]) PutBatches(first uint64, n, k int) {
	for ; n >= k; n -= k {
		upper := p.d.Reserve(uint32(k))
		if upper < 0 {
			panic(fmt.Sprintf("disruptor: Reserve(%d) = %d", k, upper))
		}
		lower := upper - int64(k) + 1
		for s := lower; s <= upper; s++ {
			p.ring[s&p.mask] = p.item(first)
			first++
		}
		p.d.Commit(lower, upper)
	}
}

// faaPeer does what the fastest queue that anybody knows must do at least.
type faaPeer struct {
	_    [128]byte
	tail atomic.Uint64
	_    [128]byte
	head atomic.Uint64
	_    [128]byte
}

func newFaa(Config) (any, error) { return new(faaPeer), nil }

func (p *faaPeer) Put(uint64)             { p.tail.Add(1) }
func (p *faaPeer) Get() uint64            { return p.head.Add(1) }
func (p *faaPeer) TryPut(uint64) bool     { p.tail.Add(1); return true }
func (p *faaPeer) TryGet() (uint64, bool) { return p.head.Add(1), true }

// nopPeer does nothing.
type nopPeer struct{}

func newNop(Config) (any, error) { return nopPeer{}, nil }

func (nopPeer) Put(uint64)             {}
func (nopPeer) Get() uint64            { return 0 }
func (nopPeer) TryPut(uint64) bool     { return true }
func (nopPeer) TryGet() (uint64, bool) { return 0, true }
