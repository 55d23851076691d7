/*
 * Chain: rings in a list, that grow, are retired and left, beside Gets that wait
 * and Close. Nobody waits to put.
 *
 * -DFIRST= and -DLARGEST= the capacity of the first ring and of the largest, and
 * the goroutines as in queue.h.pml.
 */
#define CHAIN
#ifndef CLOSERS
#define CLOSERS 0
#endif
#define RINGS   (PUTTERS * PUTS - FIRST + 1)
#define CAP(r)  ((FIRST << (r)) > LARGEST -> LARGEST : (FIRST << (r)))
#define SLOTS   LARGEST
#define ROOM    (PUTTERS * PUTS)
#define IN_SWAP 0
#define FULL_IS_TRUE true
/* positions run on from ring to ring */
#define ENTERS  assert(W(base[r] + t) == entered); entered = W(entered + ONE)
#define LEAVES  assert(W(base[r] + POSITION(h)) == left); left = W(left + ONE)
#define AT_THE_END assert(finished == GOROUTINES || CLOSERS == 0); assert(empty(items))
#include "queue.h.pml"
