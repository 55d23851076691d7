/*
 * Ring.TryPut, TryGet and Len, with nobody who waits, closes or holds a lock.
 *
 * -DN= the capacity, -DPUTTERS= -DPUTS= -DGETTERS= -DGETS= with PUTTERS*PUTS ==
 * GETTERS*GETS, -DOBSERVERS= how many call Len.
 */
#ifndef OBSERVERS
#define OBSERVERS 0
#endif
#ifndef BATCH
#define BATCH 1
#endif
#define RINGS   1
#define CAP(r)  N
#define SLOTS   N
#define ROOM    N
#define IN_SWAP 0
#define MAY_PUT true
#define MAY_GET true
#define ENTERS  skip
#define LEAVES  skip
#define FULL_IS_TRUE    (was && full(items))
#define DRAINED_IS_TRUE false
#include "ring.h.pml"

byte running = PUTTERS + GETTERS + OBSERVERS;     /* ghost */

proctype Putter(byte me) {
	REGISTERS;
	byte k;
	do
	:: k < PUTS ->
		v = me * PUTS + k + 1;
		do
		:: if
		   :: TryPut(); n = 1
#if BATCH > 1
		   :: k + 1 < PUTS -> TryPutBatch((PUTS - k < BATCH -> PUTS - k : BATCH))
#endif
		   fi;
		   if
		   :: s == OK -> s = 0; break
		   :: else -> s = 0; n = 0
		   fi
		od;
		k = k + n; n = 0
	:: else -> break
	od;
	running--
}

proctype Getter() {
	REGISTERS;
	byte k;
	do
	:: k < GETS ->
		do
		:: if
		   :: TryGet(); n = 1
#if BATCH > 1
		   :: k + 1 < GETS -> TryGetBatch((GETS - k < BATCH -> GETS - k : BATCH))
#endif
		   fi;
		   if
		   :: s == OK -> s = 0; break
		   :: else -> s = 0; n = 0
		   fi
		od;
		v = 0; k = k + n; n = 0
	:: else -> break
	od;
	running--
}

proctype Observer() {
	REGISTERS;
	Len();
	assert(n == x);
	running--
}

#ifdef LIVENESS
ltl settles { <> (running == 0) }
#endif

init {
	byte i;
	d_step { Init(0, START(0)) }
	atomic {
		do
		:: i < PUTTERS -> run Putter(i); i++
		:: else -> break
		od;
		i = 0;
		do
		:: i < GETTERS -> run Getter(); i++
		:: else -> break
		od;
		i = 0;
		do
		:: i < OBSERVERS -> run Observer(); i++
		:: else -> break
		od
	}
	timeout;
	assert(running == 0 && empty(items))
}
