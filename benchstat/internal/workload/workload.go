// Package workload measures one implementation in one cell: it takes one sample, in
// the process it is called in, and checks every item that went through.
//
// A sample is named like a benchmark:
//
//	Throughput/shape=4x4/cap=64/elem=8B/how=wait/impl=queue
//
// and is worth nothing unless all items came out exactly once, those of each
// producer in their order: see Ledger.
package workload

import (
	"errors"
	"fmt"
	"math"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/parkring/queue/benchstat/internal/peer"
)

// Case is what a sample is of: a cell of a workload, and an implementation.
type Case struct {
	Workload string
	Keys     []Key
	Impl     string
}

// Key is a part of the name of a cell: cap=64.
type Key struct{ Name, Value string }

// Cell returns the name of the cell, with the workload.
func (c Case) Cell() string {
	var b strings.Builder
	b.WriteString(c.Workload)
	for _, k := range c.Keys {
		fmt.Fprintf(&b, "/%s=%s", k.Name, k.Value)
	}
	return b.String()
}

// String returns the name of the case, as Parse takes it.
func (c Case) String() string { return c.Cell() + "/impl=" + c.Impl }

// Parse reads the name of a case.
func Parse(name string) (Case, error) {
	parts := strings.Split(name, "/")
	c := Case{Workload: parts[0]}
	for _, part := range parts[1:] {
		key, value, ok := strings.Cut(part, "=")
		if !ok {
			return c, fmt.Errorf("%q in %q is not key=value", part, name)
		}
		c.Keys = append(c.Keys, Key{key, value})
	}
	if n := len(c.Keys) - 1; n >= 0 && c.Keys[n].Name == "impl" {
		c.Impl, c.Keys = c.Keys[n].Value, c.Keys[:n]
		return c, nil
	}
	return c, fmt.Errorf("%q does not end in impl=NAME", name)
}

// Sample is a measurement.
type Sample struct {
	N      int     // operations
	Values []Value // none if it is wrong
	Wrong  int     // items lost, duplicated, out of order or invented
	Why    string  // the first of them
}

// Value is a number with its unit, as benchmarks report it.
type Value struct {
	Value float64
	Unit  string
}

// Value returns the value in a unit, or 0.
func (s Sample) Value(unit string) float64 {
	for _, v := range s.Values {
		if v.Unit == unit {
			return v.Value
		}
	}
	return 0
}

// ErrNotSo means that an implementation cannot do what a workload needs.
var ErrNotSo = peer.ErrNotSo

// Better lists the units of samples in which lower or higher values are better, as
// far as their names do not say so.
var Better = map[string]string{
	"cpu-ns/op": "lower", "cpu-ns/s": "lower", "fail/op": "lower", "late/op": "lower", "share-min": "higher", "B": "lower",
	"p50-ns": "lower", "p90-ns": "lower", "p99-ns": "lower", "p99.9-ns": "lower", "p99.99-ns": "lower", "max-ns": "lower",
}

// Measure takes a sample of n operations. If n is 0 it finds out how many operations
// take about as long as d; this warms up as well. Else it warms up with a few.
func Measure(c Case, n int, d time.Duration) (Sample, error) {
	w, ok := workloads[c.Workload]
	if !ok {
		return Sample{}, fmt.Errorf("no workload %q", c.Workload)
	}
	impl, err := peer.Find(c.Impl)
	if err != nil {
		return Sample{}, err
	}
	if impl.Pseudo && !w.pseudo {
		return Sample{}, fmt.Errorf("%s is no queue: %w", c.Impl, ErrNotSo)
	}
	one := func(n int, d time.Duration) (Sample, error) {
		t := &trial{c: c, impl: impl, n: n, d: d}
		err := w.run(t)
		t.sample.N = max(t.sample.N, 1)
		if errors.Is(err, errBadKey) {
			err = fmt.Errorf("%s: %w", c, err)
		}
		return t.sample, err
	}
	if w.lasts {
		return one(0, d*w.times)
	}
	if n > 0 {
		if s, err := one(max(n/10, 1), 0); err != nil || s.Wrong > 0 {
			return s, err
		}
		return one(n, 0)
	}
	for n = 100; ; {
		s, err := one(n, 0)
		if err != nil || s.Wrong > 0 {
			return s, err
		}
		if s.took() >= d/4 || n >= maxOps {
			return one(clamp(float64(s.N)*s.times(d)), 0)
		}
		n = min(clamp(float64(s.N)*s.times(d)), 20*n)
	}
}

// Next returns how many operations the next sample should have, to take about as long as
// d. A single sample may be an accident, so it goes half of the way.
func (s Sample) Next(d time.Duration) int {
	if s.took() == 0 {
		return s.N
	}
	return clamp(float64(s.N) * math.Sqrt(s.times(d)))
}

func (s Sample) took() time.Duration { return time.Duration(s.Value("ns/op") * float64(s.N)) }

// times returns how many such samples would take as long as d.
func (s Sample) times(d time.Duration) float64 { return float64(d) / float64(max(s.took(), 1)) }

const maxOps = 1 << 24

func clamp(n float64) int { return int(max(100, min(n, maxOps))) }

// trial is a sample in the making.
type trial struct {
	c      Case
	impl   peer.Impl
	n      int           // operations
	d      time.Duration // for workloads that last so long rather than for so many operations
	sample Sample
}

var errBadKey = errors.New("bad cell")

// key returns the value of a key of the cell, or the default.
func (t *trial) key(name, fallback string) string {
	for _, k := range t.c.Keys {
		if k.Name == name {
			return k.Value
		}
	}
	return fallback
}

// number returns the value of a key that is a number. "none" is 0.
func (t *trial) number(name string, fallback int) (int, error) {
	s := t.key(name, strconv.Itoa(fallback))
	if s == "none" {
		return 0, nil
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 0 {
		return 0, fmt.Errorf("%w: %s=%s", errBadKey, name, s)
	}
	return n, nil
}

// shape returns how many producers and consumers there are.
func (t *trial) shape() (producers, consumers int, err error) {
	s := t.key("shape", "1x1")
	if _, err := fmt.Sscanf(s, "%dx%d", &producers, &consumers); err != nil || producers < 1 || consumers < 1 {
		return 0, 0, fmt.Errorf("%w: shape=%s", errBadKey, s)
	}
	return producers, consumers, nil
}

// goroutines returns the key g.
func (t *trial) goroutines(fallback int) (int, error) {
	g, err := t.number("g", fallback)
	if err == nil && g < 1 {
		err = fmt.Errorf("%w: g=%d", errBadKey, g)
	}
	return g, err
}

// primed is how many items are enough to have been everywhere in a queue that has no
// bound.
const primed = 512

// make makes a queue for so many producers and consumers at once, and as many items
// of each producer.
func (t *trial) make(producers, consumers, each int) (any, int, error) {
	capacity, err := t.number("cap", 0)
	if err != nil {
		return nil, 0, err
	}
	q, err := t.impl.Make(peer.Config{
		Cap:       capacity,
		Elem:      t.key("elem", "8B"),
		Producers: producers,
		Consumers: consumers,
		Each:      max(each, capacity, primed),
	})
	return q, capacity, err
}

// need returns q as something that can do what the workload needs.
func need[T any](t *trial, q any) (T, error) {
	v, ok := q.(T)
	if !ok {
		return v, fmt.Errorf("%s in %s: %w", t.c.Impl, t.c.Cell(), ErrNotSo)
	}
	return v, nil
}

// queue makes a queue that can wait.
func (t *trial) queue(producers, consumers, each int) (q peer.Queue, capacity int, err error) {
	v, capacity, err := t.make(producers, consumers, each)
	if err != nil {
		return nil, 0, err
	}
	q, err = need[peer.Queue](t, v)
	return q, capacity, err
}

// timed runs ops operations and reports what they take.
func (t *trial) timed(ops int, work func()) {
	runtime.GC()
	cpuBefore, ok := cpu()
	start := time.Now()
	work()
	took := time.Since(start)
	cpuAfter, _ := cpu()
	t.sample.N = ops
	t.report(float64(took.Nanoseconds())/float64(ops), "ns/op")
	if ok {
		t.report(float64((cpuAfter-cpuBefore).Nanoseconds())/float64(ops), "cpu-ns/op")
	}
}

// report adds a value, unless something is wrong.
func (t *trial) report(value float64, unit string) {
	if t.sample.Wrong > 0 {
		return
	}
	t.sample.Values = append(t.sample.Values, Value{value, unit})
}

// settle checks the items, if they are from a queue.
func (t *trial) settle(l *Ledger) {
	if t.impl.Pseudo {
		return
	}
	if wrong, why := l.Settle(); wrong > 0 {
		t.wrong(wrong, why)
	}
}

// wrong says that a peer does not do what a queue does. Then nothing else counts.
func (t *trial) wrong(n int, why string) {
	if t.sample.Wrong == 0 {
		t.sample.Why = why
	}
	t.sample.Wrong += n
	t.sample.Values = nil
}

// workload is a way to use a queue.
type workload struct {
	run    func(*trial) error
	pseudo bool          // also for the implementations that are no queues
	lasts  bool          // takes so long, rather than so many operations
	times  time.Duration // and this many times as long as others
}

var workloads = map[string]workload{
	"Throughput": {run: throughput, pseudo: true},
	"Goroutines": {run: throughput, pseudo: true},
	"Pair":       {run: pairs, pseudo: true},
	"Work":       {run: working},
	"Random":     {run: random, pseudo: true},
	"Mixed":      {run: mixed},
	"EmptyPoll":  {run: emptyPoll, pseudo: true},
	"FullPoll":   {run: fullPoll, pseudo: true},
	"Burst":      {run: burst},
	"Chain":      {run: chain},
	"Batch":      {run: batch, pseudo: true},
	"Select":     {run: selects},
	"Cancel":     {run: cancels},
	"Handover":   {run: handover, lasts: true, times: 4},
	"OpenLoop":   {run: openLoop, lasts: true, times: 4},
	"Stalled":    {run: stalled, lasts: true, times: 4},
	"Footprint":  {run: footprint, lasts: true, times: 1},
	"Idle":       {run: idle, lasts: true, times: 4},
}

// Names returns the workloads.
func Names() (all []string) {
	for name := range workloads {
		all = append(all, name)
	}
	slices.Sort(all)
	return all
}
