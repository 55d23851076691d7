package queue_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/parkring/queue"
)

// model is the contract as a sequential program: what a queue of this capacity
// has to answer when one thing happens at a time.
type model struct {
	capacity int // 0: no bound
	items    []int
	gets     []*call      // waiting Gets, oldest first
	puts     []waitingPut // waiting Puts, oldest first
	closed   bool
}

type waitingPut struct {
	call *call
	v    int
}

func (m *model) full() bool    { return m.capacity > 0 && len(m.items) == m.capacity }
func (m *model) drained() bool { return m.closed && len(m.items) == 0 }

// accept is what becomes of v in an open queue that is not full.
func (m *model) accept(t *testing.T, v int) {
	if len(m.gets) == 0 {
		m.items = append(m.items, v)
		return
	}
	m.gets[0].got(t, v)
	m.gets = m.gets[1:]
}

// take is what becomes of the oldest item.
func (m *model) take(t *testing.T) (v int) {
	v, m.items = m.items[0], m.items[1:]
	if len(m.puts) > 0 {
		m.items = append(m.items, m.puts[0].v)
		m.puts[0].call.ended(t, nil)
		m.puts = m.puts[1:]
	}
	return v
}

// FuzzScript runs a script of operations, one per byte, on a queue and on the
// model. The first byte is the capacity.
func FuzzScript(f *testing.F) {
	f.Add([]byte{1, 0, 0, 1, 1, 2, 2, 3, 3})
	f.Add([]byte{2, 2, 2, 2, 2, 6, 3, 3, 3, 3, 3})
	f.Add([]byte{0, 3, 3, 3, 4, 0, 2, 6, 1})
	f.Add([]byte{3, 2, 2, 2, 2, 2, 2, 5, 13, 6, 1, 1, 1, 1, 1, 1, 1, 1})
	f.Add([]byte("0123456789abcdefghijklmnopqrstuvwxyz"))
	f.Fuzz(func(t *testing.T, script []byte) {
		if len(script) == 0 || len(script) > 300 {
			return
		}
		synctest.Test(t, func(t *testing.T) { runScript(t, int(script[0]%6), script[1:]) })
	})
}

func runScript(t *testing.T, capacity int, script []byte) {
	q := queue.New[int](capacity)
	m := &model{capacity: capacity}
	for i, op := range script {
		what := fmt.Sprintf("step %d of capacity %d, %v", i, capacity, script)
		which := int(op) / 8 // of several, for the operations that choose
		switch op % 8 {
		case 0: // TryPut
			err := q.TryPut(i)
			switch {
			case m.closed:
				require.Equal(t, queue.ErrClosed, err, what)
			case m.full():
				require.Equal(t, queue.ErrFull, err, what)
			default:
				require.NoError(t, err, what)
				m.accept(t, i)
			}
		case 1: // TryGet
			v, err := q.TryGet()
			switch {
			case len(m.items) > 0:
				require.NoError(t, err, what)
				require.Equal(t, m.take(t), v, what)
			case m.closed:
				require.Equal(t, queue.ErrClosed, err, what)
			default:
				require.Equal(t, queue.ErrEmpty, err, what)
			}
		case 2: // Put
			c := goPut(q, i)
			switch {
			case m.closed:
				c.ended(t, queue.ErrClosed, what)
			case m.full():
				c.waits(t, what)
				m.puts = append(m.puts, waitingPut{c, i})
			default:
				c.ended(t, nil, what)
				m.accept(t, i)
			}
		case 3: // Get
			c := goGet(q)
			switch {
			case len(m.items) > 0:
				c.got(t, m.take(t), what)
			case m.closed:
				c.ended(t, queue.ErrClosed, what)
			default:
				c.waits(t, what)
				m.gets = append(m.gets, c)
			}
		case 4: // cancel a waiting Get
			if n := len(m.gets); n > 0 {
				c := m.gets[which%n]
				c.cancel()
				c.ended(t, context.Canceled, what)
				m.gets = slices.Delete(m.gets, which%n, which%n+1)
			}
		case 5: // cancel a waiting Put
			if n := len(m.puts); n > 0 {
				c := m.puts[which%n].call
				c.cancel()
				c.ended(t, context.Canceled, what)
				m.puts = slices.Delete(m.puts, which%n, which%n+1)
			}
		case 6: // Close
			if which%4 != 0 {
				break // not too soon
			}
			q.Close()
			m.closed = true
			for _, c := range m.gets {
				c.ended(t, queue.ErrClosed, what)
			}
			m.gets = nil
		case 7: // a burst, to fill and to grow
			for range which * 8 {
				if m.closed || m.full() {
					break
				}
				require.NoError(t, q.TryPut(-i), what)
				m.accept(t, -i)
			}
		}
		synctest.Wait()
		q.CheckInvariants()
		require.Equal(t, len(m.items), q.Len(), what)
		require.Equal(t, len(m.items) == 0, q.Empty(), what)
		require.Equal(t, m.full(), q.Full(), what)
		require.Equal(t, m.closed, q.Closed(), what)
		require.Equal(t, m.drained(), q.Drained(), what)
		gets, puts := q.Waiting()
		require.Equal(t, len(m.gets), gets, what)
		require.Equal(t, len(m.puts), puts, what)
	}
	q.Close()
	for _, c := range m.gets {
		c.ended(t, queue.ErrClosed)
	}
	for len(m.items) > 0 {
		v, err := q.Get(bg)
		require.NoError(t, err)
		require.Equal(t, m.take(t), v)
	}
	mustBeDrained(t, q)
}

// TestScripts runs random scripts, so that the model is compared in every
// ordinary test run too.
func TestScripts(t *testing.T) {
	for seed := range uint64(races(3000)) {
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { runScript(t, int(seed%6), randomScript(seed)) })
		})
	}
}

func randomScript(seed uint64) []byte {
	r := rand.New(rand.NewPCG(seed, 1))
	script := make([]byte, 20+r.IntN(100))
	for i := range script {
		script[i] = byte(r.Uint32())
	}
	return script
}
