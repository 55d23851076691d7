package fifo

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/anishathalye/porcupine"
	"github.com/stretchr/testify/require"
)

// spec is the queue that Check has in mind, for porcupine, which searches for an
// order of the calls.
var spec = porcupine.Model{
	Init: func() any { return []int64(nil) },
	Step: func(state, input, _ any) (bool, any) {
		items, o := state.([]int64), input.(Op)
		switch {
		case o.Kind == Put:
			return true, append(slices.Clip(items), o.Value)
		case o.Kind == Get && len(items) > 0 && items[0] == o.Value:
			return true, items[1:]
		}
		return o.Kind == Empty && len(items) == 0, items
	},
	Equal: func(a, b any) bool { return slices.Equal(a.([]int64), b.([]int64)) },
}

func linearizable(history []Op) bool {
	var ops []porcupine.Operation
	for _, o := range history {
		ops = append(ops, porcupine.Operation{Input: o, Call: o.Call, Return: o.Return})
	}
	return porcupine.CheckOperations(spec, ops)
}

// pattern returns the first word of err, or "ok".
func pattern(err error) string {
	if err == nil {
		return "ok"
	}
	word, _, _ := strings.Cut(err.Error(), ":")
	return word
}

// Each pattern in a history of its own, and what just escapes it. Intervals are
// closed: calls that touch are concurrent.
func TestPatterns(t *testing.T) {
	put := func(v, call, ret int64) Op { return Op{Put, v, call, ret} }
	get := func(v, call, ret int64) Op { return Op{Get, v, call, ret} }
	empty := func(call, ret int64) Op { return Op{Empty, 0, call, ret} }
	for _, test := range []struct {
		name, want string
		history    []Op
	}{
		{"nothing", "ok", nil},
		{"one after the other", "ok", []Op{empty(0, 1), put(1, 2, 3), get(1, 4, 5), empty(6, 7)}},
		{"logs in any order", "ok", []Op{get(1, 4, 5), empty(6, 7), put(1, 2, 3), empty(0, 1)}},
		{"all at one instant", "ok", []Op{put(2, 5, 5), put(1, 5, 5), get(1, 5, 5), get(2, 5, 5), empty(5, 5)}},
		{"before the clock began", "order", []Op{put(1, -9, -8), put(2, -7, -6), get(2, -5, -4), get(1, -3, -2)}},

		{"nobody put it", "fresh", []Op{put(1, 0, 1), get(2, 2, 3)}},
		{"got before it was put", "fresh", []Op{put(1, 2, 3), get(1, 0, 1)}},
		{"got when it was put", "ok", []Op{put(1, 1, 3), get(1, 0, 1)}},
		{"got while it was put", "ok", []Op{put(1, 1, 9), get(1, 2, 3)}},

		{"got twice", "once", []Op{put(1, 0, 1), get(1, 2, 3), get(1, 4, 5)}},
		{"got twice at once", "once", []Op{put(1, 0, 9), get(1, 0, 9), get(1, 0, 9)}},

		{"overtaken", "order", []Op{put(1, 0, 1), put(2, 2, 3), get(2, 4, 5), get(1, 6, 7)}},
		{"puts touch", "ok", []Op{put(1, 0, 2), put(2, 2, 3), get(2, 4, 5), get(1, 6, 7)}},
		{"gets touch", "ok", []Op{put(1, 0, 1), put(2, 2, 3), get(2, 4, 6), get(1, 6, 7)}},
		{"overtaken for good", "order", []Op{put(1, 0, 1), put(2, 2, 3), get(2, 4, 5)}},
		{"neither was got", "ok", []Op{put(1, 0, 1), put(2, 2, 3)}},
		{"got while others were put", "ok", []Op{put(1, 0, 9), put(2, 2, 3), get(1, 4, 5), get(2, 6, 7)}},
		{"overtaken by the last of many", "order", []Op{
			put(1, 0, 1), put(2, 2, 3), put(3, 4, 5), put(4, 6, 7),
			get(1, 8, 9), get(2, 10, 15), get(3, 14, 17), get(4, 12, 13)}},

		{"one inside", "empty", []Op{put(1, 0, 1), empty(2, 3), get(1, 4, 5)}},
		{"one inside for good", "empty", []Op{put(1, 0, 1), empty(2, 3)}},
		{"put touches", "ok", []Op{put(1, 0, 2), empty(2, 3), get(1, 4, 5)}},
		{"get touches", "ok", []Op{put(1, 0, 1), empty(2, 4), get(1, 4, 5)}},
		{"got while it was put, then empty", "ok", []Op{put(1, 0, 9), get(1, 2, 3), empty(4, 5)}},
		{"get waits for the put, and for empty", "ok", []Op{get(1, 0, 9), empty(2, 3), put(1, 4, 5)}},
		{"empty before the put of a get that waits", "ok", []Op{get(1, 0, 9), empty(1, 2), put(1, 3, 4), empty(5, 6)}},
		{"returned from get, not from put", "empty", []Op{
			put(1, 0, 9), get(1, 2, 3), // inside at no sure instant
			put(2, 0, 1), get(2, 6, 7), empty(4, 5)}},
		{"handed over", "empty", []Op{put(1, 0, 1), put(2, 3, 4), empty(2, 6), get(1, 5, 6), get(2, 7, 8)}},
		{"handed over in an instant", "ok", []Op{put(1, 0, 1), put(2, 3, 4), empty(2, 6), get(1, 4, 6), get(2, 7, 8)}},
		{"handed over twice", "empty", []Op{
			put(1, 0, 1), put(2, 2, 5), put(3, 6, 9), empty(3, 12),
			get(1, 6, 8), get(2, 10, 13), get(3, 13, 14)}},
		{"over long before", "ok", []Op{put(1, 0, 1), get(1, 8, 9), put(2, 10, 11), get(2, 18, 19), empty(20, 21), put(3, 22, 23)}},

		{"not unique", "not a history", []Op{put(1, 0, 1), put(1, 2, 3)}},
		{"backwards", "not a history", []Op{put(1, 1, 0)}},
	} {
		t.Run(test.name, func(t *testing.T) {
			err := Check(test.history)
			require.Equal(t, test.want, pattern(err), "%v", err)
			if test.want != "not a history" {
				require.Equal(t, err == nil, linearizable(test.history), "porcupine disagrees")
			}
		})
	}
}

func TestErrorNamesTheCalls(t *testing.T) {
	h := []Op{
		{Put, 1, 0, 1}, {Put, 2, 2, 5}, {Put, 3, 6, 9}, {Put, 4, 11, 11}, {Empty, 0, 3, 12},
		{Get, 1, 6, 8}, {Get, 2, 10, 13}, {Get, 3, 13, 14},
	}
	require.EqualError(t, Check(h), "empty: empty[3,12], but inside were"+
		"\n\tput(1)[0,1] get(1)[6,8]\n\tput(2)[2,5] get(2)[10,13]\n\tput(3)[6,9] get(3)[13,14]")
	require.EqualError(t, Check(append(h, Op{Get, 4, 12, 12})), "order: put(4)[11,11] get(4)[12,12] overtook put(3)[6,9] get(3)[13,14]")
	require.EqualError(t, Check(append(h, Op{Put, 5, 20, 20}, Op{Get, 5, 21, 21})), "order: put(5)[20,20] get(5)[21,21] overtook put(4)[11,11], never got")
}

// Check finds just what a search for the order finds: in histories of a correct
// queue, in the same with something spoiled, and in calls thrown together.
func TestAgreesWithSearch(t *testing.T) {
	histories := 60_000
	if testing.Short() {
		histories /= 10
	}
	found := map[string]int{}
	for seed := range histories {
		r := rand.New(rand.NewPCG(uint64(seed), 0))
		h := someHistory(r)
		err := Check(h)
		if linearizable(h) != (err == nil) {
			t.Fatalf("seed %d: Check says %v, porcupine the opposite, of\n%v", seed, err, h)
		}
		found[pattern(err)]++
		if n := strings.Count(fmt.Sprint(err), "\n\t"); n > 1 {
			found["empty, handed over"]++
		}
	}
	t.Logf("%d histories: %v", histories, found)
	share := func(what string, percent int) {
		require.Greater(t, found[what], histories*percent/100, what)
	}
	share("ok", 40)
	share("fresh", 5)
	share("once", 1)
	share("order", 5)
	share("empty", 5)
	share("empty, handed over", 1)
}

func someHistory(r *rand.Rand) []Op {
	if r.IntN(2) == 0 {
		return thrown(r)
	}
	h := simulate(r, 3+r.IntN(2), 4+r.IntN(7))
	for range r.IntN(7) {
		h = spoil(r, h)
	}
	return h
}

// simulate returns the history of a correct queue that so many goroutines use,
// of about as many calls. Time often stands still.
func simulate(r *rand.Rand, goroutines, calls int) (history []Op) {
	const (
		idle = iota
		called
		effected
	)
	type goroutine struct {
		state int
		op    Op
	}
	all := make([]goroutine, goroutines)
	var items []int64
	var now, values int64
	for len(history) < calls {
		now += r.Int64N(2)
		g := &all[r.IntN(goroutines)]
		switch g.state {
		case idle:
			g.op = Op{Kind: Kind(r.IntN(3)), Call: now}
			g.state = called
		case called:
			switch {
			case g.op.Kind == Put:
				values++
				g.op.Value = values
				items = append(items, values)
			case len(items) > 0:
				g.op.Kind = Get // TryGet may be lucky too
				g.op.Value = items[0]
				items = items[1:]
			case g.op.Kind == Get: // waits, or gives up
				if r.IntN(4) == 0 {
					g.state = idle
				}
				continue
			}
			g.state = effected
		case effected:
			g.op.Return = now
			history = append(history, g.op)
			g.state = idle
		}
	}
	for _, g := range all {
		if g.state == effected {
			g.op.Return = now
			history = append(history, g.op)
		}
	}
	return history
}

// spoil returns h with one thing changed. That need not make it wrong.
func spoil(r *rand.Rand, h []Op) []Op {
	if len(h) == 0 {
		return h
	}
	i, j := r.IntN(len(h)), r.IntN(len(h))
	switch r.IntN(12) {
	case 0, 1: // the values of two gets
		if h[i].Kind == Get && h[j].Kind == Get {
			h[i].Value, h[j].Value = h[j].Value, h[i].Value
		}
	case 2, 3: // another's value, or one that is not there
		if h[i].Kind == Get {
			h[i].Value = max(h[j].Value, h[i].Value-1)
		}
	case 4, 5: // a lost item, or a late loser of a race
		if h[i].Kind == Get {
			h[i].Kind = Empty
		}
	case 6: // a call that left no trace
		h = slices.Delete(h, i, i+1)
	case 7, 8, 9: // earlier or later
		by := r.Int64N(9) - 4
		h[i].Call += by
		h[i].Return += by
	case 10: // longer or shorter
		h[i].Return = max(h[i].Call, h[i].Return+r.Int64N(9)-4)
	case 11:
		h[i].Call = min(h[i].Call+r.Int64N(9)-4, h[i].Return)
	}
	return h
}

// thrown returns a few calls at random times, the gets mostly after the puts and
// in their order, and a few empty answers among them.
func thrown(r *rand.Rand) (history []Op) {
	later := r.Int64N(10)
	var at int64
	for value := range 1 + r.Int64N(4) {
		at += r.Int64N(5)
		history = append(history, Op{Put, value, at, at + r.Int64N(4)})
		if r.IntN(8) > 0 {
			call := at + later + r.Int64N(3)
			history = append(history, Op{Get, value, call, call + r.Int64N(4)})
		}
	}
	for range 1 + r.IntN(2) {
		call := r.Int64N(at + later + 4)
		history = append(history, Op{Empty, 0, call, call + r.Int64N(8)})
	}
	return history
}

// A long history is accepted as it is, and refused with one thing wrong, wherever
// that is.
func TestLongHistories(t *testing.T) {
	calls := 200_000
	if testing.Short() {
		calls /= 10
	}
	for seed := range uint64(2) {
		r := rand.New(rand.NewPCG(seed, 0))
		h := simulate(r, 8, calls)
		require.NoError(t, Check(h), "seed %d", seed)
		of := func(k Kind) int {
			i := r.IntN(len(h))
			for h[i].Kind != k {
				i = (i + 1) % len(h)
			}
			return i
		}
		for want, spoil := range map[string]func(h []Op) []Op{
			"fresh": func(h []Op) []Op { h[of(Get)].Value = -1; return h },
			"once":  func(h []Op) []Op { return append(h, h[of(Get)]) },
			"order": func(h []Op) []Op { i := of(Put); h[i].Call, h[i].Return = -1, -1; return h },
			"empty": func(h []Op) []Op {
				lives, _, _ := pair(h)
				for {
					l := lives[r.IntN(len(lives))]
					if at := l.put.Return + 1; at < l.get.Call {
						return append(h, Op{Empty, 0, at, at})
					}
				}
			},
		} {
			err := Check(spoil(slices.Clone(h)))
			require.Equal(t, want, pattern(err), "seed %d: %v", seed, err)
		}
	}
}
