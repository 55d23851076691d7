package peer

import (
	"context"
	"runtime"
)

// Loops that a peer's users would write. To call a peer through an interface for
// each item would be a tenth of what is measured, and more of what fails at once; a
// loop per peer would be as many copies. So the loops are here, once, and are given
// the operations as function literals: the compiler puts both into the methods of
// each peer (TestLoopsAreInlined). What a user would write is in the literal: if it is
// in a method that is too large to be inlined, there is a call that a channel has not.

func puts(first uint64, n int, put func(uint64)) {
	for id := first; id < first+uint64(n); id++ {
		put(id)
	}
}

func gets(ids []uint64, get func() uint64) {
	for i := range ids {
		ids[i] = get()
	}
}

// one returns what a loop gets that is to get one item.
func one(gets func(ids []uint64)) uint64 {
	var ids [1]uint64
	gets(ids[:])
	return ids[0]
}

func pairs(ids []uint64, put func(uint64), get func() uint64) {
	for i := range ids {
		put(ID(0, i))
		ids[i] = get()
	}
}

// orYield yields if what was tried has failed. It is part of try, below, because a loop
// that calls something is not inlined.
func orYield(ok bool) bool {
	if !ok {
		runtime.Gosched()
	}
	return ok
}

func tryPuts(first uint64, n int, try func(uint64) bool) (failed int) {
	for id := first; id < first+uint64(n); {
		if try(id) {
			id++
		} else {
			failed++
		}
	}
	return failed
}

func tryGets(ids []uint64, try func() (uint64, bool)) (failed int) {
	for i := 0; i < len(ids); {
		if id, ok := try(); ok {
			ids[i] = id
			i++
		} else {
			failed++
		}
	}
	return failed
}

func pollPuts(n int, try func(uint64) bool) (done int) {
	for range n {
		if try(0) {
			done++
		}
	}
	return done
}

func pollGets(n int, try func() (uint64, bool)) (done int) {
	for range n {
		if _, ok := try(); ok {
			done++
		}
	}
	return done
}

func putsCtx(ctx context.Context, first uint64, n int, put func(context.Context, uint64) error) error {
	for id := first; id < first+uint64(n); id++ {
		if err := put(ctx, id); err != nil {
			return err
		}
	}
	return nil
}

func getsCtx(ctx context.Context, ids []uint64, get func(context.Context) (uint64, error)) error {
	for i := range ids {
		id, err := get(ctx)
		if err != nil {
			return err
		}
		ids[i] = id
	}
	return nil
}

func putBatches[T any](first uint64, n, k int, item func(uint64) T, put func([]T)) {
	vs := make([]T, k)
	for ; n >= k; n -= k {
		for i := range vs {
			vs[i] = item(first)
			first++
		}
		put(vs)
	}
}

func getBatches[T any](ids []uint64, k int, id func(T) uint64, get func([]T) int) {
	vs := make([]T, k)
	for len(ids) > 0 {
		n := get(vs[:min(k, len(ids))])
		for i, v := range vs[:n] {
			ids[i] = id(v)
		}
		ids = ids[n:]
	}
}
