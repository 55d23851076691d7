package lockfree

import "github.com/parkring/queue/internal/stall"

// Held is a Ring that is all the holder's of the lock, from Hold to Release: both gates are
// up, so that nobody else claims a slot, and the items are counted here. A put and a get need
// no atomic operation beside those of the lock then.
//
// Invariants, from Hold to Release:
//  1. Head and tail are at the same position, with both gates up: TryPut and TryGet return
//     Gated.
//  2. The stamps of all slots say that they are free, and nobody is between a claim and the
//     store of a stamp.
//
// So to whoever has read a word before, and goes on now, the ring is empty, as it was at Hold.
// All methods need the lock.
type Held[T any] struct {
	ring     *Ring[T]
	slots    []Slot[T]
	stride   uint64
	capacity int
	items    int
	in       uint64 // the slot that the next item goes to
	out      uint64 // that of the oldest item
}

// Prepare makes h the view of r, whose gate of tail must be up: r is empty and open. It
// reports whether Hold may follow: not if a get is still between its claim and its release.
func (h *Held[T]) Prepare(r *Ring[T]) bool {
	h.ring, h.slots, h.stride, h.capacity = r, r.slots, r.stride(), int(r.capacity)
	h.items = 0
	p := r.position(r.tail.Load())
	h.in = r.index(p)
	h.out = h.in
	for range h.capacity {
		stall.At(stall.HoldStamp)
		if r.slots[r.index(p)].stamp.Load() != p {
			return false
		}
		p = r.next(p)
	}
	return true
}

// Hold begins. From now on every get comes to the lock, as every put does already.
func (h *Held[T]) Hold() { h.ring.raiseHead() }

// Release ends it: the items are the Ring's now, at the next positions. The gates stay up if
// the arguments say so.
func (h *Held[T]) Release(putGate, getGate bool) {
	r := h.ring
	p := r.position(r.tail.Load())
	for h.items > 0 && h.out != r.index(p) {
		h.turn()
	}
	for range h.items {
		r.slots[r.index(p)].stamp.Store(p | full)
		p = r.next(p)
	}
	stall.At(stall.ReleaseTail)
	r.tail.Store(p | gate)
	if !putGate {
		r.OpenPut()
	}
	if !getGate {
		r.OpenGet()
	}
}

// turn moves what is in the slots one slot back, from the first to the last.
func (h *Held[T]) turn() {
	last := uint64(len(h.slots)) - h.stride
	v := h.slots[0].val
	for i := uint64(0); i < last; i += h.stride {
		h.slots[i].val = h.slots[i+h.stride].val
	}
	h.slots[last].val = v
	if h.out == 0 {
		h.out = last
	} else {
		h.out -= h.stride
	}
}

// Len returns the number of items.
func (h *Held[T]) Len() int { return h.items }

// Full reports whether the ring holds its capacity.
func (h *Held[T]) Full() bool { return h.items == h.capacity }

// Put appends *v. The ring must not be full.
func (h *Held[T]) Put(v *T) {
	h.slots[h.in].val = *v
	h.in = h.after(h.in)
	h.items++
}

// Get takes the oldest item, which there must be, for *v.
func (h *Held[T]) Get(v *T) {
	s := &h.slots[h.out]
	*v = s.val
	var zero T
	s.val = zero
	h.out = h.after(h.out)
	h.items--
}

// after returns the slot after i.
func (h *Held[T]) after(i uint64) uint64 {
	if i += h.stride; i == uint64(len(h.slots)) {
		return 0
	}
	return i
}
