//go:build queue_stall

package parking

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/parkring/queue/internal/stall"
)

// A waiter that is given back in the middle of the giving back of another.
func TestGiveTriesAgain(t *testing.T) {
	defer stall.Set(nil)
	var p Pool[int]
	var between func()
	stall.Set(&stall.Hook{
		Random: func() uint64 { return 1 }, // all go to the stack
		At: func(at stall.Point) {
			if f := between; at == stall.GiveSwap && f != nil {
				between = nil
				f()
			}
		},
	})
	first, second := p.Take(), p.Take()
	between = func() { p.Give(second) }
	p.Give(first)
	require.ElementsMatch(t, []*Waiter[int]{first, second}, []*Waiter[int]{p.Take(), p.Take()})
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
	require.True(t, w.Yielded(Yield(y.Start()), &y, new(Looker), nil))
	require.Equal(t, 1, woken)
	require.Empty(t, w.own.wake)
}

// A waiter that is kept in place carries nothing by the time it may be taken again.
func TestGiveClearsFirst(t *testing.T) {
	defer stall.Set(nil)
	var p Pool[int]
	var w *Waiter[int]
	passed := false
	stall.Set(&stall.Hook{
		Random: func() uint64 { return 0 }, // it is kept
		At: func(at stall.Point) {
			if at == stall.GiveIdle {
				passed = true
				require.Zero(t, w.Item)
				require.NotSame(t, w, p.Take(), "handed out twice")
			}
		},
	})
	w = p.Take()
	one := 1
	w.Bring(&one, nil)
	p.Give(w)
	require.True(t, passed)
	require.Same(t, w, p.Take())
}
