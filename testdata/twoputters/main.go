// Command twoputters does what one must not: two goroutines put into, or with the
// argument "get" get out of, one SPSC at a time. With the argument "turns" they
// take turns, one after the other, which is right; so the race detector has to
// report the first two, and not the last.
package main

import (
	"context"
	"os"
	"runtime"
	"sync"

	"github.com/parkring/queue"
)

func main() {
	const items = 1000
	q := queue.NewSPSC[int](items)
	call := func() { _ = q.TryPut(1) }
	if os.Args[1] == "get" {
		for range items {
			_ = q.Put(context.Background(), 1)
		}
		call = func() { _, _ = q.TryGet() }
	}
	var turn sync.Mutex
	var both sync.WaitGroup
	for range 2 {
		both.Go(func() {
			for range items / 2 {
				if os.Args[1] == "turns" {
					turn.Lock()
				}
				call()
				if os.Args[1] == "turns" {
					turn.Unlock()
				}
				runtime.Gosched()
			}
		})
	}
	both.Wait()
	if os.Args[1] == "turns" {
		_, _ = q.Get(context.Background())
	}
}
