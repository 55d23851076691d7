//go:build queue_stall

package lockfree

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/parkring/queue/internal/stall"
)

// Others keep moving the word on while a batch looks how far it may go: it looks no
// further than once around.
func TestBatchLooksOnceAround(t *testing.T) {
	defer stall.Set(nil)
	forRings(t, func(t *testing.T, r *Ring[int]) {
		for range r.Cap() {
			require.Equal(t, OK, r.TryPut(1))
		}
		looks, inside := 0, false
		stall.Set(&stall.Hook{At: func(p stall.Point) {
			if p != stall.BatchWalk || inside {
				return
			}
			inside = true
			if looks++; looks > 1 { // renew the slot that it has just looked at
				_, s := r.TryGet()
				require.Equal(t, OK, s)
				require.Equal(t, OK, r.TryPut(1))
			}
			inside = false
		}})
		n, s := r.TryGetBatch(make([]int, 64))
		stall.Set(nil)
		require.LessOrEqual(t, looks, r.Cap())
		if r.Cap() == 1 {
			require.Equal(t, 1, n)
			return
		}
		require.Zero(t, n)
		require.Equal(t, Busy, s)
	})
}
