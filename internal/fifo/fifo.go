// Package fifo tells whether a long history of calls to a FIFO queue is
// linearizable. Tests use it.
package fifo

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"sort"
	"strings"
)

// Op is one call of a history. It has returned.
type Op struct {
	Kind  Kind
	Value int64 // what was put, or got; not used by Empty
	// Call and Return are times of one monotonic clock, read before and after
	// the call. The interval is closed: a call that returns at the instant at
	// which another is made is concurrent with it.
	Call, Return int64
}

// Kind is what an Op did.
type Kind uint8

const (
	Put   Kind = iota // appended Value
	Get               // took Value out
	Empty             // found the queue empty at an instant between Call and Return
)

func (o Op) String() string {
	if o.Kind == Empty {
		return fmt.Sprintf("empty[%d,%d]", o.Call, o.Return)
	}
	return fmt.Sprintf("%s(%d)[%d,%d]", [...]string{"put", "get"}[o.Kind], o.Value, o.Call, o.Return)
}

// Check returns nil if history is linearizable: if its calls can be ordered, each
// at one instant between its Call and its Return, such that a FIFO queue without
// a bound, empty at first, would have done what they did. Otherwise the error
// says which calls contradict each other. The calls may stand in history in any
// order, but no value may be put twice. Check takes O(n log n).
//
// Idea: in general one has to search for the order, which takes exponential
// time. With a queue whose values are unique there is nothing to search: if there
// is no order, one of four patterns occurs, each of which is easy to find.
//
//	fresh  a value was got that was not put, or before its put was called
//	once   a value was got twice
//	order  put(x) returned before put(y) was called, but get(y) before get(x) was
//	empty  a call found the queue empty, but at every instant of it some value
//	       was surely inside
//
// A value is surely inside after the return of its put and before the call of its
// get, both excluded. One that nobody got counts as got at the end of time.
//
// Steps: pair puts with gets (fresh, once); go through the puts by their calls,
// with the latest get of those that had returned (order); unite the times at
// which values are surely inside, where they overlap, and look whether an empty
// answer lies within one of the unions (empty).
//
// Each pattern is wrong. The least plain is empty: the first value of the union is
// put before the call that found nothing, so it is got before that too; the next is
// put before the first is got, so it is got before that call as well, and so on;
// but the last is got after it.
//
// Nothing else can be wrong:
//
//   - Narrow each put to end at the earlier of the two returns, and each get to
//     begin at the later of the two calls. Let x be older than y if, so narrowed,
//     put(x) is over before put(y) begins, or get(x) before get(y). By fresh and
//     order no two values are older than each other. Then there is no longer cycle
//     either: if a is before b, and c before d, in time, then so is a before d, or c
//     before b, which makes the cycle shorter. So all values have a common order.
//   - Let puts follow this order, and gets too. Can the two be merged? A cycle would
//     go from a get(x) to a put(y) after it in time, on to the put of a y or younger
//     value a, and from there to a get(b), where b is a, or get(b) is after put(a) in
//     time. Either way b is younger than x: in the second case put(a) was not over
//     before put(y) began, so get(b) is after get(x) in time. It never gets back to x.
//   - An empty answer that is not within a union has an instant t outside of all.
//     Put it there. The values whose put and get were both called by t go before
//     it, the others behind: of those neither had returned before t, or the value
//     would be surely inside at t, or not fresh. So no call of a value behind is over
//     before one of a value before begins, and each side can be ordered by itself.
//
// Sources: T. Henzinger, A. Sezgin, V. Vafeiadis, "Aspect-oriented linearizability
// proofs" (CONCUR 2013): the four patterns. "Efficient Linearizability
// Monitoring" (arXiv 2509.17795): O(n log n) for queues, and errors in earlier
// proofs. The proof above is ours; the test compares with a checker that searches.
//
// Not given: calls that never return (leave out one that was cancelled without
// effect: should its value come out, it is not fresh); a bound, so "full" is not
// checked; closing, except that a get which says "closed and drained" found the
// queue empty. An Empty after all other calls shows whether a value was lost.
func Check(history []Op) error {
	lives, empty, err := pair(history)
	if err == nil {
		err = checkOrder(lives)
	}
	if err == nil {
		err = checkEmpty(lives, empty)
	}
	return err
}

// life is what a history says about one value.
type life struct{ put, get Op }

// never is when a value was got that nobody got.
const never = math.MaxInt64

func (l life) String() string {
	if l.get.Call == never {
		return fmt.Sprintf("%v, never got", l.put)
	}
	return fmt.Sprintf("%v %v", l.put, l.get)
}

// pair checks fresh and once. It returns the lives of the values that were put,
// and the empty answers.
func pair(history []Op) (lives []life, empty []Op, err error) {
	index := make(map[int64]int) // of a value in lives
	for _, o := range history {
		if o.Return < o.Call {
			return nil, nil, fmt.Errorf("not a history: %v returns before its call", o)
		}
		switch o.Kind {
		case Put:
			if i, ok := index[o.Value]; ok {
				return nil, nil, fmt.Errorf("not a history: %v and %v put the same value", lives[i].put, o)
			}
			index[o.Value] = len(lives)
			lives = append(lives, life{put: o, get: Op{Kind: Get, Value: o.Value, Call: never, Return: never}})
		case Empty:
			empty = append(empty, o)
		}
	}
	for _, o := range history {
		if o.Kind != Get {
			continue
		}
		i, ok := index[o.Value]
		switch {
		case !ok:
			return nil, nil, fmt.Errorf("fresh: %v, which nobody put", o)
		case lives[i].get.Call != never:
			return nil, nil, fmt.Errorf("once: %v and %v", lives[i].get, o)
		case o.Return < lives[i].put.Call:
			return nil, nil, fmt.Errorf("fresh: %v before %v", o, lives[i].put)
		}
		lives[i].get = o
	}
	return lives, empty, nil
}

// checkOrder looks for a value that overtook another.
func checkOrder(lives []life) error {
	byCall := sorted(lives, func(l life) int64 { return l.put.Call })
	byReturn := sorted(lives, func(l life) int64 { return l.put.Return })
	last := life{get: Op{Call: math.MinInt64}} // of the values put before y, the one got last
	for _, y := range byCall {
		for ; byReturn[0].put.Return < y.put.Call; byReturn = byReturn[1:] { // y at the latest ends it
			if x := byReturn[0]; x.get.Call > last.get.Call {
				last = x
			}
		}
		if y.get.Return < last.get.Call {
			return fmt.Errorf("order: %v overtook %v", y, last)
		}
	}
	return nil
}

// checkEmpty looks for an empty answer while there was always a value inside.
func checkEmpty(lives []life, empty []Op) error {
	byReturn := sorted(lives, func(l life) int64 { return l.put.Return })
	// In order, apart from each other, ends excluded. Some have begin >= end, of a
	// value that is never surely inside; they contain nothing, and overlap nothing.
	var unions []struct{ begin, end int64 }
	for _, l := range byReturn {
		if n := len(unions); n > 0 && l.put.Return < unions[n-1].end {
			unions[n-1].end = max(unions[n-1].end, l.get.Call)
		} else {
			unions = append(unions, struct{ begin, end int64 }{l.put.Return, l.get.Call})
		}
	}
	for _, o := range empty {
		n := sort.Search(len(unions), func(i int) bool { return unions[i].begin >= o.Call })
		if n > 0 && o.Return < unions[n-1].end {
			return fmt.Errorf("empty: %v, but inside were%s", o, chain(byReturn, o))
		}
	}
	return nil
}

// chain names values that are inside one after the other, from before o until
// after it, as few as possible.
func chain(byReturn []life, o Op) string {
	var text strings.Builder
	at, last := o.Call, byReturn[0] // of the values inside just before at, last stays longest
	for _, l := range byReturn {
		if l.put.Return >= at {
			fmt.Fprintf(&text, "\n\t%v", last)
			if at = last.get.Call; at > o.Return {
				return text.String()
			}
		}
		if l.get.Call > last.get.Call {
			last = l
		}
	}
	fmt.Fprintf(&text, "\n\t%v", last)
	return text.String()
}

// sorted returns a copy of lives in the order of their keys.
func sorted(lives []life, key func(life) int64) []life {
	s := slices.Clone(lives)
	slices.SortFunc(s, func(a, b life) int { return cmp.Compare(key(a), key(b)) })
	return s
}
