/*
 * queue.go, core.go and package parking, on the ring of ring.h.pml or the chain of
 * chain.h.pml, and the goroutines that use them.
 *
 * What parking does under the lock is one step together with the taking of the
 * lock. Words that others read without the lock change in steps of their own.
 *
 * The file that includes this one defines what ring.h.pml asks for, and
 *   LAST_RING         the ring that puts go to
 *   AT_THE_END        ghost: what has to hold when nobody can go on
 * On the command line stand CLOSERS, as many goroutines as call Close, and those
 * that follow.
 */
#ifndef PUTTERS                          /* as many goroutines Put, PUTS items each */
#define PUTTERS 1
#endif
#ifndef PUTS
#define PUTS 1
#endif
#ifndef GETTERS                          /* as many Get, GETS items each; 0: until ErrClosed */
#define GETTERS 1
#endif
#ifndef GETS
#define GETS (CLOSERS == 0)
#endif
#ifndef ENDING_PUTTERS                   /* the contexts of the first so many may end */
#define ENDING_PUTTERS 0
#endif
#ifndef ENDING_GETTERS
#define ENDING_GETTERS 0
#endif
#ifndef LATE                             /* as many more Put after Close has returned */
#define LATE 0
#endif
#ifndef OBSERVERS                        /* as many call Len, or Drained */
#define OBSERVERS 0
#endif
#ifndef ASKERS                           /* as many ask for Done; if there are none it is there from the begin */
#define ASKERS 0
#endif
#ifndef CLOSENOWS                        /* as many call CloseNow */
#define CLOSENOWS 0
#endif
#ifndef FORCERS                          /* as many ForcePut one item each */
#define FORCERS 0
#endif
#ifndef BATCH                            /* Put and Get attempt it with up to so many at once, too */
#define BATCH 1
#endif
#ifndef SHARERS                          /* as many end solo for good */
#define SHARERS 0
#endif
#ifndef RESTERS                          /* as many end it for a while */
#define RESTERS 0
#endif
#define GOROUTINES (PUTTERS + GETTERS + CLOSERS + LATE + OBSERVERS + ASKERS + CLOSENOWS + FORCERS + SHARERS + RESTERS)

/* ghost: nobody overtakes those who wait, and nothing enters a closed ring */
#define MAY_PUT         (!isClosed && empty(getters))
#define MAY_GET         empty(putters)
#ifndef DRAINED_IS_TRUE
#define DRAINED_IS_TRUE empty(putters)
#endif

#define EMPTIED FULL                     /* in words. Go has one more bit; full is in stamps only */

bool mu;                                 /* parking.Mutex */
bool asked;                              /* core.done is there */
bool come;                               /* and closed */
chan getters = [GOROUTINES] of { byte }; /* parking.List: the waiters, each by its goroutine */
chan putters = [GOROUTINES] of { byte };
chan unlisted = [GOROUTINES] of { byte };/* Close's list, from RefuseAll */
byte item[GOROUTINES + 1];               /* Waiter.Item */
bool failed[GOROUTINES + 1];             /* Waiter.fate: refused or not */
bool wake[GOROUTINES + 1];               /* Choice.wake */

byte finished;                           /* ghost: goroutines that have finished */
byte served;                             /* ghost: waiters served that have not returned nil yet */
bool closeReturned;                      /* ghost */

#if BATCH > 1                            /* one, or up to n in a batch: k of them are done already */
#define LEFT(all) (all - k < BATCH -> all - k : BATCH)
#define TryPutSome() if :: TryPut() :: k + 1 < PUTS -> TryPutBatch(LEFT(PUTS)) fi
#if GETS == 0
#define TryGetSome() if :: TryGet() :: TryGetBatch(BATCH) fi
#else
#define TryGetSome() if :: TryGet() :: k + 1 < GETS -> TryGetBatch(LEFT(GETS)) fi
#endif
#else
#define TryPutSome() TryPut()
#define TryGetSome() TryGet()
#endif

#ifdef CHAIN
#include "chain.h.pml"
#else
#include "ring.h.pml"
#define RING_OF_LAST skip                /* last() and first() are the ring */
inline attemptPut() { TryPutSome() }
inline attemptGet() { TryGetSome() }
#ifndef CLOSENOW
inline drained() { DrainedNow() }
#endif
#endif

#ifdef SOLO
#include "solo.h.pml"
#define ALONE (stage == ON)
#else
#define ALONE false
#endif

#define TAIL tail[LAST_RING]
#define HEAD head[LAST_RING]

inline lock() { atomic { !mu -> mu = true } }

inline unlock() {                        /* core.unlock, with Ring.Check: invariants 1 and 2 of core */
	d_step {
#ifdef SOLO
		assert(!ALONE || (TAIL & GATE && HEAD & GATE && len(held) == len(items)));
#endif
		assert(ALONE || ((TAIL & GATE) != 0) == (len(getters) > 0));
		assert(ALONE || ((HEAD & GATE) != 0) == (len(putters) > 0));
		assert(empty(getters) || ((TAIL & FLAGS) == GATE && POSITION(TAIL) == POSITION(HEAD) && empty(items)));
		assert(empty(putters) || ((ALONE || W(POSITION(HEAD) + LAP(0)) == POSITION(TAIL)) && full(items)));
		mu = false
	}
}

inline Wake() { d_step { assert(!wake[w]); wake[w] = true; w = 0 } }    /* c.wake <- struct{}{} */

inline hand() {
	atomic {
		lock();
		if
#ifdef SOLO
#ifdef BUG_HAND_IN_SOLO
		:: nempty(getters) -> getters?w;
#else
		:: ALONE
		:: !ALONE && nempty(getters) -> getters?w;
#endif
#else
		:: getters?w ->                                         /* w := q.getters.Pop(): */
#endif
			assert(empty(items) && !isClosed && item[w] == 0);      /* ghost: the Put takes effect, */
			item[w] = v; served++;                                  /* then the Get */
#ifndef BUG_HAND_KEEPS_GATE
			ok = (len(getters) == 0);
			RING_OF_LAST
#endif
#if defined(SOLO) && !defined(BUG_HAND_IN_SOLO)
		:: !ALONE && empty(getters)
#else
		:: empty(getters)
#endif
		fi
	}
	if
	:: ok -> lower(tail[r])                                         /* OpenPut */
	:: else
	fi;
	ok = false; r = 0;
	unlock();
	if
	:: w != 0 -> Wake(); s = OK
	:: else -> s = Busy
	fi
}

inline promote() {
#ifdef CHAIN
	s = Busy                                                        /* Chain.HeadReady is false */
#else
	HeadReady();
	if
	:: ok ->
		atomic { lock(); ok = (len(putters) > 0 && !ALONE) };
#ifndef BUG_PROMOTE_LOOKS_ONCE
		if
		:: ok -> HeadReady()
		:: else
		fi;
#endif
		if
		:: ok ->
			ok = false;
			d_step { putters?w; x = item[w]; item[w] = 0; served++ }        /* q.putters.Pop(), w.Take() */
#ifdef BUG_SWAP_DROPS_GATE
			Swap(false);
#else
			Swap(len(putters) > 0);
#endif
			unlock();
			Wake();
			s = OK
		:: else -> unlock(); s = Busy
		fi
	:: else -> s = Busy
	fi
#endif
}

/* Others may close it, too, at any time: who comes too late finds that it is closed. */
inline finish() {
	if
	:: asked ->                                                     /* q.done.Load() */
		drained();
		if
		:: ok -> come = true                                    /* close(*done) */
		:: else
		fi
	:: !asked
	fi;
	d_step { ok = false; r = 0; t = 0; h = 0; x = 0; w = 0; was = 0 }
}

inline Done() {
#ifdef BUG_DONE_LOOKS_FIRST
	finish();
	asked = true                                                    /* q.done.CompareAndSwap(nil, &done) */
#else
	asked = true;                                                   /* q.done.CompareAndSwap(nil, &done) */
	finish()
#endif
}

/* Until OK, Full or Closed. */
inline put() {
	do
	:: attemptPut();
	   if
#ifdef SOLO
	   :: s == Gated && ALONE -> break                             /* q.alone() */
	   :: s == Gated && !ALONE -> hand()
#else
	   :: s == Gated -> hand()
#endif
#ifdef CHAIN
	   :: s == Full -> grow()
#endif
	   :: else
	   fi;
	   if
	   :: s == Busy -> s = 0          /* Backoff.Wait */
	   :: else -> break
	   fi
	od
}

/* Until OK, Empty or Drained. */
inline get() {
	do
	:: attemptGet();
	   if
#ifdef SOLO
	   :: s == Gated && ALONE -> break                             /* q.alone() */
	   :: s == Gated && !ALONE -> promote()
#else
	   :: s == Gated -> promote()
#endif
	   :: s == Last -> finish(); s = OK
	   :: s == Drained -> finish()
	   :: else
	   fi;
	   if
	   :: s == Busy -> s = 0
	   :: else -> break
	   fi
	od
}

/* The end of a call that has waited. s is Ended, or 0: as whoever woke it says. */
inline Give() {
	d_step {
		if
		:: s == Ended
		:: else ->
			v = item[_pid];
			s = (failed[_pid] -> Drained : OK);
			served = (failed[_pid] -> served : served - 1)
		fi;
		item[_pid] = 0; failed[_pid] = false; wake[_pid] = false
	}
}

inline sleep(l) {                        /* in list l; and cancel */
	if
	:: atomic { wake[_pid] -> Give() }                              /* <-c.wake */
	:: ends ->                                                      /* <-done */
		atomic {
			lock();
			ok = (l??[eval(_pid)] -> true : false);         /* w.Listed(). (A poll yields a place.) */
			if
			:: ok -> l??eval(_pid)                          /* l.Remove(w) */
			:: else
			fi
		}
		if
		:: ok ->
#ifndef BUG_CANCEL_KEEPS_PUT_GATE
			if
#ifdef BUG_CANCEL_LOWERS_TOO_SOON
			:: true ->
#elif defined(BUG_CANCEL_LOWERS_IN_SOLO)
			:: len(getters) == 0 ->
#else
			:: len(getters) == 0 && !ALONE ->
#endif
				RING_OF_LAST; lower(tail[r])            /* OpenPut */
			:: else
			fi;
#endif
#if !defined(CHAIN) && !defined(BUG_CANCEL_KEEPS_GET_GATE)
			if
			:: len(putters) == 0 && !ALONE -> lower(head[r])        /* OpenGet */
			:: else
			fi;
#endif
			ok = false; r = 0; s = Ended;
			atomic { unlock(); Give() }
		:: else ->
			unlock();
#ifdef BUG_CANCEL_THOUGH_SERVED
			s = Ended;
#endif
			atomic { wake[_pid] -> Give() }                 /* w.Sleep(nil) */
		fi
	fi
}

#ifdef SOLO
/* the Load of stage; and if it is on, all of the call */
#define SOLO_FIRST(solo)            \
	if                          \
	:: ALONE ->                 \
		solo();             \
		if                  \
		:: s == Busy -> s = 0 \
		:: else -> break    \
		fi                  \
	:: else                     \
	fi
#ifdef BUG_WAITS_IN_SOLO
#define UNLESS_SOLO(shut) shut()
#else
#define UNLESS_SOLO(shut) if :: ALONE :: else -> shut() fi
#endif
#else
#define SOLO_FIRST(solo) skip
#define UNLESS_SOLO(shut) shut()
#endif

inline Put() {                           /* v; then s is OK, Closed or Ended */
	do
	:: SOLO_FIRST(soloPut);
	   put();
	   if
	   :: s == Gated -> s = 0                                       /* it has become solo */
	   :: s != Full && s != Gated -> break
	   :: s == Full && ends -> s = Ended; break                     /* ended(ctx) */
	   :: s == Full ->
		s = 0;
		lock();
		UNLESS_SOLO(ShutGet);
		if
		:: ok ->
			ok = false;
			atomic { putters!_pid; item[_pid] = v; assert(!isClosed); unlock() }    /* enlist. Ghost: admitted */
end_put:		sleep(putters);
			break
		:: else -> unlock()
		fi
	   fi
	od
}

inline Get() {                           /* to v; then s is OK, Drained or Ended */
	do
	:: SOLO_FIRST(soloGet);
	   get();
	   if
	   :: s == Gated -> s = 0
	   :: s != Empty && s != Gated -> break
	   :: s == Empty && ends -> s = Ended; break                    /* ended(ctx) */
	   :: s == Empty ->
		s = 0;
		atomic { lock(); RING_OF_LAST };
		UNLESS_SOLO(ShutPut);
		if
		:: ok ->
			ok = false; r = 0;
#ifdef SOLO
			getters!_pid;                                   /* enlist */
			beginSolo();
			unlock();
#else
			atomic { getters!_pid; unlock() }               /* enlist */
#endif
end_get:		sleep(getters);
			break
		:: else -> unlock()
		fi
	   fi
	od
}

inline Close() {
#ifdef BUG_CLOSE_WITHOUT_LOCK
	closeRing();
	lock();
#else
	lock();
	closeRing();
#endif
	n = ok;                          /* whether the gate was up */
	if
	:: ok ->
		d_step {                                                /* RefuseAll */
			assert(empty(items) && empty(putters));
			isDrained = true;
			do
			:: getters?w -> failed[w] = true; unlisted!w
			:: empty(getters) -> break
			od;
			w = 0
		};
		lower(tail[r])                                          /* OpenPut */
	:: else
	fi;
#ifndef BUG_CLOSE_DOES_NOT_FINISH
	finish();
#endif
	unlock();
#ifndef BUG_CLOSE_WAKES_NOBODY
	if
	:: n ->
		do
		:: unlisted?w -> Wake()                                 /* WakeAll */
		:: empty(unlisted) -> break
		od
	:: else
	fi
#endif
}

inline closeRing() {
	RING_OF_LAST;
#ifdef BUG_CLOSE_HEAD_FIRST
	head[r] = head[r] | CLOSED;
#endif
	d_step {                                                        /* r.tail.Or(closed) */
		ok = ((tail[r] & GATE) != 0);
		tail[r] = tail[r] | CLOSED;
		isClosed = true                                         /* ghost */
	};
	head[r] = head[r] | CLOSED                                      /* r.head.Or(closed) */
}

#ifdef CLOSENOW
#include "closenow.h.pml"
#endif

/* ---- The goroutines ---- */

#define LOCALS                                           \
	REGISTERS;                                       \
	byte k;      /* how many are done */             \
	byte w       /* the waiter that is served */

#define EITHER_WAY   /* a context that may end need not */ \
	if                                                 \
	:: ends -> ends = false                            \
	:: true                                            \
	fi

proctype Putter(byte me; bool ends) {
	LOCALS;
	EITHER_WAY;
	do
	:: k < PUTS ->
		v = me * PUTS + k + 1;
		Put();
#ifdef CLOSENOW
		ends_up(s != OK);
#endif
		s = 0; v = 0;
		k = k + (n > 1 -> n : 1); n = 0
	:: else -> break
	od
	finished++
}

proctype Getter(bool ends) {
	LOCALS;
	EITHER_WAY;
	do
	:: GETS == 0 || k < GETS ->
		Get();
		atomic {
			if
#ifdef CLOSENOW
			:: s == OK -> ends_up(true)
#else
			:: s == OK -> assert(v != 0)
#endif
			:: s == Ended && GETS == 0 -> break
			:: s == Ended && GETS != 0
			:: s == Drained -> assert(isDrained && (come || ASKERS > 0)); break
			fi;
			s = 0; v = 0;
			k = (GETS == 0 -> 0 : k + (n > 1 -> n : 1)); n = 0
		}
	:: GETS != 0 && k == GETS -> break
	od
	atomic { s = 0; v = 0; finished++ }
}

proctype Closer() {
	LOCALS;
	Close();
	closeReturned = true;
	finished++
}

proctype LatePutter() {
	LOCALS;
	bool ends;
	closeReturned;
	v = PUTTERS * PUTS + 1;
	Put();
	assert(s == Closed);
#ifdef CLOSENOW
	ends_up(true);
#endif
	finished++
}

#ifdef CLOSENOW
proctype CloserNow() {
	LOCALS;
	CloseNow();
	closeReturned = true;
	finished++
}

proctype Forcer(byte me) {
	LOCALS;
	v = PUTTERS * PUTS + LATE + me + 1;
	ForcePut();
	ends_up(v != 0);
	finished++
}
#endif

#ifdef SOLO
proctype Sharer() {
	LOCALS;
	share();
	finished++
}

proctype Rester() {
	LOCALS;
	endForAWhile();
	finished++
}
#endif

proctype Observer() {
	LOCALS;
	if
#ifdef CHAIN
	:: chainLen(); assert(w <= n && n <= x)
#else
#ifdef CLOSENOW
	:: LenNow(); assert(n == x)
#else
	:: Len(); assert(n == x)
#endif
#endif
	:: n = isDrained; drained(); assert(ok || !n);
		if
		:: ok ->
			n = asked;
#ifndef BUG_DRAINED_DOES_NOT_FINISH
			finish();
#endif
			assert(come || !n)
		:: else
		fi
	fi;
	d_step { r = 0; t = 0; h = 0; n = 0; x = 0; w = 0; ok = false; was = false; finished++ }
}

proctype Asker() {
	LOCALS;
	n = isDrained;
	Done();
	assert(come || !n);
	d_step { n = 0; finished++ }
}

/* Everybody has finished or is listed, and was told so; those who are listed wait
 * for good reason. The rest of that, unlock has asserted. */
#define LISTED (len(getters) + len(putters))
#ifdef LIVENESS
ltl settles { <> (finished + LISTED == GOROUTINES) }
#endif

init {
	byte i;
	d_step { Init(0, START(0)); asked = (ASKERS == 0) }
	atomic {
		do
		:: i < PUTTERS -> run Putter(i, i < ENDING_PUTTERS); i++
		:: else -> break
		od;
		i = 0;
		do
		:: i < GETTERS -> run Getter(i < ENDING_GETTERS); i++
		:: else -> break
		od;
		i = 0;
		do
		:: i < CLOSERS -> run Closer(); i++
		:: else -> break
		od;
		i = 0;
		do
		:: i < LATE -> run LatePutter(); i++
		:: else -> break
		od;
		i = 0;
		do
		:: i < OBSERVERS -> run Observer(); i++
		:: else -> break
		od;
		i = 0;
		do
		:: i < ASKERS -> run Asker(); i++
		:: else -> break
		od;
#ifdef SOLO
		i = 0;
		do
		:: i < SHARERS -> run Sharer(); i++
		:: else -> break
		od;
		i = 0;
		do
		:: i < RESTERS -> run Rester(); i++
		:: else -> break
		od;
#endif
#ifdef CLOSENOW
		i = 0;
		do
		:: i < CLOSENOWS -> run CloserNow(); i++
		:: else -> break
		od;
		i = 0;
		do
		:: i < FORCERS -> run Forcer(i); i++
		:: else -> break
		od;
#endif
		i = 0
	}
	timeout;                                                        /* nobody can go on */
	assert(finished + LISTED == GOROUTINES);
	assert(!mu && served == 0);
	assert(come == (asked && isClosed && len(items) == 0));         /* Done */
	assert(empty(getters) || empty(items));
	assert(empty(putters) || full(items));
	AT_THE_END
}
