package parking

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/parkring/queue/internal/backoff"
)

// pauses returns how long the pauses of n calls are, in items, with so many items, each of
// which takes so long, between two of them.
func pauses(t *testing.T, p *Pacer, n, capacity int, items uint64, each time.Duration) (all []int) {
	before := clock
	t.Cleanup(func() { clock = before })
	now, moved := before(), p.from.Load()
	clock = func() time.Duration { return now }
	for range n {
		now += time.Duration(items) * each
		moved += items
		all = append(all, p.Items(func() uint64 { return moved }, capacity))
	}
	return all
}

func TestPausesGrowWhileItemsStream(t *testing.T) {
	var p Pacer
	require.Equal(t, []int{64, 128, 256, 512, 1024, 1024}, pauses(t, &p, 6, 1<<20, 100, streaming/2))
	require.Equal(t, []int{64, 64}, pauses(t, &p, 2, 1<<20, 100, 2*streaming), "no stream any more")
	require.Equal(t, []int{128, 256}, pauses(t, &p, 2, 1<<20, 100, streaming/2))
	p.Waited()
	require.Equal(t, []int{64, 128, 256}, pauses(t, &p, 3, 1<<20, 100, streaming/2), "somebody had to wait")
	require.Equal(t, []int{64}, pauses(t, &p, 1, 1<<20, 1, time.Second), "a second later")
}

// The other side must not run out of items, or room, meanwhile.
func TestPausesSuitTheRing(t *testing.T) {
	for _, c := range []struct {
		capacity, most int
	}{{1, 1}, {20, 20}, {64, 64}, {100, 100}, {512, 512}, {1500, 1024}, {1 << 30, 1024}, {0, 1024}} {
		var p Pacer
		items := pauses(t, &p, 10, c.capacity, 100, streaming/2)
		require.Equal(t, c.most, items[9], "capacity %d", c.capacity)
		require.Equal(t, min(c.most, backoff.Usual), items[0])
		require.Equal(t, items[0], Shortest(c.capacity))
		require.Equal(t, c.most == items[0], p.from.Load() == 0, "measured without need, or not measured")
	}
}

// Another call may have seen more items already.
func TestPausesOfCallsThatOvertakeEachOther(t *testing.T) {
	var p Pacer
	pauses(t, &p, 3, 4096, 100, streaming/2)
	p.from.Add(1000)
	require.Equal(t, 64, p.Items(func() uint64 { return p.from.Load() - 500 }, 4096))
}
