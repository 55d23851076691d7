/*
 * Close, beside calls that wait, begin to wait, or give up.
 *
 * -DN= the capacity, and the goroutines as in queue.h.pml.
 */
#define RINGS   1
#define CAP(r)  N
#define SLOTS   N
#define ROOM    N
#define IN_SWAP mu
#define LAST_RING 0
#ifndef CLOSERS
#define CLOSERS 1
#endif
#define FULL_IS_TRUE (was && full(items))
#define ENTERS  skip
#define LEAVES  skip
#define AT_THE_END \
	assert(finished == GOROUTINES && empty(items)); \
	assert((TAIL & FLAGS) == CLOSED && (HEAD & FLAGS) == CLOSED)
#include "queue.h.pml"
