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
