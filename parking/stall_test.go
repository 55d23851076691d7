//go:build queue_stall

package parking

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/parkring/queue/internal/stall"
)

// A waiter that is given back in the middle of the giving back of another.
func TestGiveBesideGive(t *testing.T) {
	defer stall.Set(nil)
	var p Pool[int]
	first, second := p.Take(false), p.Take(false)
	for range 3 { // a bit is set in one turn, and cleared in the next
		between := func() { p.Give(second) }
		stall.Set(&stall.Hook{At: func(at stall.Point) {
			if f := between; at == stall.GiveBit && f != nil {
				between = nil
				f()
			}
		}})
		p.Give(first)
		require.ElementsMatch(t, []*Waiter[int]{first, second}, []*Waiter[int]{p.Take(false), p.Take(false)})
	}
}

// A Wake that comes between the two looks that a call takes after it has yielded.
func TestWakeBeforeItSleeps(t *testing.T) {
	defer stall.Set(nil)
	var y Yielder
	w := yielding(new(Pool[int]))
	woken := 0
	stall.Set(&stall.Hook{At: func(at stall.Point) {
		if at == stall.WaiterToSleep {
			woken++
			w.Wake()
		}
	}})
	require.True(t, yielded(w, &y, new(Looker), nil))
	require.Equal(t, 1, woken)
	require.Empty(t, w.own.wake)
}

// A waiter carries nothing by the time it may be taken again.
func TestGiveClearsFirst(t *testing.T) {
	defer stall.Set(nil)
	var p Pool[int]
	var w *Waiter[int]
	passed := false
	stall.Set(&stall.Hook{At: func(at stall.Point) {
		if at == stall.GiveBit {
			passed = true
			require.Zero(t, w.Item)
			require.NotSame(t, w, p.Take(false), "handed out twice")
		}
	}})
	w = p.Take(false)
	one := 1
	w.Bring(&one, nil)
	p.Give(w)
	require.True(t, passed)
	require.Same(t, w, p.Take(false))
}
