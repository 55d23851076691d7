// Package peer has the queues that are measured against each other, each used as
// its authors recommend.
//
// What a peer can do is what it implements: Queue, Trier, Canceller, Batcher,
// Pusher, Selector. A workload leaves out the peers that cannot do what it needs;
// nobody emulates anything.
//
// All are measured by the same loops (loops.go), on the same items. What the loops
// and the items cost the peer "nop" shows.
package peer

import (
	"context"
	"errors"
	"fmt"
	"unsafe"
)

// Queue puts and gets items that are known by a number: an identity. Both wait, in
// the way that is usual for the peer.
type Queue interface {
	Put(id uint64)
	Get() uint64

	Puts(first uint64, n int) // puts first, first+1, ...
	Gets(ids []uint64)        // gets as many
	Pairs(ids []uint64)       // puts an item of producer 0, and gets one, as many times
}

// Trier is a queue with operations that do not wait. False means no more than that
// nothing was done.
type Trier interface {
	TryPut(id uint64) bool
	TryGet() (id uint64, ok bool)

	TryPuts(first uint64, n int) (failed int) // Puts, yielding after each failure
	TryGets(ids []uint64) (failed int)        // Gets, likewise
	PollPuts(n int) (done int)                // tries to put 0, n times
	PollGets(n int) (done int)                // tries to get, n times
}

// Canceller is a queue whose waits end with a context.
type Canceller interface {
	PutCtx(ctx context.Context, id uint64) error
	GetCtx(ctx context.Context) (uint64, error)

	PutsCtx(ctx context.Context, first uint64, n int) error
	GetsCtx(ctx context.Context, ids []uint64) error
}

// Batcher is a queue that takes several items at once.
type Batcher interface {
	PutBatches(first uint64, n, k int) // Puts, k at once; n is a multiple of k
	GetBatches(ids []uint64, k int)    // Gets, up to k at once
}

// Pusher is a queue that calls its one consumer.
type Pusher interface {
	PutBatches(first uint64, n, k int)
	// Listen collects all items, until Close has been called and no item is left. It
	// returns how many there were; those for which there was no place are not in ids.
	Listen(ids []uint64) (n int)
	Close()
}

// Selector is a queue that can be waited for together with others of its kind.
type Selector interface {
	// Select returns a function that gets an item of any of the queues.
	Select(others ...any) func() uint64
}

// Config says what is needed of a queue.
type Config struct {
	Cap       int    // 0: no bound
	Elem      string // "8B", "64B", "256B", "ptr"
	Producers int    // at once; the identities are of one more, who fills the queue before
	Consumers int    // at once
	Each      int    // the numbers of a producer's items are below this
}

// largeCap is the capacity of a bounded peer where no bound is asked for, as one
// gives a channel to be on the safe side.
const largeCap = 1 << 16

// room returns the capacity for a peer that must have one.
func (c Config) room() int {
	if c.Cap == 0 {
		return largeCap
	}
	return c.Cap
}

// Identities have the producer in front.
const seqBits = 40

// ID returns the identity of a producer's item.
func ID(producer, seq int) uint64 { return uint64(producer)<<seqBits | uint64(seq) }

// Split returns the producer and the number of an item.
func Split(id uint64) (producer, seq int) { return int(id >> seqBits), int(id & (1<<seqBits - 1)) }

// Impl is an implementation.
type Impl struct {
	Name   string
	About  string // module and version, and how it waits
	Spins  bool   // waits by trying again: it would not do to park thousands
	Pseudo bool   // no queue: delivers nothing, and is not verified
	// Make makes a queue. If there is none of that kind it returns ErrNotSo.
	Make func(Config) (any, error)
}

// ErrNotSo means that a peer does not exist in a configuration.
var ErrNotSo = errors.New("no such queue")

// byElem returns a function that makes a queue of items of the right type.
func byElem(bytes8, bytes64, bytes256, pointer func(Config) (any, error)) func(Config) (any, error) {
	return func(c Config) (any, error) {
		f := map[string]func(Config) (any, error){"8B": bytes8, "64B": bytes64, "256B": bytes256, "ptr": pointer}[c.Elem]
		if f == nil {
			return nil, fmt.Errorf("items of %s: %w", c.Elem, ErrNotSo)
		}
		return f(c)
	}
}

// Find returns an implementation by its name.
func Find(name string) (Impl, error) {
	for _, i := range Impls {
		if i.Name == name {
			return i, nil
		}
	}
	return Impl{}, fmt.Errorf("no implementation %q", name)
}

// Impls are all implementations.
var Impls = []Impl{
	{Name: "queue", About: "this module; goroutines that wait are parked",
		Make: byElem(newQueue[uint64], newQueue[[8]uint64], newQueue[[32]uint64], newQueue[*uint64])},
	{Name: "queue-spsc", About: "this module, NewSPSC: one producer, one consumer, bounded",
		Make: byElem(newSPSC[uint64], newSPSC[[8]uint64], newSPSC[[32]uint64], newSPSC[*uint64])},
	{Name: "chan", About: "Go channel; with contexts: in a select with ctx.Done()",
		Make: byElem(newChan[uint64], newChan[[8]uint64], newChan[[32]uint64], newChan[*uint64])},
	{Name: "mutex", About: "sync.Mutex, a ring and two sync.Conds",
		Make: byElem(newMutex[uint64], newMutex[[8]uint64], newMutex[[32]uint64], newMutex[*uint64])},
	{Name: "xsync3", About: "github.com/puzpuzpuz/xsync/v3 v3.5.1, Enqueue and Dequeue, which spin and yield", Spins: true,
		Make: byElem(newXsync3[uint64], newXsync3[[8]uint64], newXsync3[[32]uint64], newXsync3[*uint64])},
	{Name: "xsync", About: "github.com/puzpuzpuz/xsync/v4 v4.5.0, TryEnqueue and TryDequeue, runtime.Gosched after a failure", Spins: true,
		Make: byElem(newXsync[uint64], newXsync[[8]uint64], newXsync[[32]uint64], newXsync[*uint64])},
	{Name: "lfq", About: "code.hybscloud.com/lfq v0.1.1, NewMPMCSeq, runtime.Gosched after a failure", Spins: true,
		Make: byElem(newLfq[uint64], newLfq[[8]uint64], newLfq[[32]uint64], newLfq[*uint64])},
	{Name: "lscq", About: "github.com/bytedance/gopkg v0.1.4, collection/lscq, unbounded, runtime.Gosched when empty", Spins: true,
		Make: byElem(newLscq, nil, nil, newLscqPointer)},
	{Name: "chanx", About: "github.com/smallnest/chanx v1.2.0, unbounded, a goroutine between two channels",
		Make: byElem(newChanx[uint64], newChanx[[8]uint64], newChanx[[32]uint64], newChanx[*uint64])},
	{Name: "workiva", About: "github.com/Workiva/go-datastructures v1.1.7, queue.RingBuffer, which spins and yields", Spins: true,
		Make: byElem(newWorkiva[uint64], newWorkiva[[8]uint64], newWorkiva[[32]uint64], newWorkiva[*uint64])},
	{Name: "disruptor", About: "github.com/smarty/go-disruptor v0.5.0, batches for one consumer, its default WaitStrategy", Spins: true,
		Make: byElem(newDisruptor[uint64], newDisruptor[[8]uint64], newDisruptor[[32]uint64], newDisruptor[*uint64])},
	{Name: "faa", About: "no queue: one fetch-and-add per operation, on one word for puts and one for gets; a ceiling", Pseudo: true,
		Make: newFaa},
	{Name: "nop", About: "no queue: does nothing; what the measuring itself costs", Pseudo: true,
		Make: newNop},
	{Name: "queue-slow", About: "this module, 1 µs slower per operation: the gate must notice it",
		Make: byElem(newSlow[uint64], newSlow[[8]uint64], newSlow[[32]uint64], newSlow[*uint64])},
}

// items makes items of type T with an identity, which is in the first word of an
// item, or in the word that it points to.
type items[T any] struct {
	words [][]uint64 // of pointers: the words of each producer
}

func newItems[T any](c Config) items[T] {
	var m items[T]
	if c.Elem == "ptr" {
		m.words = make([][]uint64, c.Producers+1)
		for p := range m.words {
			m.words[p] = make([]uint64, c.Each)
			for i := range m.words[p] {
				m.words[p][i] = ID(p, i)
			}
		}
	}
	return m
}

// item returns the item with an identity.
func (m *items[T]) item(id uint64) (v T) {
	if m.words == nil {
		*(*uint64)(unsafe.Pointer(&v)) = id // T is 8, 64 or 256 bytes
	} else {
		producer, seq := Split(id)
		*(**uint64)(unsafe.Pointer(&v)) = &m.words[producer][seq] // T is *uint64
	}
	return v
}

// id returns the identity of an item.
func (m *items[T]) id(v T) uint64 {
	if m.words == nil {
		return *(*uint64)(unsafe.Pointer(&v))
	}
	return **(**uint64)(unsafe.Pointer(&v))
}

// got returns what a try to get returns that has got v, or nothing.
func (m *items[T]) got(v T, ok bool) (uint64, bool) {
	if !ok {
		return 0, false
	}
	return m.id(v), true
}
