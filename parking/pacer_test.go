package parking

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// pauses returns how long the pauses of n calls are, with so many items, each of which
// takes so long, between two of them.
func pauses(t *testing.T, p *Pacer, n, capacity int, items uint64, each time.Duration) (times []int32) {
	before := clock
	t.Cleanup(func() { clock = before })
	now, moved := before(), p.from.Load()
	clock = func() time.Duration { return now }
	for range n {
		now += time.Duration(items) * each
		moved += items
		n := p.Times(func() uint64 { return moved }, capacity)
		times = append(times, p.times.Load())
		require.EqualValues(t, max(1, p.times.Load()), n)
	}
	return times
}

func TestPausesGrowWhileItemsStream(t *testing.T) {
	var p Pacer
	require.Equal(t, []int32{1, 2, 4, 8, 16, 16}, pauses(t, &p, 6, 1<<20, 100, streaming/2))
	require.Equal(t, []int32{1, 1}, pauses(t, &p, 2, 1<<20, 100, 2*streaming), "no stream any more")
	require.Equal(t, []int32{2, 4}, pauses(t, &p, 2, 1<<20, 100, streaming/2))
	p.Waited()
	require.Equal(t, []int32{1, 2, 4}, pauses(t, &p, 3, 1<<20, 100, streaming/2), "somebody had to wait")
	require.Equal(t, []int32{1}, pauses(t, &p, 1, 1<<20, 1, time.Second), "a second later")
}

// The other side must not run out of items, or room, meanwhile.
func TestPausesSuitTheRing(t *testing.T) {
	for _, c := range []struct {
		capacity int
		most     int32
	}{{1, 0}, {511, 0}, {512, 2}, {1024, 4}, {1500, 5}, {4096, 16}, {1 << 30, 16}, {0, 8}} {
		var p Pacer
		times := pauses(t, &p, 10, c.capacity, 100, streaming/2)
		require.Equal(t, c.most, times[9], "capacity %d", c.capacity) // 0: not even measured
	}
}

// Another call may have seen more items already.
func TestPausesOfCallsThatOvertakeEachOther(t *testing.T) {
	var p Pacer
	pauses(t, &p, 3, 4096, 100, streaming/2)
	p.from.Add(1000)
	require.Equal(t, 1, p.Times(func() uint64 { return p.from.Load() - 500 }, 4096))
	require.Equal(t, int32(1), p.times.Load())
}
