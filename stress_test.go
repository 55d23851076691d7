package queue_test

import (
	"fmt"
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/parkring/queue"
	"github.com/parkring/queue/internal/stress"
)

// TestStress puts producers and consumers to work on one queue, with contexts
// that end at any time and a close in the middle, and then settles accounts:
// every item that was accepted has been delivered exactly once, no other item
// has, and the items of each producer reached each consumer in order.
//
// It sets GOMAXPROCS, unless the environment does.
func TestStress(t *testing.T) {
	items := 20_000
	if testing.Short() {
		items = 1000
	}
	allProcs := []int{1, 2, 4}
	if os.Getenv("GOMAXPROCS") != "" {
		allProcs = []int{runtime.GOMAXPROCS(0)}
	}
	const soon = 50 * time.Microsecond
	modes := map[string]stress.Round{
		"calm":       {Items: items, CloseAt: items},
		"cancelling": {Items: items, CloseAt: items, Timeout: soon},
		"closing":    {Items: items, CloseAt: items / 2, Timeout: soon},
		"try":        {Items: items, CloseAt: items / 2, Timeout: soon, Try: true},
	}
	for _, procs := range allProcs {
		for _, capacity := range []int{0, 1, 2, 3, 7, 64, 1000} {
			for _, shape := range []struct{ producers, consumers int }{{1, 1}, {2, 3}, {8, 8}, {1, 8}, {8, 1}} {
				for mode, r := range modes {
					r.Producers, r.Consumers = shape.producers, shape.consumers
					name := fmt.Sprintf("procs=%d/cap=%d/p=%d/c=%d/%s", procs, capacity, r.Producers, r.Consumers, mode)
					t.Run(name, func(t *testing.T) {
						defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(procs))
						defer watch(t)()
						q := queue.New[stress.Item](capacity)
						_, err := r.Run(q)
						require.NoError(t, err)
						q.CheckInvariants()
						if capacity <= 1 {
							q := large[stress.Item]{queue.New[parts[stress.Item]](capacity)}
							_, err := r.Run(q)
							require.NoError(t, err)
							q.CheckInvariants()
						}
						if 0 < capacity && capacity <= queue.MostSolo {
							for _, fights := range []uint32{1, queue.Never} {
								defer queue.SoloEndsAfter(fights, 1)()
								q := queue.NewSolo[stress.Item](capacity, 0)
								_, err := r.Run(q)
								require.NoError(t, err)
								q.CheckInvariants()
							}
						}
						if shape.producers == 1 && shape.consumers == 1 && capacity > 0 {
							q := queue.NewSPSC[stress.Item](capacity)
							_, err := r.Run(q)
							require.NoError(t, err)
							q.CheckInvariants()
						}
					})
				}
			}
		}
	}
}

// watch ends the test program with a dump of all goroutines if the function that
// it returns is not called within a minute.
func watch(t *testing.T) (done func()) { return stress.Watch(t.Name(), time.Minute) }
