package backoff

import "syscall"

// yieldThread has the system run another thread, if one waits for this processor. Variable for
// tests. (It is not announced to the scheduler of Go, as a system call that may block is: it is
// no more than what happens at the end of each time slice.)
var yieldThread = func() { syscall.RawSyscall(syscall.SYS_SCHED_YIELD, 0, 0, 0) }
