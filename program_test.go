package queue_test

import (
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/parkring/queue"
	"github.com/parkring/queue/internal/stall"
)

// Queues of a program tell each other that yields take long.
func TestQueuesKnowOfHogs(t *testing.T) {
	if stall.Enabled {
		t.Skip("nobody looks at the clock")
	}
	defer queue.ShareProgram()()
	one := queue.New[int](1)
	one.YieldTook(time.Millisecond)
	large, spsc := queue.New[string](1000), queue.NewSPSC[int](10)
	require.True(t, large.MayYield())
	require.True(t, spsc.MayYield())
	one.YieldTook(20 * time.Millisecond)
	require.True(t, large.MayYield(), "it may have been an accident")
	one.YieldTook(20 * time.Millisecond)
	require.False(t, large.MayYield())
	require.False(t, spsc.MayYield())
	require.False(t, queue.New[int](0).MayYield(), "one that is made later")
}

// They tell each other whether looks of new ones are of use.
func TestQueuesKnowOfLooks(t *testing.T) {
	defer queue.ShareProgram()()
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(2))
	if !queue.New[int](1).Looking() {
		t.Skip("calls never look with one processor")
	}
	looks := 1
	for range 100 {
		if queue.New[int](1).Looking() {
			looks++
		}
	}
	require.Equal(t, 4, looks)
}
