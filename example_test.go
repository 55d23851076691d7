package queue_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/parkring/queue"
)

// One goroutine produces, three work. Put waits while ten jobs lie ready, so the
// producer is held back to the pace of the workers.
func Example() {
	ctx := context.Background()
	jobs := queue.New[int](10)

	go func() {
		defer jobs.Close() // the workers finish what is there, and end
		for i := range 100 {
			if err := jobs.Put(ctx, i); err != nil {
				return
			}
		}
	}()

	var done [3]int
	var workers sync.WaitGroup
	for w := range done {
		workers.Go(func() {
			for range jobs.All(ctx) {
				done[w]++
			}
		})
	}
	workers.Wait()
	fmt.Println(done[0]+done[1]+done[2], "jobs done")
	// Output: 100 jobs done
}

// Close means drain, then error: whatever is in the queue, or was waiting to get
// in, comes out first.
func ExampleQueue_Close() {
	ctx := context.Background()
	q := queue.New[string](2)
	_ = q.Put(ctx, "first")
	_ = q.Put(ctx, "second")

	// The queue is full, so this Put waits. It was there before Close: it is
	// delivered.
	var waiting sync.WaitGroup
	waiting.Go(func() {
		fmt.Println("waiting Put:", q.Put(ctx, "third"))
	})
	for q.Stats().WaitingPuts == 0 { // for the sake of this example
		time.Sleep(time.Millisecond)
	}

	q.Close()
	fmt.Println("new Put:", q.Put(ctx, "too late"))
	for {
		v, err := q.Get(ctx)
		if errors.Is(err, queue.ErrClosed) {
			break
		}
		waiting.Wait() // for the order of this output only
		fmt.Println(v)
	}
	fmt.Println("drained:", q.Drained())
	// Output:
	// new Put: queue: closed
	// waiting Put: <nil>
	// first
	// second
	// third
	// drained: true
}

// A call that gives up has had no effect: the item of this Put is not in the
// queue.
func ExampleQueue_Put_cancel() {
	q := queue.New[int](1)
	_ = q.Put(context.Background(), 1)

	ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
	defer cancel()
	err := q.Put(ctx, 2)
	fmt.Println(err)
	fmt.Println(q.Len(), "item")
	// Output:
	// context deadline exceeded
	// 1 item
}

// All ends when the queue is drained, or when the context is done and there is
// nothing left to take; ctx.Err tells the two apart.
func ExampleQueue_All() {
	ctx := context.Background()
	q := queue.New[string](0)
	_ = q.Put(ctx, "a")
	_ = q.Put(ctx, "b")
	q.Close()
	for v := range q.All(ctx) {
		fmt.Println(v)
	}
	fmt.Println(ctx.Err())
	// Output:
	// a
	// b
	// <nil>
}

// TryPut and TryGet never wait. ErrFull means full and ErrEmpty empty, however
// many goroutines are at it.
func ExampleQueue_TryPut() {
	q := queue.New[int](2)
	for i := range 3 {
		fmt.Println(q.TryPut(i))
	}
	for range 3 {
		v, err := q.TryGet()
		fmt.Println(v, err)
	}
	// Output:
	// <nil>
	// <nil>
	// queue: full
	// 0 <nil>
	// 1 <nil>
	// 0 queue: empty
}

// A bounded queue counts: New(n) lets n calls in at once.
func ExampleNew_semaphore() {
	ctx := context.Background()
	slots := queue.New[struct{}](3)
	var mu sync.Mutex
	var running, most int
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			_ = slots.Put(ctx, struct{}{})
			defer func() { _, _ = slots.TryGet() }()

			mu.Lock()
			running++
			most = max(most, running)
			mu.Unlock()
			time.Sleep(time.Millisecond)
			mu.Lock()
			running--
			mu.Unlock()
		})
	}
	wg.Wait()
	fmt.Println("at most 3 at once:", most <= 3)
	// Output: at most 3 at once: true
}

// CloseNow is the end at once: what nobody has taken comes back to the caller.
func ExampleQueue_CloseNow() {
	q := queue.New[string](10)
	for _, job := range []string{"a", "b", "c"} {
		_ = q.TryPut(job)
	}
	job, _ := q.TryGet()
	fmt.Println("begun:", job)
	fmt.Println("not begun:", q.CloseNow())
	_, err := q.TryGet()
	fmt.Println(err)
	// Output:
	// begun: a
	// not begun: [b c]
	// queue: closed
}

// Done is for a select: here the consumers are given some time to finish.
func ExampleQueue_Done() {
	ctx := context.Background()
	q := queue.New[int](10)
	for i := range 10 {
		_ = q.Put(ctx, i)
	}
	go func() {
		for range q.All(ctx) {
		}
	}()

	q.Close()
	select {
	case <-q.Done():
		fmt.Println("all is delivered")
	case <-time.After(time.Minute):
		fmt.Println("given up:", len(q.CloseNow()))
	}
	// Output: all is delivered
}

// Join waits until the work is done, not only taken, and the queue stays open.
func ExampleQueue_Join() {
	ctx := context.Background()
	q := queue.New[int](4)
	var sum atomic.Int64
	for range 3 {
		go func() {
			for v := range q.All(ctx) {
				sum.Add(int64(v))
				q.TaskDone()
			}
		}()
	}
	for round := range 2 {
		for i := range 100 {
			_ = q.Put(ctx, i)
		}
		_ = q.Join(ctx)
		fmt.Println("after round", round, "the sum is", sum.Load())
	}
	q.Close()
	// Output:
	// after round 0 the sum is 4950
	// after round 1 the sum is 9900
}

// ForcePut keeps what is new: a queue of the last three readings.
func ExampleQueue_ForcePut() {
	q := queue.New[int](3)
	for reading := range 5 {
		if old, ok, _ := q.ForcePut(reading); ok {
			fmt.Println("dropped", old)
		}
	}
	fmt.Println(q.CloseNow())
	// Output:
	// dropped 0
	// dropped 1
	// [2 3 4]
}

func ExampleQueue_Stats() {
	q := queue.New[int](8)
	for i := range 5 {
		_ = q.TryPut(i)
	}
	_, _ = q.TryGet()
	s := q.Stats()
	fmt.Println(s.Puts, "put,", s.Gets, "got,", s.Len, "of", s.Cap, "in the queue")
	// Output: 5 put, 1 got, 4 of 8 in the queue
}
