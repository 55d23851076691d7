/*
 * Solo, beside calls that wait, begin to wait, or give up. It may begin whenever a
 * Get has been listed, and a goroutine or two end it, for good or until it begins again.
 * Without Close.
 *
 * -DN= the capacity, -DSHARERS= how many call share, -DRESTERS= how many end it for a while,
 * and the goroutines as in queue.h.pml.
 */
#define SOLO
#define RINGS   1
#define CAP(r)  N
#define SLOTS   N
#define ROOM    N
#define IN_SWAP mu
#define LAST_RING 0
#define CLOSERS 0
#define FULL_IS_TRUE (was && full(items))
#define EMPTY_IS_TRUE (was || begun != before) /* when the queue became solo, if not at the Load of tail */
#define ENTERS  skip
#define LEAVES  skip
#define AT_THE_END assert(stage == SHARED || SHARERS == 0)
#include "queue.h.pml"
