package queue_test

import (
	"context"
	"fmt"

	"github.com/parkring/queue"
)

// Two stages of a pipeline: what one goroutine makes, another uses.
func ExampleSPSC() {
	ctx := context.Background()
	lines := queue.NewSPSC[string](64)

	go func() { // the producer, and nobody else
		defer lines.Close()
		for i := range 3 {
			if err := lines.Put(ctx, fmt.Sprint("line ", i)); err != nil {
				return
			}
		}
	}()

	for line := range lines.All(ctx) { // the consumer, and nobody else
		fmt.Println(line)
	}
	// Output:
	// line 0
	// line 1
	// line 2
}

// A batch is put, and taken, with one atomic operation as far as it fits.
func ExampleSPSC_batch() {
	ctx := context.Background()
	samples := queue.NewSPSC[int](8)

	go func() {
		defer samples.Close()
		all := make([]int, 100)
		for i := range all {
			all[i] = i
		}
		_, _ = samples.PutBatch(ctx, all) // waits as often as it must
	}()

	sum, buf := 0, make([]int, 16)
	for {
		n, err := samples.GetBatch(ctx, buf)
		if err != nil {
			break
		}
		for _, v := range buf[:n] {
			sum += v
		}
	}
	fmt.Println(sum)
	// Output: 4950
}
