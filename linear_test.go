package queue_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/stretchr/testify/require"

	"github.com/parkring/queue"
)

// An event is what the checker sees of a call: what it has answered. A call
// that waits is two events, that it began to wait and how it ended, because
// Close and the order among waiters depend on when the first of them happened.
type event struct {
	kind eventKind
	v    byte   // the item; for length, the number
	id   byte   // of a Get that waits; for pushed, the item that went
	all  string // what CloseNow took; the other items of a batch that waits

	batch, index byte // which one of a batch, in order; 0 if it is of none
	on           int  // which queue
}

type eventKind string

const (
	accepted eventKind = "put"                 // nil, without having waited
	full     eventKind = "put: full"           // ErrFull; or gave up before it waited
	rejected eventKind = "put: closed"         // ErrClosed
	putWaits eventKind = "put waits"           //
	putIn    eventKind = "waiting put: in"     // nil
	putLeft  eventKind = "waiting put left"    // ctx.Err()
	putEnded eventKind = "waiting put: closed" // ErrClosed, by CloseNow
	pushed   eventKind = "put pushed out"      // ForcePut on a full queue
	offered  eventKind = "put or put waits"    // the same, in a batch that waits at some item

	taken    eventKind = "get"                  // an item, without having waited
	empty    eventKind = "get: empty"           // ErrEmpty; or gave up before it waited
	drained  eventKind = "get: drained"         // ErrClosed
	getWaits eventKind = "get waits"            //
	getTook  eventKind = "waiting get"          // an item
	getEnded eventKind = "waiting get: drained" // ErrClosed
	getLeft  eventKind = "waiting get left"     // ctx.Err()
	short    eventKind = "get: no more"         // a batch ends before the buffer is full
	wanted   eventKind = "get or get waits"     // a Select, which gets this
	settled  eventKind = "selected"             // the same, it has returned

	begunSolo eventKind = "solo" // no call; the queue has become solo

	closes     eventKind = "close"
	closesNow  eventKind = "close now"
	length     eventKind = "len"
	isDrained  eventKind = "is drained"
	notDrained eventKind = "not drained"
	done       eventKind = "done"
	notDone    eventKind = "not done"
)

// contents is the state of a queue. Items and waiting calls are bytes, in
// strings that have the oldest first, so that states can be compared.
type contents struct {
	items  string
	gets   string // pairs: id of a waiting Get, and what it will get (so that the checker sees early what cannot be)
	puts   string // items of waiting Puts
	served string // pairs, of those that have not returned: a Get's id and item, or 0, or 255 if it failed, and a Put's item
	closed bool
	told   bool   // a get has returned ErrClosed
	begun  string // pairs: a batch, and the index of its next one
}

// contract is the promise of the queue as a sequential program.
type contract struct {
	capacity int
	// overtakes(v, u) means that v was taken before u, so must not get in line
	// behind it. The Gets would show that in the end, but the checker would try all
	// orders till then.
	overtakes func(v, u byte) bool
}

// step says whether e may happen in the state s, and what the state is then.
func (c contract) step(s contents, e event) (legal bool, next contents) {
	v, id := string([]byte{e.v}), string([]byte{e.id})
	isFull := c.capacity > 0 && len(s.items) == c.capacity
	over := s.closed && s.items == ""
	switch e.kind {
	case accepted:
		legal = !s.closed && !isFull
		if s.gets == "" {
			legal = legal && !strings.ContainsFunc(s.items, func(u rune) bool { return c.overtakes(e.v, byte(u)) })
			s.items += v
		} else { // to the one that has waited longest
			legal = legal && s.gets[1:2] == v
			s.served += s.gets[:2]
			s.gets = s.gets[2:]
		}
	case full:
		legal = !s.closed && isFull
	case rejected:
		legal = s.closed
	case putWaits:
		legal = !s.closed && isFull
		s.puts += v + e.all
	case putIn, putLeft, putEnded: // id of them are in
		legal = s.ended(e)
	case pushed:
		legal = !s.closed && isFull && s.items[0] == e.id
		s.items = s.items[min(1, len(s.items)):] + v
	case taken:
		legal = strings.HasPrefix(s.items, v)
		cut(&s.items, v)
		if s.puts != "" { // the one that has waited longest moves up
			s.items += s.puts[:1]
			s.served += "\x00" + s.puts[:1]
			s.puts = s.puts[1:]
		}
	case empty:
		legal = !s.closed && s.items == ""
	case short:
		legal = s.items == ""
	case drained:
		legal, s.told = over, true
	case isDrained, done:
		legal = over
	case notDone:
		legal = !s.told
	case getWaits:
		legal = !s.closed && s.items == ""
		s.gets += id + v
	case getTook, getEnded:
		legal = cut(&s.served, id+v)
	case getLeft:
		legal = cut(&s.gets, id+v)
	case settled:
		cut(&s.served, id+v) // it is not there if this one did not wait
		legal = !strings.Contains(s.gets, id+v)
	case closes, closesNow:
		s.served += s.gets
		legal, s.closed, s.gets = true, true, ""
		if e.kind == closesNow {
			for _, v := range []byte(s.puts) {
				s.served += string([]byte{255, v})
			}
			legal, s.puts, s.items = s.items == e.all, "", ""
		}
	case length:
		legal = len(s.items) == int(e.v)
	case notDrained:
		legal = !over
	}
	return legal, s
}

// cut takes what out of all, and reports whether it was there.
func cut(all *string, what string) bool {
	before, after, found := strings.Cut(*all, what)
	*all = before + after
	return found
}

// ended reports whether a waiting put may end like that, and lets it.
func (s *contents) ended(e event) bool {
	legal := true
	for i, u := range append([]byte{e.v}, e.all...) {
		switch u := string([]byte{u}); {
		case i < int(e.id):
			cut(&s.served, "\x00"+u) // it is not there if this one did not wait
			legal = legal && !strings.Contains(s.puts, u) && !strings.Contains(s.served, "\xff"+u)
		case e.kind == putLeft:
			legal = legal && cut(&s.puts, u)
		default:
			legal = legal && cut(&s.served, "\xff"+u)
		}
	}
	return legal
}

// batched is step for events of batches, too: a batch is a run of single calls, in
// order.
func (c contract) batched(s contents, e event) (legal bool, next contents) {
	if e.batch == 0 {
		return c.step(s, e)
	}
	before, after, found := strings.Cut(s.begun, string([]byte{e.batch}))
	var at byte
	if found {
		at, after = after[0], after[1:]
	}
	n := e.index + 1
	switch {
	case e.kind == offered && at > e.index:
		return true, s // it waits with one before it
	case at != e.index:
		return false, s
	case e.kind == offered && (c.capacity == 0 || len(s.items) < c.capacity):
		e.kind = accepted
	case e.kind == wanted && s.items != "":
		e.kind = taken
	case e.kind == wanted:
		e.kind = getWaits
	case e.kind == offered:
		e.kind = putWaits
		n += byte(len(e.all))
	}
	s.begun = before + after + string([]byte{e.batch, n})
	return c.step(s, e)
}

// model is c for a queue that holds these items at the begin.
func (c contract) model(items string) porcupine.Model {
	return porcupine.Model{
		Init: func() any { return contents{items: items} },
		Step: func(s, e, _ any) (bool, any) { return c.batched(s.(contents), e.(event)) },
		DescribeOperation: func(e, _ any) string {
			return fmt.Sprintf("%s %d (%d)", e.(event).kind, e.(event).v, e.(event).id)
		},
		DescribeState: func(s any) string { return fmt.Sprintf("%q", s) },
	}
}

// action is one call in a plan.
type action struct {
	call      string
	cancelled bool // its context ends at some time
	size      int  // of a batch
	on        int  // which queue
	cases     []choosable
}

// choosable is one of the cases of a Select.
type choosable struct {
	on  int
	put bool
}

const batchSize = 3 // at most

// plan is what some goroutines do with a queue. It is made from its seed.
type plan struct {
	seed     uint64
	queues   int // 1 or 2
	capacity int
	slots    int // of the first ring, if there is no bound
	lap      uint64
	prefill  int // items that are in at the begin
	workers  [][]action
	spsc     bool // worker 0 puts, worker 1 gets, and nobody else does
	solo     solo
}

// solo is whether a queue of few slots may have all calls take the lock.
type solo int

const (
	notSolo   solo = iota
	maybeSolo      // it begins when a Get waits
	fromTheBegin
)

func newPlan(seed uint64) (s plan) {
	r := rand.New(rand.NewPCG(seed, 2))
	pick := func(from ...int) int { return from[r.IntN(len(from))] }
	s.seed = seed
	s.capacity = pick(1, 2, 3, 5, 0, 0)
	s.lap = []uint64{0, ^uint64(0)}[r.IntN(2)]
	s.prefill = r.IntN(s.capacity + 1)
	s.spsc = s.capacity > 0 && r.IntN(3) == 0
	if s.spsc {
		s.queues, s.workers = 1, newPair(r)
		return s
	}
	if s.capacity == 0 {
		s.slots = pick(1, 2, 4)
		s.prefill = r.IntN(s.slots + 1)
	}
	s.queues = pick(1, 1, 2)
	batches := r.IntN(2) // whether there are any
	if s.capacity > 0 {
		s.solo = solo(r.IntN(3))
	}
	if s.solo != notSolo && r.IntN(2) == 0 { // calls that end it are rare
		s.queues, batches = 1, 0
	}
	for range 3 + r.IntN(4) {
		var w []action
		lean := r.IntN(5) // to one side
		for range 1 + r.IntN(4) {
			a := action{cancelled: r.IntN(3) == 0, size: 1 + r.IntN(batchSize), on: r.IntN(s.queues)}
			switch n := r.IntN(30); {
			case n < 1:
				a.call = []string{"Close", "CloseNow"}[r.IntN(2)]
			case n < 2:
				a.call = "Len"
			case n < 5:
				a.call = []string{"Drained", "Done"}[r.IntN(2)]
			case n < 6:
				a.call = "ForcePut"
			case n < 6+5*lean:
				a.call = []string{"Put", "Put", "TryPut", "PutBatch", "TryPutBatch"}[r.IntN(3+2*batches)]
			default:
				a.call = []string{"Get", "Get", "TryGet", "GetBatch", "TryGetBatch"}[r.IntN(3+2*batches)]
			}
			if s.queues == 2 && r.IntN(3) == 0 {
				a.call = []string{"Select", "Select", "TrySelect"}[r.IntN(3)]
				for range 2 + r.IntN(2) {
					a.cases = append(a.cases, choosable{r.IntN(s.queues), r.IntN(4) < lean})
				}
			}
			w = append(w, a)
		}
		s.workers = append(s.workers, w)
	}
	return s
}

// newPair returns what is done to a queue for one putter and one getter.
func newPair(r *rand.Rand) [][]action {
	workers := make([][]action, 2+r.IntN(3))
	for w := range workers {
		calls := []string{"Len", "Drained", "Close"}
		switch w {
		case 0:
			calls = []string{"Put", "Put", "TryPut", "PutBatch", "TryPutBatch"}
		case 1:
			calls = []string{"Get", "Get", "TryGet", "GetBatch", "TryGetBatch"}
		}
		for range r.IntN(5) {
			workers[w] = append(workers[w], action{
				call:      calls[r.IntN(len(calls))],
				cancelled: r.IntN(3) == 0,
				size:      1 + r.IntN(batchSize),
			})
		}
	}
	return workers
}

// run is a plan under way: its queues, and the logs of its workers.
type run struct {
	plan
	qs      []subject[byte]
	now     func() int64 // a clock
	pause   func()       // between two calls
	logs    [][]porcupine.Operation
	cancels []context.CancelFunc // in the order of the plans
	ctxs    [][]context.Context  // by worker and action
}

func newRun(s plan, now func() int64, pause func()) *run {
	r := &run{plan: s, now: now, pause: pause}
	for on := range s.queues {
		if s.spsc {
			r.qs = append(r.qs, queue.NewSPSCAt[byte](s.capacity, s.lap))
		} else if s.capacity > 0 {
			q := queue.NewAt[byte](s.capacity, s.lap)
			switch s.solo {
			case notSolo:
				q.Share()
			case maybeSolo:
				q.DoNotLook()
			case fromTheBegin:
				q = queue.NewSolo[byte](s.capacity, s.lap)
			}
			r.qs = append(r.qs, q)
		} else {
			r.qs = append(r.qs, queue.NewGrowing[byte](s.slots, s.lap))
		}
		for i := range s.prefill {
			_ = r.qs[on].TryPut(prefilled(i)) // if it fails the history shows it
		}
	}
	r.logs = make([][]porcupine.Operation, len(s.workers)+6) // one for the drainer, one for the observer, some for newcomers
	for _, w := range s.workers {
		var ctxs []context.Context
		for _, a := range w {
			ctx := bg
			if a.cancelled {
				var cancel context.CancelFunc
				ctx, cancel = context.WithCancel(ctx)
				r.cancels = append(r.cancels, cancel)
			}
			ctxs = append(ctxs, ctx)
		}
		r.ctxs = append(r.ctxs, ctxs)
	}
	return r
}

// prefilled is the i-th item that is in at the begin.
func prefilled(i int) byte { return byte(100 + i) }

// listening tells when a call has begun to wait: it asks for Done just then, listed
// already. (It asks for Done before as well: just after Err, or, on a queue that is solo, as
// the first that it asks for.)
type listening struct {
	context.Context
	waits func()
	known bool // it has been asked for something
	asked bool // for Err, and for nothing since
}

func (l *listening) Err() error {
	l.known, l.asked = true, true
	return l.Context.Err()
}

func (l *listening) Done() <-chan struct{} {
	if l.known && !l.asked {
		l.waits()
	}
	l.known, l.asked = true, false
	return l.Context.Done()
}

func (r *run) log(worker int, e event, from, to int64) {
	r.logs[worker] = append(r.logs[worker], porcupine.Operation{ClientId: worker, Input: e, Call: from, Return: to})
}

// work does what the plan says for one worker.
func (r *run) work(worker int) {
	for i, a := range r.workers[worker] {
		r.pause()
		r.call(worker, a, r.ctxs[worker][i], byte(1+(worker*4+i)*batchSize))
	}
	if r.spsc && worker == 1 {
		r.takeAll(worker, 0, 128) // the drainer must not
	}
}

// cancel ends the contexts, one after the other.
func (r *run) cancel() {
	for _, cancel := range r.cancels {
		r.pause()
		cancel()
	}
}

// drain closes the queues and takes out all there is.
func (r *run) drain() {
	worker := len(r.workers)
	id := byte(128)
	for on := range r.qs {
		r.call(worker, action{call: "Close", on: on}, bg, 0)
		if !r.spsc {
			id = r.takeAll(worker, on, id)
		}
	}
}

// takeAll gets until the queue is drained. The Gets are id, id+1, ...; it returns the
// first that has not been used.
func (r *run) takeAll(worker, on int, id byte) byte {
	for r.call(worker, action{call: "Get", on: on}, bg, id) {
		id++
	}
	return id + 1
}

// waiting returns how many registrations of calls there are in the queues.
func (r *run) waiting() (n int) {
	for _, q := range r.qs {
		gets, puts := q.Waiting()
		n += gets + puts
	}
	return n
}

func (r *run) checkInvariants() {
	for _, q := range r.qs {
		q.CheckInvariants()
	}
}

// observe looks at the queue a few times.
func (r *run) observe() {
	for range 3 {
		for _, call := range []string{"Drained", "Done", "Len"} {
			if r.spsc && call == "Done" {
				continue
			}
			r.pause()
			r.call(len(r.workers)+1, action{call: call, on: r.queues - 1}, bg, 0)
		}
	}
}

// call makes one call and logs its events. id is also the item, if it is a put, or
// the first of a batch. It reports whether the answer was an item.
func (r *run) call(worker int, a action, ctx context.Context, id byte) bool {
	waitedAt := int64(-1)
	ctx = &listening{Context: ctx, waits: func() { waitedAt = r.now() }}
	from := r.now()
	e := event{on: a.on}
	q := r.qs[a.on]
	forMany, _ := q.(*queue.Queue[byte]) // nil if there are no such calls in the plan
	switch a.call {
	case "Select", "TrySelect":
		return r.choose(worker, a, ctx, id)
	case "PutBatch", "TryPutBatch":
		var vs []byte
		for i := range a.size {
			vs = append(vs, id+byte(i))
		}
		var n int
		var err error
		if a.call == "PutBatch" {
			n, err = q.PutBatch(ctx, vs)
		} else {
			n, err = q.TryPutBatch(vs)
		}
		e = event{on: a.on, kind: answer(err, accepted, full, rejected)}
		if waitedAt >= 0 {
			for i, v := range vs {
				r.log(worker, event{on: a.on, kind: offered, v: v, all: string(vs[i+1:]), batch: 128 + id, index: byte(i)}, from, waitedAt)
			}
			from, e = waitedAt+1, event{on: a.on, kind: answer(err, putIn, putLeft, putEnded), v: id, all: string(vs[1:]), id: byte(n)}
			break
		}
		to := r.now()
		for i, v := range vs[:n] {
			r.log(worker, event{on: a.on, kind: accepted, v: v, batch: 128 + id, index: byte(i)}, from, to)
		}
		if err == nil {
			return false
		}
		e.batch, e.index = 128+id, byte(n)
	case "GetBatch", "TryGetBatch":
		buf := make([]byte, a.size)
		var n int
		var err error
		if a.call == "GetBatch" {
			n, err = q.GetBatch(ctx, buf)
		} else {
			n, err = q.TryGetBatch(buf)
		}
		e = event{on: a.on, kind: answer(err, short, empty, drained), id: id, v: buf[0]}
		to, first := r.now(), 0
		if waitedAt >= 0 {
			r.log(worker, event{on: a.on, kind: getWaits, id: id, v: e.v}, from, waitedAt)
			from, e.kind = waitedAt+1, answer(err, getTook, getLeft, getEnded)
			e.batch, first = 128+id, 1
			if err == nil {
				r.log(worker, e, from, to)
			}
		}
		if err != nil {
			break
		}
		for i, v := range buf[first:n] {
			r.log(worker, event{on: a.on, kind: taken, v: v, batch: 128 + id, index: byte(first + i)}, from, to)
		}
		if n == len(buf) {
			return true
		}
		e = event{on: a.on, kind: short, batch: 128 + id, index: byte(n)}
	case "Put", "TryPut":
		var err error
		if a.call == "Put" {
			err = q.Put(ctx, id)
		} else {
			err = q.TryPut(id)
		}
		e = event{on: a.on, kind: answer(err, accepted, full, rejected), v: id}
		if waitedAt >= 0 {
			r.log(worker, event{on: a.on, kind: putWaits, v: id}, from, waitedAt)
			from, e.kind = waitedAt+1, answer(err, putIn, putLeft, putEnded)
			e.id = byte(1)
			if err != nil {
				e.id = 0
			}
		}
	case "Get", "TryGet":
		var err error
		e.id = id
		if a.call == "Get" {
			e.v, err = q.Get(ctx)
		} else {
			e.v, err = q.TryGet()
		}
		e.kind = answer(err, taken, empty, drained)
		if waitedAt >= 0 {
			r.log(worker, event{on: a.on, kind: getWaits, id: id, v: e.v}, from, waitedAt)
			from, e.kind = waitedAt+1, answer(err, getTook, getLeft, getEnded)
		}
	case "Len":
		e = event{on: a.on, kind: length, v: byte(q.Len())}
	case "Drained":
		e = event{on: a.on, kind: notDrained}
		if q.Drained() {
			e.kind = isDrained
		}
	case "ForcePut":
		old, ok, err := forMany.ForcePut(id)
		e = event{on: a.on, kind: answer(err, accepted, full, rejected), v: id}
		if ok {
			e = event{on: a.on, kind: pushed, v: id, id: old}
		}
	case "Done":
		e = event{on: a.on, kind: notDone}
		select {
		case <-forMany.Done():
			e.kind = done
		default:
		}
	case "Close":
		q.Close()
		e = event{on: a.on, kind: closes}
	case "CloseNow":
		e = event{on: a.on, kind: closesNow, all: string(forMany.CloseNow())}
	}
	r.log(worker, e, from, max(from, r.now()))
	return e.kind == taken || e.kind == getTook
}

// choose makes a call of Select and logs its events, as call does.
func (r *run) choose(worker int, a action, ctx context.Context, id byte) bool {
	var v byte
	var cases []queue.Case
	for _, c := range a.cases {
		q := r.qs[c.on].(*queue.Queue[byte])
		if c.put {
			cases = append(cases, q.PutCase(id))
		} else {
			cases = append(cases, q.GetCase(&v))
		}
	}
	from := r.now()
	var i int
	var err error
	if a.call == "Select" {
		i, err = queue.Select(ctx, cases...)
	} else {
		i, err = queue.TrySelect(cases...)
	}
	to := r.now()
	switch {
	case err == queue.ErrNotReady:
		for _, c := range a.cases {
			e := event{kind: empty, on: c.on}
			if c.put {
				e.kind = full
			}
			r.log(worker, e, from, to)
		}
		return false
	case i < 0:
		answer(err, "", "", "")
		return false
	}
	e := event{on: a.cases[i].on, v: v, id: id, batch: 128 + id}
	if a.cases[i].put {
		e.v = id
	}
	switch put := a.cases[i].put; {
	case err != nil && put:
		e = event{on: e.on, kind: answer(err, "", "", rejected)}
	case err != nil:
		e = event{on: e.on, kind: answer(err, "", "", drained)}
	case put:
		e.kind = offered
		r.log(worker, e, from, to)
		e.kind, e.id, e.index = putIn, 1, 1
	default:
		e.kind = wanted
		r.log(worker, e, from, to)
		e.kind, e.index = settled, 1
	}
	r.log(worker, e, from, to)
	return e.kind == settled
}

// answer is ok, none or closed, depending on err.
func answer(err error, ok, none, closed eventKind) eventKind {
	switch err {
	case nil:
		return ok
	case queue.ErrClosed:
		return closed
	case queue.ErrEmpty, queue.ErrFull, context.Canceled:
		return none
	}
	panic(err)
}

// check fails t unless the whole history is linearizable. kinds counts the
// events.
func (r *run) check(t testing.TB, kinds map[eventKind]int) {
	t.Helper()
	var items []byte
	for i := range r.prefill {
		items = append(items, prefilled(i))
	}
	for on, q := range r.qs {
		r.checkOne(t, on, string(items), kinds)
		if r.solo == maybeSolo && q.WasSolo() {
			kinds[begunSolo]++
		}
	}
}

// checkOne is check for one of the queues.
func (r *run) checkOne(t testing.TB, on int, items string, kinds map[eventKind]int) {
	t.Helper()
	var history []porcupine.Operation
	var took [256]struct { // when each item was taken, and as which one of a call that took several
		from, to int64
		by, as   int
	}
	for i, op := range slices.Concat(r.logs...) {
		e := op.Input.(event)
		if e.on != on {
			continue
		}
		history = append(history, op)
		kinds[e.kind]++
		item := &took[e.v]
		switch e.kind {
		case taken:
			item.by, item.as = int(e.batch), int(e.index)
		case wanted:
		case pushed:
			item = &took[e.id]
		case closesNow:
			for as, v := range []byte(e.all) {
				took[v].from, took[v].to, took[v].by, took[v].as = op.Call, op.Return, 256+i, as
			}
			continue
		default:
			continue
		}
		item.from, item.to = op.Call, op.Return
	}
	model := contract{r.capacity, func(v, u byte) bool {
		a, b := took[v], took[u]
		return a.to > 0 && (a.to < b.from || a.by != 0 && a.by == b.by && a.as < b.as)
	}}.model(items)
	result, info := porcupine.CheckOperationsVerbose(model, history, time.Minute)
	if result == porcupine.Ok {
		return
	}
	f, err := os.CreateTemp("", "history-*.html")
	require.NoError(t, err)
	defer f.Close()
	require.NoError(t, porcupine.Visualize(model, info, f))
	t.Fatalf("seed %d, capacity %d, prefill %d: the history is not linearizable (%v); see %s\n%v",
		r.seed, r.capacity, r.prefill, result, f.Name(), r.workers)
}

// unseen returns the kinds of events of which none has happened.
func unseen(kinds map[eventKind]int) (none []eventKind) {
	for _, k := range []eventKind{accepted, full, rejected, putWaits, putIn, putLeft, taken, empty,
		drained, getWaits, getTook, getEnded, getLeft, closes, length, isDrained, notDrained,
		closesNow, done, notDone, pushed, putEnded, offered, short, wanted, settled, begunSolo} {
		if kinds[k] == 0 {
			none = append(none, k)
		}
	}
	return none
}

// everyEvent fails t unless each kind of event has happened.
func everyEvent(t *testing.T, kinds map[eventKind]int) {
	t.Helper()
	require.Empty(t, unseen(kinds), "no such event: the test does not try what it should")
	t.Logf("events: %v", kinds)
}

// TestLinearizable runs plans on real goroutines and checks their histories
// against the contract. It goes on until each kind of event has happened: the
// rarest, a waiting put that CloseNow ends, comes once in 300 to 3000 plans.
func TestLinearizable(t *testing.T) {
	defer queue.SoloEndsAfter(2, 1)()
	for _, procs := range []int{1, 2, 4} {
		t.Run(fmt.Sprintf("procs=%d", procs), func(t *testing.T) {
			defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(procs))
			defer watch(t)()
			start := time.Now()
			clock := func() int64 { return int64(time.Since(start)) }
			kinds := map[eventKind]int{}
			enough, limit := uint64(races(3000)), uint64(races(100_000))
			for seed := uint64(0); seed < enough || seed < limit && len(unseen(kinds)) > 0; seed++ {
				r := newRun(newPlan(seed), clock, sometimes)
				inParallel(r)
				r.check(t, kinds)
			}
			if !testing.Short() {
				everyEvent(t, kinds)
			}
		})
	}
}

// inParallel runs a plan on a goroutine per worker.
func inParallel(r *run) {
	var wg sync.WaitGroup
	var unfinished atomic.Int32
	for w := range r.workers {
		unfinished.Add(1)
		wg.Go(func() { r.work(w); unfinished.Add(-1) })
	}
	r.cancel()
	for waits := false; !waits; {
		runtime.Gosched()
		waits = r.waiting() >= int(unfinished.Load()) // a Select waits in several places
	}
	wg.Go(r.observe)
	r.drain() // ends all that wait
	wg.Wait()
	r.checkInvariants()
}
