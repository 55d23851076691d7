package queue_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/parkring/queue"
)

// The examples of docs/guide.md for batches, Select and SPSC. TestGuide sees to it
// that code and guide agree.

// PutBatch waits as often as it must. If it ends early, n says how much is in the
// queue; the rest has stayed with the caller.
func ExampleQueue_PutBatch() {
	q := queue.New[string](3)
	lines := []string{"a", "b", "c", "d", "e"}

	wait, cancel := context.WithTimeout(context.Background(), time.Millisecond)
	defer cancel()
	n, err := q.PutBatch(wait, lines)
	fmt.Println(n, err)
	fmt.Println("not put:", lines[n:])
	// Output:
	// 3 context deadline exceeded
	// not put: [d e]
}

// A consumer that takes what is there, in batches of up to 4.
func ExampleQueue_GetBatch() {
	ctx := context.Background()
	q := queue.New[int](8)
	var producer sync.WaitGroup
	producer.Go(func() {
		defer q.Close()
		_, _ = q.PutBatch(ctx, []int{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}) // more than there is room for
	})

	var got []int
	buf := make([]int, 4)
	for {
		n, err := q.GetBatch(ctx, buf) // waits for the first item only
		if err != nil {
			break // queue.ErrClosed, or ctx.Err(); n is 0
		}
		got = append(got, buf[:n]...)
		clear(buf[:n]) // lest buf keep the items alive, if they are pointers
	}
	producer.Wait()
	fmt.Println(got)
	// Output: [1 2 3 4 5 6 7 8 9 10]
}

// TryPutBatch accepts what fits.
func ExampleQueue_TryPutBatch() {
	q := queue.New[int](3)
	fmt.Println(q.TryPutBatch([]int{1, 2}))
	fmt.Println(q.TryPutBatch([]int{3, 4, 5}))
	q.Close()
	fmt.Println(q.TryPutBatch([]int{4, 5}))
	// Output:
	// 2 <nil>
	// 1 queue: full
	// 0 queue: closed
}

// TryGetBatch takes what is there.
func ExampleQueue_TryGetBatch() {
	q := queue.New[int](8)
	_, _ = q.TryPutBatch([]int{1, 2, 3})
	buf := make([]int, 8)
	n, err := q.TryGetBatch(buf)
	fmt.Println(buf[:n], err)
	n, err = q.TryGetBatch(buf)
	fmt.Println(buf[:n], err)
	// Output:
	// [1 2 3] <nil>
	// [] queue: empty
}

// collect waits for an item and then, for a time of d at most, until buf is full. It
// returns how many items it took, or an error and no item.
func collect[T any](ctx context.Context, q *queue.Queue[T], buf []T, d time.Duration) (n int, err error) {
	n, err = q.GetBatch(ctx, buf)
	if err != nil {
		return 0, err
	}
	wait, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	for n < len(buf) {
		more, err := q.GetBatch(wait, buf[n:])
		if err != nil {
			break // the time is over; any other reason is still there at the next call
		}
		n += more
	}
	return n, nil
}

// Batches of three, or of what came within a millisecond.
func Example_collect() {
	ctx := context.Background()
	q := queue.New[int](8)
	_, _ = q.TryPutBatch([]int{1, 2, 3, 4, 5})
	buf := make([]int, 3)
	for range 2 {
		n, err := collect(ctx, q, buf, time.Millisecond)
		fmt.Println(buf[:n], err)
	}
	q.Close()
	_, err := collect(ctx, q, buf, time.Millisecond)
	fmt.Println(err)
	// Output:
	// [1 2 3] <nil>
	// [4 5] <nil>
	// queue: closed
}

// Select waits until one of its cases can go on.
func ExampleSelect() {
	ctx := context.Background()
	numbers := queue.New[int](1)
	words := queue.New[string](1)
	_ = words.TryPut("hello")

	var n int
	var w string
	i, err := queue.Select(ctx, numbers.GetCase(&n), words.GetCase(&w))
	switch {
	case i < 0:
		fmt.Println("gave up:", err) // ctx.Err()
	case err != nil:
		fmt.Println("the queue of case", i, "is closed") // queue.ErrClosed
	case i == 0:
		fmt.Println("number", n)
	case i == 1:
		fmt.Println("word", w)
	}
	// Output: word hello
}

// TrySelect does not wait.
func ExampleTrySelect() {
	a, b := queue.New[int](1), queue.New[int](1)
	var v int
	i, err := queue.TrySelect(a.GetCase(&v), b.GetCase(&v))
	fmt.Println(i, err, err == queue.ErrNotReady)
	_ = b.TryPut(7)
	i, err = queue.TrySelect(a.GetCase(&v), b.GetCase(&v))
	fmt.Println(i, err, v)
	// Output:
	// -1 queue: no case ready true
	// 1 <nil> 7
}

// Two queues are read as one until both are drained.
func ExampleQueue_GetCase() {
	ctx := context.Background()
	a, b := queue.New[int](4), queue.New[int](4)
	for _, q := range []*queue.Queue[int]{a, b} {
		go func() {
			defer q.Close()
			for i := range 10 {
				_ = q.Put(ctx, i)
			}
		}()
	}

	sum := 0
	var v int
	cases := []queue.Case{a.GetCase(&v), b.GetCase(&v)}
	for open := len(cases); open > 0; {
		i, err := queue.Select(ctx, cases...)
		switch {
		case err == nil:
			sum += v
		case i >= 0: // drained: from now on this case would always be ready
			cases[i] = queue.Case{} // which never is
			open--
		default: // ctx.Err()
			return
		}
	}
	fmt.Println(sum)
	// Output: 90
}

// An item goes to a worker that has room for it.
func ExampleQueue_PutCase() {
	ctx := context.Background()
	workers := []*queue.Queue[string]{queue.New[string](1), queue.New[string](1)}
	_ = workers[0].TryPut("busy with this")

	i, err := queue.Select(ctx, workers[0].PutCase("job"), workers[1].PutCase("job"))
	fmt.Println("worker", i, err)
	// Output: worker 1 <nil>
}

// Urgent items go first, but nobody polls.
func Example_priority() {
	ctx := context.Background()
	urgent, ordinary := queue.New[string](4), queue.New[string](4)

	next := func() (v string, err error) {
		if v, err = urgent.TryGet(); err == nil {
			return v, nil
		}
		i, err := queue.Select(ctx, urgent.GetCase(&v), ordinary.GetCase(&v))
		switch {
		case err == nil || i < 0: // an item, or ctx.Err()
			return v, err
		case i == 0: // urgent is drained
			return ordinary.Get(ctx)
		default: // ordinary is drained
			return urgent.Get(ctx)
		}
	}

	_ = ordinary.TryPut("tidy up")
	_ = ordinary.TryPut("make tea")
	_ = urgent.TryPut("put out the fire")
	urgent.Close()
	ordinary.Close()
	for {
		v, err := next()
		if errors.Is(err, queue.ErrClosed) {
			break
		}
		fmt.Println(v)
	}
	// Output:
	// put out the fire
	// tidy up
	// make tea
}

// One goroutine puts, and one gets.
func ExampleNewSPSC() {
	ctx := context.Background()
	q := queue.NewSPSC[int](64)

	go func() {
		defer q.Close()
		for i := range 1000 {
			if q.Put(ctx, i) != nil {
				return
			}
		}
	}()
	sum := 0
	for v := range q.All(ctx) {
		sum += v
	}
	fmt.Println(sum)
	// Output: 499500
}
