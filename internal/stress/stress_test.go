package stress

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/parkring/queue"
)

// The accounts of two producers with three puts each, of which one was not
// accepted, and of two consumers.
func TestSettle(t *testing.T) {
	for _, c := range []struct {
		name      string
		delivered [][]Item
		want      string
	}{
		{"right", [][]Item{{{0, 0}, {1, 0}, {0, 2}}, {{0, 1}, {1, 2}}}, ""},
		{"lost", [][]Item{{{0, 0}, {1, 0}, {0, 2}}, {{0, 1}}}, "{1 2}: accepted true, delivered false"},
		{"invented", [][]Item{{{0, 0}, {1, 0}, {1, 1}, {0, 2}}, {{0, 1}, {1, 2}}}, "{1 1}: accepted false, delivered true"},
		{"twice", [][]Item{{{0, 0}, {1, 0}, {0, 2}}, {{0, 1}, {0, 2}, {1, 2}}}, "{0 2} was delivered twice"},
		{"overtaken", [][]Item{{{0, 0}, {1, 0}, {0, 2}, {0, 1}}, {{1, 2}}}, "{0 1} reached consumer 0 after number 2 of the same producer"},
	} {
		t.Run(c.name, func(t *testing.T) {
			x := &run{
				Round:     Round{Producers: 2, Consumers: 2},
				each:      3,
				accepted:  [][]bool{{true, true, true}, {true, false, true}},
				delivered: c.delivered,
			}
			x.settle()
			if c.want == "" {
				require.Empty(t, x.wrong)
				return
			}
			require.Len(t, x.wrong, 1)
			require.EqualError(t, x.wrong[0], c.want)
		})
	}
}

// A round notices a stranger who closes its queue, or puts.
func TestRoundNoticesAStranger(t *testing.T) {
	r := Round{Producers: 1, Consumers: 1, Items: 10, CloseAt: 10}
	q := queue.New[Item](0)
	q.Close()
	_, err := r.Run(q)
	require.ErrorContains(t, err, "Put: queue: closed, Close called: false")

	q = queue.New[Item](0)
	require.NoError(t, q.TryPut(Item{0, 5}))
	_, err = r.Run(q)
	require.ErrorContains(t, err, "{0 5} was delivered twice")
}
