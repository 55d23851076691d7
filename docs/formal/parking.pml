/*
 * Waiting, without Close: Close wakes everybody, which would hide a wake-up that
 * was lost.
 *
 * -DN= the capacity, and the goroutines as in queue.h.pml.
 */
#define RINGS   1
#define CAP(r)  N
#define SLOTS   N
#define ROOM    N
#define IN_SWAP mu
#define LAST_RING 0
#define CLOSERS 0
#define FULL_IS_TRUE (was && full(items))
#define ENTERS  skip
#define LEAVES  skip
#define AT_THE_END skip
#include "queue.h.pml"
