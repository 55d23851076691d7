package queue_test

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/parkring/queue"
)

// model is the contract as a sequential program: what a queue of this capacity
// has to answer when one thing happens at a time.
type model struct {
	capacity int // 0: no bound
	items    []int
	gets     []waitingGet // oldest first
	puts     []waitingPut // oldest first
	closed   bool
}

// waitingGet is a Get that waits, or a loop over All, or a GetBatch.
type waitingGet struct {
	*call
	wants int        // how many more items
	batch *batchCall // nil if it is none
}

// waitingPut is a Put that waits, or a PutBatch.
type waitingPut struct {
	*call
	vs    []int      // what is not in
	of    int        // how many there were
	batch *batchCall // nil if it is none
}

func (m *model) full() bool    { return m.capacity > 0 && len(m.items) == m.capacity }
func (m *model) drained() bool { return m.closed && len(m.items) == 0 }

// script is a sequence of operations on a queue and on the model, one at a time,
// which are compared after each. It runs in a testing/synctest bubble.
type script struct {
	model
	t      rapid.TB
	q      *queue.Queue[int]
	newest int      // the last item that was put
	calls  []*call  // all that were started
	steps  []string // what has been done, for messages
}

// operations are what scripts are made of. Each is told a number below choices
// to choose with.
var operations = []struct {
	name    string
	choices int
	do      func(s *script, choice int)
}{
	{"TryPut", 1, (*script).tryPut},
	{"TryGet", 1, (*script).tryGet},
	{"Put", 1, (*script).put},
	{"Get", 1, (*script).get},
	{"Put, context ended", 1, (*script).putNow},
	{"Get, context ended", 1, (*script).getNow},
	{"TryPutBatch", 4, (*script).tryPutBatch},
	{"TryGetBatch", 4, (*script).tryGetBatch},
	{"PutBatch", 4, (*script).putBatch},
	{"GetBatch", 4, (*script).getBatch},
	{"All", 4, (*script).all},
	{"All, context ended", 1, (*script).allNow},
	{"cancel a waiting Get", 8, (*script).cancelGet},
	{"cancel a waiting Put", 8, (*script).cancelPut},
	{"burst", 21, (*script).burst},
	{"Close", 4, (*script).close},
}

// ended is a context that has ended.
var ended = func() context.Context {
	ctx, cancel := context.WithCancel(bg)
	cancel()
	return ctx
}()

// scriptKinds are the queues that scripts run on: small ones, that are full or
// empty all the time, from the start and from below the wrap-around.
var scriptKinds = func() (all []variant) {
	for n := range 6 {
		all = append(all, variant{capacity: n}, variant{capacity: n, lap: math.MaxUint64})
	}
	return all
}()

// runScript runs the script that steps takes to its end.
func runScript(t rapid.TB, k variant, steps func(s *script)) {
	s := &script{t: t, q: k.make(), model: model{capacity: k.capacity}, steps: []string{k.String()}}
	defer s.release()
	s.check()
	steps(s)
	s.finish()
}

func (s *script) check() {
	synctest.Wait()
	require.NotPanics(s.t, s.q.CheckInvariants, s)
	require.Equal(s.t, len(s.items), s.q.Len(), s)
	require.Equal(s.t, s.capacity, s.q.Cap(), s)
	require.Equal(s.t, len(s.items) == 0, s.q.Empty(), s)
	require.Equal(s.t, s.full(), s.q.Full(), s)
	require.Equal(s.t, s.closed, s.q.Closed(), s)
	require.Equal(s.t, s.drained(), s.q.Drained(), s)
	gets, puts := s.q.Waiting()
	require.Equal(s.t, len(s.gets), gets, s)
	require.Equal(s.t, len(s.puts), puts, s)
}

// finish closes and drains the queue.
func (s *script) finish() {
	s.close(0)
	for len(s.items) > 0 {
		s.getNow(0)
	}
	s.check()
	mustBeDrained(s.t, s.q)
}

// release ends the calls that still wait when a script has failed: a bubble
// cannot be left with goroutines in it.
func (s *script) release() {
	for _, c := range s.calls {
		c.cancel()
	}
}

// String says what has been done so far.
func (s *script) String() string { return strings.Join(s.steps, "; ") }

func (s *script) did(format string, args ...any) {
	s.steps = append(s.steps, fmt.Sprintf(format, args...))
}

func (s *script) start(c *call) *call {
	s.calls = append(s.calls, c)
	return c
}

// next returns an item that has not been put before.
func (s *script) next() int {
	s.newest++
	return s.newest
}

// accept is what becomes of v in an open queue that is not full.
func (s *script) accept(v int) {
	if len(s.gets) == 0 {
		s.items = append(s.items, v)
		return
	}
	g := s.gets[0]
	s.gets = s.gets[1:]
	if g.batch != nil {
		g.ended(s.t, nil, s)
		require.Equal(s.t, []int{v}, g.batch.buf[:g.batch.n], s)
		return
	}
	if g.wants == 1 {
		g.got(s.t, v, s)
		return
	}
	g.waits(s.t, s)
	require.Equal(s.t, v, g.v, s)
	s.gets = append(s.gets, waitingGet{call: g.call, wants: g.wants - 1}) // a loop comes back, as the last
}

// take is what becomes of the oldest item.
func (s *script) take() (v int) {
	v, s.items = s.items[0], s.items[1:]
	if len(s.puts) > 0 {
		p := &s.puts[0]
		s.items = append(s.items, p.vs[0])
		if p.vs = p.vs[1:]; len(p.vs) == 0 {
			p.ended(s.t, nil, s)
			p.check(s)
			s.puts = s.puts[1:]
		}
	}
	return v
}

// check compares what a PutBatch that has ended says.
func (p waitingPut) check(s *script) {
	if p.batch != nil {
		require.Equal(s.t, p.of-len(p.vs), p.batch.n, s)
	}
}

// takeAll is what becomes of up to n of the oldest items.
func (s *script) takeAll(n int) (all []int) {
	for len(all) < n && len(s.items) > 0 {
		all = append(all, s.take())
	}
	return all
}

// The operations.

func (s *script) tryPut(int) {
	v := s.next()
	s.did("TryPut(%d)", v)
	s.settlePut(v, s.q.TryPut(v), queue.ErrFull)
}

func (s *script) putNow(int) {
	v := s.next()
	s.did("Put(ended, %d)", v)
	s.settlePut(v, s.q.Put(ended, v), context.Canceled)
}

// settlePut is for a put that does not wait, and returns errFull instead.
func (s *script) settlePut(v int, err, errFull error) {
	switch {
	case s.closed:
		require.Equal(s.t, queue.ErrClosed, err, s)
	case s.full():
		require.Equal(s.t, errFull, err, s)
	default:
		require.NoError(s.t, err, s)
		s.accept(v)
	}
}

func (s *script) tryGet(int) {
	s.did("TryGet")
	v, err := s.q.TryGet()
	s.settleGet(v, err, queue.ErrEmpty)
}

func (s *script) getNow(int) {
	s.did("Get(ended)")
	v, err := s.q.Get(ended)
	s.settleGet(v, err, context.Canceled)
}

// settleGet is for a get that does not wait, and returns errEmpty instead.
func (s *script) settleGet(v int, err, errEmpty error) {
	switch {
	case len(s.items) > 0:
		require.NoError(s.t, err, s)
		require.Equal(s.t, s.take(), v, s)
	case s.closed:
		require.Equal(s.t, queue.ErrClosed, err, s)
	default:
		require.Equal(s.t, errEmpty, err, s)
	}
}

func (s *script) put(int) {
	v := s.next()
	s.did("Put(%d)", v)
	c := s.start(goPut(s.q, v))
	switch {
	case s.closed:
		c.ended(s.t, queue.ErrClosed, s)
	case s.full():
		c.waits(s.t, s)
		s.puts = append(s.puts, waitingPut{call: c, vs: []int{v}, of: 1})
	default:
		c.ended(s.t, nil, s)
		s.accept(v)
	}
}

func (s *script) get(int) {
	s.did("Get")
	c := s.start(goGet(s.q))
	switch {
	case len(s.items) > 0:
		c.got(s.t, s.take(), s)
	case s.closed:
		c.ended(s.t, queue.ErrClosed, s)
	default:
		c.waits(s.t, s)
		s.gets = append(s.gets, waitingGet{call: c, wants: 1})
	}
}

// batch returns new items, one more than choice; just one if somebody waits who
// would take more than one, because it depends on the scheduler then who gets what.
func (s *script) batch(choice int) (vs []int) {
	for range choice + 1 {
		vs = append(vs, s.next())
		if slices.ContainsFunc(s.gets, func(g waitingGet) bool { return g.wants > 1 }) {
			break
		}
	}
	return vs
}

// acceptBatch is what becomes of vs in an open queue. It returns what does not fit.
func (s *script) acceptBatch(vs []int) (rest []int) {
	for rest = vs; len(rest) > 0 && !s.full(); rest = rest[1:] {
		s.accept(rest[0])
	}
	return rest
}

func (s *script) tryPutBatch(choice int) {
	vs := s.batch(choice)
	s.did("TryPutBatch(%d)", vs)
	n, err := s.q.TryPutBatch(vs)
	if s.closed {
		require.Equal(s.t, queue.ErrClosed, err, s)
		require.Zero(s.t, n, s)
		return
	}
	rest := s.acceptBatch(vs)
	require.Equal(s.t, len(vs)-len(rest), n, s)
	if len(rest) > 0 {
		require.Equal(s.t, queue.ErrFull, err, s)
	} else {
		require.NoError(s.t, err, s)
	}
}

func (s *script) putBatch(choice int) {
	vs := s.batch(choice)
	s.did("PutBatch(%d)", vs)
	c := goPutBatch(s.q, vs...)
	s.start(&c.call)
	if s.closed {
		c.ended(s.t, queue.ErrClosed, s)
		require.Zero(s.t, c.n, s)
		return
	}
	rest := s.acceptBatch(vs)
	if len(rest) == 0 {
		c.ended(s.t, nil, s)
		require.Equal(s.t, len(vs), c.n, s)
		return
	}
	c.waits(s.t, s)
	s.puts = append(s.puts, waitingPut{&c.call, rest, len(vs), c})
}

func (s *script) tryGetBatch(choice int) {
	s.did("TryGetBatch(%d)", choice+1)
	buf := make([]int, choice+1)
	n, err := s.q.TryGetBatch(buf)
	if len(s.items) == 0 {
		s.settleGet(0, err, queue.ErrEmpty)
		require.Zero(s.t, n, s)
		return
	}
	require.NoError(s.t, err, s)
	require.Equal(s.t, s.takeAll(choice+1), buf[:n], s)
}

func (s *script) getBatch(choice int) {
	s.did("GetBatch(%d)", choice+1)
	c := goGetBatch(s.q, choice+1)
	s.start(&c.call)
	switch {
	case len(s.items) > 0:
		c.ended(s.t, nil, s)
		require.Equal(s.t, s.takeAll(choice+1), c.buf[:c.n], s)
	case s.closed:
		c.ended(s.t, queue.ErrClosed, s)
		require.Zero(s.t, c.n, s)
	default:
		c.waits(s.t, s)
		s.gets = append(s.gets, waitingGet{&c.call, choice + 1, c})
	}
}

func (s *script) all(choice int) {
	n := choice + 1
	s.did("All(break after %d)", n)
	c := s.start(goAll(s.q, n))
	want := s.takeAll(n)
	require.Equal(s.t, want, c.seen, s)
	switch {
	case len(want) == n:
		c.ended(s.t, nil, s)
	case s.closed:
		c.ended(s.t, queue.ErrClosed, s)
	default:
		c.waits(s.t, s)
		s.gets = append(s.gets, waitingGet{call: c, wants: n - len(want)})
	}
}

func (s *script) allNow(int) {
	s.did("All(ended)")
	got := slices.Collect(s.q.All(ended))
	require.Equal(s.t, s.takeAll(math.MaxInt), got, s)
}

func (s *script) cancelGet(choice int) {
	if len(s.gets) == 0 {
		return
	}
	i := choice % len(s.gets)
	s.did("cancel(Get %d of %d)", i+1, len(s.gets))
	c := s.gets[i]
	s.gets = slices.Delete(s.gets, i, i+1)
	c.cancel()
	c.ended(s.t, context.Canceled, s)
}

func (s *script) cancelPut(choice int) {
	if len(s.puts) == 0 {
		return
	}
	i := choice % len(s.puts)
	s.did("cancel(Put %d of %d)", i+1, len(s.puts))
	c := s.puts[i]
	s.puts = slices.Delete(s.puts, i, i+1)
	c.cancel()
	c.ended(s.t, context.Canceled, s)
	c.check(s)
}

// burst fills a bounded queue, and makes one without a bound grow.
func (s *script) burst(choice int) {
	most := 8 * (choice + 1)
	s.did("TryPut(%d...), up to %d", s.newest+1, most)
	for range most {
		if s.closed || s.full() {
			return
		}
		v := s.next()
		s.settlePut(v, s.q.TryPut(v), queue.ErrFull)
	}
}

func (s *script) close(choice int) {
	if choice != 0 {
		return // else most scripts would close too soon
	}
	s.did("Close")
	s.q.Close()
	s.closed = true
	for _, c := range s.gets {
		c.ended(s.t, queue.ErrClosed, s)
	}
	s.gets = nil
}

// Scripts of bytes: the first is the kind of queue, each other one operation.

func FuzzScript(f *testing.F) {
	f.Fuzz(func(t *testing.T, script []byte) {
		if len(script) == 0 || len(script) > 300 {
			return
		}
		runBytes(t, script)
	})
}

// TestScripts runs random scripts, so that the model is compared in every
// ordinary test run too.
func TestScripts(t *testing.T) {
	for seed := range uint64(races(3000)) {
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) { runBytes(t, randomScript(seed)) })
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

func runBytes(t *testing.T, bytes []byte) {
	kind := scriptKinds[int(bytes[0])%len(scriptKinds)]
	synctest.Test(t, func(t *testing.T) {
		runScript(t, kind, func(s *script) {
			for _, b := range bytes[1:] {
				op := operations[int(b)%len(operations)]
				op.do(s, int(b)/len(operations)%op.choices)
				s.check()
			}
		})
	})
}

// Scripts that rapid draws. When one fails, rapid looks for a short one that
// fails in the same way. It has a bubble for each script.

func FuzzDrawnScript(f *testing.F) {
	f.Fuzz(rapid.MakeFuzz(func(t *rapid.T) {
		runDrawn(t, rapid.SampledFrom(scriptKinds).Draw(t, "kind"))
	}))
}

func TestDrawnScripts(t *testing.T) {
	for _, k := range scriptKinds {
		t.Run(k.String(), rapid.MakeCheck(func(t *rapid.T) { runDrawn(t, k) }))
	}
}

func runDrawn(t *rapid.T, kind variant) {
	rapid.SyncTest(t, func(t *rapid.T) {
		runScript(t, kind, func(s *script) {
			actions := map[string]func(*rapid.T){"": func(*rapid.T) { s.check() }}
			for _, op := range operations {
				actions[op.name] = func(t *rapid.T) {
					choice := 0
					if op.choices > 1 {
						choice = rapid.IntRange(0, op.choices-1).Draw(t, "choice")
					}
					op.do(s, choice)
				}
			}
			t.Repeat(actions)
		})
	})
}
