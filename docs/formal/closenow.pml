/*
 * CloseNow, beside Close and calls that wait, begin to wait, or give up; of a
 * chain, or with -DN= of a ring, where there is ForcePut, too.
 *
 * -DN=, or -DFIRST= and -DLARGEST=, the capacities, -DCLOSENOWS= how many call
 * CloseNow, -DFORCERS= how many ForcePut, and the goroutines as in queue.h.pml.
 */
#define CLOSENOW
#ifndef CLOSERS
#define CLOSERS 0
#endif
#ifndef GETS
#define GETS 0                           /* they end with ErrClosed */
#endif
#ifdef N
#define RINGS   1
#define CAP(r)  N
#define SLOTS   N
#define ROOM    N
#define IN_SWAP mu
#define LAST_RING 0
#define FULL_IS_TRUE was                 /* by the load of head, CloseNow may have emptied it */
#define ENTERS  skip
#define LEAVES  skip
#define DRAINED_IS_TRUE (empty(putters) || tail[0] & EMPTIED)
#else
#define CHAIN
#define RINGS   (PUTTERS * PUTS - FIRST + 1)
#define CAP(r)  ((FIRST << (r)) > LARGEST -> LARGEST : (FIRST << (r)))
#define SLOTS   LARGEST
#define ROOM    (PUTTERS * PUTS)
#define IN_SWAP 0
#define FULL_IS_TRUE true
/* positions run on from ring to ring */
#define ENTERS  assert(W(base[r] + t) == entered); entered = W(entered + ONE)
#define LEAVES  assert(W(base[r] + POSITION(h)) == left); left = W(left + ONE)
#endif
#define KEPT    if :: j + 1 < n -> assert(!ended[v]); ended[v] = true :: else fi
#define AT_THE_END \
	assert(finished == GOROUTINES && empty(items) && empty(taken)); \
	assert((TAIL & FLAGS) == (CLOSED | EMPTIED) && (HEAD & FLAGS) == CLOSED); \
	i = 1; \
	do \
	:: i <= VALUES -> assert(ended[i]); i++ \
	:: else -> break \
	od
#include "queue.h.pml"
