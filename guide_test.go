package queue_test

import (
	"context"
	"errors"
	"expvar"
	"fmt"
	"go/ast"
	"go/doc"
	"go/parser"
	"go/token"
	"iter"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parkring/queue"
)

// The examples of docs/guide.md. TestGuide sees to it that code and guide agree.

// Two stages and a sink: each stage closes the queue behind it when it has put
// its last item.
func Example_pipeline() {
	ctx := context.Background()
	words := queue.New[string](8)
	lengths := queue.New[int](8)

	go func() {
		defer words.Close() // the last word is in: the next stage may end
		for _, w := range strings.Fields("the quick brown fox") {
			if words.Put(ctx, w) != nil {
				return
			}
		}
	}()
	go func() {
		defer lengths.Close()
		for w := range words.All(ctx) {
			if lengths.Put(ctx, len(w)) != nil {
				return
			}
		}
	}()

	sum := 0
	for n := range lengths.All(ctx) {
		sum += n
	}
	fmt.Println(sum, "letters")
	// Output: 16 letters
}

// Several workers share one queue, and put what they make into another. The
// other one may be closed when the last of them has ended.
func Example_workerPool() {
	ctx := context.Background()
	type result struct {
		job, square int
		err         error
	}
	jobs := queue.New[int](8)
	results := queue.New[result](8)

	go func() {
		defer jobs.Close()
		for n := range 10 {
			_ = jobs.Put(ctx, n) // never fails: only we close jobs, and ctx never ends
		}
	}()

	var workers sync.WaitGroup
	for range 4 {
		workers.Go(func() {
			for n := range jobs.All(ctx) {
				r := result{job: n, square: n * n}
				if n == 7 {
					r.err = errors.New("not seven")
				}
				if results.Put(ctx, r) != nil {
					return
				}
			}
		})
	}
	go func() {
		workers.Wait()
		results.Close() // every result is in
	}()

	sum := 0
	for r := range results.All(ctx) {
		if r.err != nil {
			fmt.Printf("job %d: %v\n", r.job, r.err)
			continue
		}
		sum += r.square
	}
	fmt.Println("sum:", sum)
	// Output:
	// job 7: not seven
	// sum: 236
}

// Several producers put into one queue. The last one closes it.
func Example_fanIn() {
	ctx := context.Background()
	sources := [][]string{{"a1", "a2", "a3"}, {"b1", "b2"}, {"c1"}}

	all := queue.New[string](4)
	var producers sync.WaitGroup
	for _, source := range sources {
		producers.Go(func() {
			for _, v := range source {
				if all.Put(ctx, v) != nil {
					return // somebody closed the queue: nobody wants any more
				}
			}
		})
	}
	go func() {
		producers.Wait()
		all.Close()
	}()

	var got []string
	for v := range all.All(ctx) {
		got = append(got, v)
	}
	slices.Sort(got) // the items of one source are in order, those of several are mixed
	fmt.Println(got)
	// Output: [a1 a2 a3 b1 b2 c1]
}

// One producer, several consumers that all get every item: a queue for each.
func Example_broadcast() {
	screen := queue.New[string](2)
	log := queue.New[string](0)

	for _, news := range []string{"one", "two", "three"} {
		_ = log.TryPut(news)            // gets everything
		_, _, _ = screen.ForcePut(news) // gets what is newest, if it is slow
	}
	fmt.Println(screen.CloseNow())
	fmt.Println(log.CloseNow())
	// Output:
	// [two three]
	// [one two three]
}

// A queue of capacity 3 holds three items. The fourth Put waits until one is
// taken.
func Example_backPressure() {
	ctx := context.Background()
	q := queue.New[int](3)
	var producer sync.WaitGroup
	producer.Go(func() {
		for i := range 5 {
			_ = q.Put(ctx, i)
		}
		q.Close()
	})
	for q.Stats().WaitingPuts == 0 { // for the output of this example only
		runtime.Gosched()
	}
	s := q.Stats()
	fmt.Println(s.Len, "in the queue,", s.WaitingPuts, "Put waits")
	for i := range q.All(ctx) {
		fmt.Print(i, " ")
	}
	producer.Wait()
	fmt.Println()
	// Output:
	// 3 in the queue, 1 Put waits
	// 0 1 2 3 4
}

// A server that would rather say no than let its callers wait.
func Example_shedLoad() {
	requests := queue.New[string](2)

	accept := func(request string) string {
		switch err := requests.TryPut(request); err {
		case nil:
			return "accepted"
		case queue.ErrFull:
			return "busy, come again"
		default: // queue.ErrClosed
			return "shutting down"
		}
	}

	for _, r := range []string{"a", "b", "c"} {
		fmt.Println(r, accept(r))
	}
	requests.Close()
	fmt.Println("d", accept("d"))
	// Output:
	// a accepted
	// b accepted
	// c busy, come again
	// d shutting down
}

// Telemetry must not slow down what it measures. ForcePut never waits; what it
// pushes out is counted.
func Example_telemetry() {
	readings := queue.New[int](4)
	dropped := 0

	record := func(reading int) {
		if _, pushedOut, _ := readings.ForcePut(reading); pushedOut {
			dropped++
		}
	}

	for i := range 10 {
		record(i)
	}
	readings.Close() // what is there is still delivered
	for r := range readings.All(context.Background()) {
		fmt.Print(r, " ")
	}
	fmt.Println("and", dropped, "dropped")
	// Output: 6 7 8 9 and 6 dropped
}

// shutdown closes jobs and gives the workers until the end of ctx to finish. It
// returns the jobs that nobody has begun by then.
func shutdown[T any](ctx context.Context, jobs *queue.Queue[T], workers *sync.WaitGroup) []T {
	jobs.Close() // nothing new comes in; what was accepted, or waits, is delivered
	var rest []T
	select {
	case <-jobs.Done(): // all is delivered
	case <-ctx.Done():
		rest = jobs.CloseNow()
	}
	workers.Wait() // delivered is not done
	return rest
}

// First with patience, then without.
func Example_shutdown() {
	patient := context.Background()
	jobs := queue.New[int](8)
	var workers sync.WaitGroup
	workers.Go(func() {
		for range jobs.All(context.Background()) {
		}
	})
	for i := range 5 {
		_ = jobs.TryPut(i)
	}
	fmt.Println(shutdown(patient, jobs, &workers))

	impatient, cancel := context.WithCancel(context.Background())
	cancel()
	jobs = queue.New[int](8) // this one has no workers
	for i := range 5 {
		_ = jobs.TryPut(i)
	}
	fmt.Println(shutdown(impatient, jobs, &workers))
	// Output:
	// []
	// [0 1 2 3 4]
}

// CloseNow: each value is in one place, and somebody there knows of it.
func Example_closeNow() {
	ctx := context.Background()
	q := queue.New[string](2)
	_ = q.TryPut("a")
	begun, _ := q.TryGet() // "a" is with its consumer
	_ = q.TryPut("b")
	_ = q.TryPut("c")

	var kept []string
	var producer sync.WaitGroup
	producer.Go(func() {
		if err := q.Put(ctx, "d"); err != nil { // waits, and then fails
			kept = append(kept, "d")
		}
	})
	for q.Stats().WaitingPuts == 0 { // for the output of this example only
		runtime.Gosched()
	}

	rest := q.CloseNow()
	producer.Wait()
	fmt.Println("with the consumer:", begun)
	fmt.Println("taken out:", rest)
	fmt.Println("with the producer:", kept)
	// Output:
	// with the consumer: a
	// taken out: [b c]
	// with the producer: [d]
}

// Workers that make new work. Nobody can tell from the queue alone that there
// will be no more: Join can.
func Example_crawl() {
	links := map[string][]string{
		"/":  {"/a", "/b"},
		"/a": {"/b", "/c"},
		"/b": {"/"},
		"/c": {},
	}
	ctx := context.Background()
	pages := queue.New[string](0) // no bound: those who get from it put into it
	var seen sync.Map
	visit := func(page string) {
		if _, old := seen.LoadOrStore(page, true); !old {
			_ = pages.TryPut(page)
		}
	}

	var workers sync.WaitGroup
	for range 3 {
		workers.Go(func() {
			for page := range pages.All(ctx) {
				for _, link := range links[page] {
					visit(link)
				}
				pages.TaskDone() // when its links are in, and not before
			}
		})
	}
	visit("/")
	_ = pages.Join(ctx) // nothing waits and nobody works
	pages.Close()
	workers.Wait()
	fmt.Println(pages.Stats().Puts, "pages")
	// Output: 4 pages
}

// Done in a select with channels: one item leaves per tick, until the queue is
// drained.
func Example_ticker() {
	q := queue.New[string](0)
	for _, v := range []string{"a", "b", "c"} {
		_ = q.TryPut(v)
	}
	q.Close()

	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for running := true; running; {
		select {
		case <-tick.C:
			if v, err := q.TryGet(); err == nil {
				fmt.Println(v)
			}
		case <-q.Done():
			running = false
		}
	}
	fmt.Println("drained")
	// Output:
	// a
	// b
	// c
	// drained
}

// A Get that waits for a millisecond at most.
func Example_timeout() {
	ctx := context.Background()
	q := queue.New[int](4)

	wait, cancel := context.WithTimeout(ctx, time.Millisecond)
	v, err := q.Get(wait)
	cancel()
	switch {
	case err == nil:
		fmt.Println("got", v)
	case errors.Is(err, queue.ErrClosed):
		fmt.Println("no item will come any more")
	case ctx.Err() != nil:
		fmt.Println("we are to stop")
	default:
		fmt.Println("nothing came in time")
	}
	// Output: nothing came in time
}

// A call that need not wait does not look at its context. A loop that has to end
// although there are items must look itself.
func Example_cancel() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	q := queue.New[int](8)
	for i := range 5 {
		_ = q.TryPut(i)
	}

	for ctx.Err() == nil {
		v, err := q.Get(ctx)
		if err != nil {
			break
		}
		fmt.Println("got", v)
		if v == 1 {
			cancel() // the next turn does not come, although there are items
		}
	}
	fmt.Println(q.Len(), "left in the queue")

	for v := range q.All(ctx) { // takes what is there, and ends when it has to wait
		fmt.Println("got", v)
	}
	fmt.Println(ctx.Err())
	// Output:
	// got 0
	// got 1
	// 3 left in the queue
	// got 2
	// got 3
	// got 4
	// context canceled
}

// A queue that is closed when a context ends.
func Example_closeOnCancel() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	q := queue.New[int](8)
	stop := context.AfterFunc(ctx, q.Close)
	defer stop()

	_ = q.TryPut(1)
	cancel()
	for v := range q.All(context.Background()) { // Close ends it, after the last item
		fmt.Println(v)
	}
	fmt.Println(q.TryPut(2))
	// Output:
	// 1
	// queue: closed
}

// Stats has only exported fields of plain types, so expvar prints it as it is.
func Example_monitoring() {
	jobs := queue.New[string](8)
	_ = jobs.TryPut("a")
	_ = jobs.TryPut("b")
	_, _ = jobs.TryGet()

	depth := expvar.Func(func() any { return jobs.Stats() })
	// expvar.Publish("jobs", depth) makes it a part of /debug/vars.
	fmt.Println(depth)
	// Output: {"Len":1,"Cap":8,"Puts":2,"Gets":1,"WaitingPuts":0,"WaitingGets":0,"Closed":false}
}

// stage does work on every item of in and puts what comes out into out. When it
// ends, for whatever reason, the stages on both sides are told.
func stage[A, B any](ctx context.Context, in *queue.Queue[A], out *queue.Queue[B], work func(A) (B, error)) error {
	defer in.CloseNow() // upstream: nobody takes from in any more
	defer out.Close()   // downstream: what is finished goes on, then comes the end
	for a := range in.All(ctx) {
		b, err := work(a)
		if err != nil {
			return err
		}
		switch err := out.Put(ctx, b); err {
		case nil:
		case queue.ErrClosed:
			return nil // the next stage has ended, and says why
		default:
			return err
		}
	}
	return ctx.Err()
}

// The second of three stages fails. The first one would go on for ever.
func Example_stageFails() {
	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)
	var stages sync.WaitGroup
	run := func(stage func() error) {
		stages.Go(func() {
			if err := stage(); err != nil {
				cancel(err) // the first error stays the cause
			}
		})
	}

	numbers := queue.New[int](4)
	halves := queue.New[int](4)
	run(func() error {
		defer numbers.Close()
		for n := 2; ; n += 2 {
			if n == 10 {
				n++ // a bad number
			}
			if numbers.Put(ctx, n) != nil {
				return nil // the next stage has ended
			}
		}
	})
	run(func() error {
		return stage(ctx, numbers, halves, func(n int) (int, error) {
			if n%2 != 0 {
				return 0, fmt.Errorf("%d is odd", n)
			}
			return n / 2, nil
		})
	})
	for n := range halves.All(context.Background()) { // not ctx: Close ends it
		fmt.Println(n)
	}
	stages.Wait()
	fmt.Println("failed:", context.Cause(ctx))
	// Output:
	// 1
	// 2
	// 3
	// 4
	// failed: 11 is odd
}

// One request, one answer: the answer comes in a channel of capacity 1.
func Example_reply() {
	ctx := context.Background()
	type request struct {
		n     int
		reply chan int
	}
	requests := queue.New[request](8)
	var server sync.WaitGroup
	server.Go(func() {
		for r := range requests.All(ctx) {
			r.reply <- r.n * r.n // has room, so it never waits
		}
	})

	r := request{n: 12, reply: make(chan int, 1)}
	if err := requests.Put(ctx, r); err != nil {
		fmt.Println(err)
		return
	}
	select {
	case square := <-r.reply: // now the server has had the request, too
		fmt.Println(square)
	case <-ctx.Done():
	}
	requests.Close()
	server.Wait()
	// Output: 144
}

// A pool of things to borrow. A token that is given back synchronizes with the
// next who gets it, as with a lock.
func Example_pool() {
	ctx := context.Background()
	pool := queue.New[*strings.Builder](2)
	for range pool.Cap() {
		_ = pool.TryPut(new(strings.Builder))
	}

	var users sync.WaitGroup
	for range 10 {
		users.Go(func() {
			b, err := pool.Get(ctx) // waits while all are borrowed
			if err != nil {
				return
			}
			b.WriteByte('x') // nobody else has it
			if pool.TryPut(b) != nil {
				b.Reset() // the pool has been closed meanwhile: dispose of it here
			}
		})
	}
	users.Wait()

	written := 0
	for _, b := range pool.CloseNow() { // dispose of those that are not borrowed
		written += b.Len()
	}
	fmt.Println(written)
	// Output: 10
}

// toChan forwards a queue to a channel, for those who need a channel. It ends
// with ctx, or when the queue is drained.
func toChan[T any](ctx context.Context, q *queue.Queue[T]) <-chan T {
	ch := make(chan T)
	go func() {
		defer close(ch)
		for v := range q.All(ctx) {
			select {
			case ch <- v:
			case <-ctx.Done():
				return // v has left the queue, and nobody has it
			}
		}
	}()
	return ch
}

// A queue in a select with other channels.
func Example_toChan() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel() // or else the forwarder might wait for ever
	q := queue.New[string](4)
	_ = q.TryPut("an item")
	q.Close()
	other := make(chan string)

	items := toChan(ctx, q)
	for items != nil {
		select {
		case v, ok := <-items:
			if !ok {
				items = nil
				break
			}
			fmt.Println(v)
		case v := <-other:
			fmt.Println(v)
		}
	}
	// Output: an item
}

// fromChan forwards a channel to a new queue. It ends with ctx, or when the
// channel is closed.
func fromChan[T any](ctx context.Context, ch <-chan T) *queue.Queue[T] {
	q := queue.New[T](1) // 0 would be no bound
	go func() {
		defer q.Close()
		for {
			select {
			case v, ok := <-ch:
				if !ok || q.Put(ctx, v) != nil {
					return
				}
			case <-ctx.Done():
				return
			}
		}
	}()
	return q
}

// A channel that others send to, read as a queue.
func Example_fromChan() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	ch := make(chan int, 3)
	for i := range 3 {
		ch <- i
	}
	close(ch)
	for v := range fromChan(ctx, ch).All(ctx) {
		fmt.Println(v)
	}
	// Output:
	// 0
	// 1
	// 2
}

// A channel that is a signal becomes a context, which every call understands.
func Example_signal() {
	quit := make(chan struct{}) // somebody closes it when it is time to go
	q := queue.New[int](4)

	ctx, cancel := context.WithCancel(context.Background())
	defer cancel() // or else the goroutine might wait for ever
	go func() {
		defer cancel()
		select {
		case <-quit:
		case <-ctx.Done():
		}
	}()

	close(quit)
	_, err := q.Get(ctx)
	fmt.Println(err)
	// Output: context canceled
}

// Where a select would have one case per kind of event, one queue holds events of
// all kinds, in the order in which they came.
func Example_events() {
	ctx := context.Background()
	events := queue.New[func()](16)
	balance := 0 // only touched by events, that is by one goroutine

	var loop sync.WaitGroup
	loop.Go(func() {
		for event := range events.All(ctx) {
			event()
		}
	})
	_ = events.Put(ctx, func() { balance += 10 })
	_ = events.Put(ctx, func() { fmt.Println("balance:", balance) })
	_ = events.Put(ctx, func() { balance -= 3 })
	events.Close()
	loop.Wait()
	fmt.Println("balance:", balance)
	// Output:
	// balance: 10
	// balance: 7
}

// Sink is the end of a queue to put into, as chan<- T is of a channel.
type Sink[T any] interface {
	Put(ctx context.Context, v T) error
	Close()
}

// Source is the end of a queue to get from, as <-chan T is of a channel.
type Source[T any] interface {
	Get(ctx context.Context) (T, error)
	All(ctx context.Context) iter.Seq[T]
}

// Functions that ask for the end that they need.
func Example_directions() {
	ctx := context.Background()
	count := func(to Sink[int]) {
		defer to.Close()
		for i := range 4 {
			_ = to.Put(ctx, i)
		}
	}
	sum := func(from Source[int]) (s int) {
		for v := range from.All(ctx) {
			s += v
		}
		return s
	}
	q := queue.New[int](4)
	go count(q)
	fmt.Println(sum(q))
	// Output: 6
}

// The channel idioms v, ok := <-ch and select with default.
func Example_fromChannels() {
	ctx := context.Background()
	q := queue.New[int](1)

	if err := q.Put(ctx, 1); err != nil { // select { case ch <- 1: case <-ctx.Done(): }
		fmt.Println(err) // queue.ErrClosed, or ctx.Err()
	}
	if err := q.TryPut(2); err != nil { // select { case ch <- 2: default: }
		fmt.Println("not put:", err)
	}
	q.Close()
	q.Close() // closing twice is fine
	if err := q.Put(ctx, 3); err == queue.ErrClosed {
		fmt.Println("not put:", err) // a send would panic
	}
	v, err := q.Get(ctx) // v, ok := <-ch
	fmt.Println(v, err)
	_, err = q.Get(ctx)
	fmt.Println(err == queue.ErrClosed) // !ok
	// Output:
	// not put: queue: full
	// not put: queue: closed
	// 1 <nil>
	// true
}

// Time in a testing/synctest bubble stands still while anybody is running, and
// leaps when all wait: also when they wait for a queue.
func TestGuideBubble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := queue.New[int](1) // made in the bubble
		go func() {
			time.Sleep(time.Hour) // takes no time
			q.Close()
		}()
		if _, err := q.Get(t.Context()); err != queue.ErrClosed {
			t.Error(err)
		}
	})
}

// TestGuide holds the guide to the code. Every block of Go in docs/guide.md stands,
// but for its indentation, in the file of the example that the line below it
// names; every example is named in the guide; and every example has an output, or
// else it would be compiled and never run.
func TestGuide(t *testing.T) {
	text, err := os.ReadFile(filepath.FromSlash("docs/guide.md"))
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob("guide*_test.go*")
	if err != nil {
		t.Fatal(err)
	}
	source := map[string]string{} // by function: the text of its file
	var examples []string
	for _, name := range append(files, "example_test.go") {
		code, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, code, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok {
				source[f.Name.Name] = unindented(string(code))
			}
		}
		for _, e := range doc.Examples(file) {
			examples = append(examples, "Example"+e.Name)
			if e.Output == "" {
				t.Errorf("%s: Example%s has no output, so nobody runs it", name, e.Name)
			}
		}
	}

	named := map[string]bool{}
	for _, m := range regexp.MustCompile("`((?:Example|TestGuide)\\w*)`").FindAllStringSubmatch(string(text), -1) {
		named[m[1]] = true
		if source[m[1]] == "" {
			t.Errorf("the guide names %s, which is not there", m[1])
		}
	}
	for _, e := range examples {
		if !named[e] {
			t.Errorf("the guide does not name %s", e)
		}
	}

	block := regexp.MustCompile("(?m)^```go\n((?s:.*?))^```\n\\s*(.*)")
	blocks := block.FindAllStringSubmatch(string(text), -1)
	for _, m := range blocks {
		from := regexp.MustCompile("^From `(\\w+)`").FindStringSubmatch(m[2])
		if from == nil {
			t.Errorf("no line \"From `Example`\" below this block, but %q:\n%s", m[2], m[1])
		} else if !strings.Contains(source[from[1]], unindented(m[1])) {
			t.Errorf("not in the file of %s:\n%s", from[1], m[1])
		}
	}
	if want := strings.Count(string(text), "```go"); len(blocks) != want || want == 0 {
		t.Errorf("%d of %d blocks checked", len(blocks), want)
	}
}

// unindented returns text without the white space around its lines.
func unindented(text string) string {
	lines := strings.Split(text, "\n")
	for i := range lines {
		lines[i] = strings.TrimSpace(lines[i])
	}
	return strings.Join(lines, "\n")
}
