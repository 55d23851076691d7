package backoff

import (
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
	"unsafe"
)

// TestYieldThread has two threads on one processor wait for each other by turns. If whoever
// waits keeps the processor until its time slice is over, a turn takes milliseconds.
func TestYieldThread(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(2))
	can := make(chan error)
	go func() {
		runtime.LockOSThread() // and ends with its thread, which is of no use to others
		can <- pin()
	}()
	if err := <-can; err != nil {
		t.Skip("cannot bind a thread to a processor:", err)
	}
	const turns = 200
	var turn atomic.Int32
	var took []time.Duration
	var wg sync.WaitGroup
	for side := range int32(2) {
		wg.Go(func() {
			runtime.LockOSThread()
			if err := pin(); err != nil {
				t.Error(err)
			}
			for n := side; n < turns; n += 2 {
				start := time.Now()
				for turn.Load() != n {
					yieldThread()
				}
				if side == 1 {
					took = append(took, time.Since(start))
				}
				turn.Add(1)
			}
		})
	}
	wg.Wait()
	slices.Sort(took)
	if quick := took[len(took)/10]; quick > 500*time.Microsecond { // not more of them, as other programs want to run, too
		t.Errorf("nine of ten turns took more than %v", quick)
	}
}

// pin binds the calling thread to the first processor that it may run on.
func pin() error {
	var mask [1024 / 8]byte
	const size = unsafe.Sizeof(mask)
	if _, _, e := syscall.RawSyscall(syscall.SYS_SCHED_GETAFFINITY, 0, size, uintptr(unsafe.Pointer(&mask))); e != 0 {
		return e
	}
	first := slices.IndexFunc(mask[:], func(b byte) bool { return b != 0 })
	one := mask[first] & -mask[first]
	clear(mask[:])
	mask[first] = one
	if _, _, e := syscall.RawSyscall(syscall.SYS_SCHED_SETAFFINITY, 0, size, uintptr(unsafe.Pointer(&mask))); e != 0 {
		return e
	}
	return nil
}
