/*
 * closenow.go, force.go, and what they need of lockfree: TakeAll of a ring or of a
 * chain, and the observers that know of emptied.
 */
#define VALUES (PUTTERS * PUTS + LATE + FORCERS)

chan taken = [VALUES] of { byte };       /* ghost: what CloseNow took, when it took effect */
bool ended[VALUES + 1];                  /* ghost: the values that somebody has in the end */

/* ghost: v is with somebody who will keep it: a Get, a CloseNow, or the producer
 * whose put has failed. It must not be with another one too. */
inline ends_up(so) {
	d_step {
		if
		:: so ->
			assert(v != 0 && !ended[v]);
			ended[v] = true
		:: else
		fi
	}
}

#ifdef CHAIN
#define LAST last
#else
#define LAST 0

inline LenNow() {                        /* Ring.Len, to n */
	do
	:: t = tail[0];                                                 /* t := r.tail.Load() */
	   d_step { h = head[0]; x = len(items) };                      /* h := r.head.Load() */
	   if
	   :: (tail[0] | GATE) == (t | GATE) -> break                   /* r.tail.Load() again */
	   :: else
	   fi
	od;
	atomic {
		n = DISTANCE(0, POSITION(h), POSITION(t));
		n = (n > CAP(0) -> CAP(0) : n);
#ifndef BUG_LEN_IGNORES_EMPTIED
		n = (t & EMPTIED -> 0 : n);
#endif
		t = 0; h = 0
	}
}

inline drained() {                       /* Ring.Drained: ok */
	h = POSITION(head[0]);                                          /* h := r.head.Load() */
	d_step {                                                        /* t := r.tail.Load() */
#ifdef BUG_DRAINED_IGNORES_EMPTIED
		ok = (tail[0] & CLOSED && POSITION(tail[0]) == h);
#else
		ok = (tail[0] & EMPTIED || (tail[0] & CLOSED && POSITION(tail[0]) == h));
#endif
		assert(!ok || (isClosed && empty(items)));
		isDrained = isDrained || ok;
		h = 0
	}
}
#endif

/* Of r. h is the position afterwards. */
inline raiseHead() {
	do
	:: h = head[r];                                                 /* h := r.head.Load() */
	   if
	   :: h & GATE -> break
	   :: !(h & GATE) ->
		d_step {                                                /* r.head.CompareAndSwap */
			ok = (head[r] == h);
			head[r] = (ok -> h | GATE : head[r])
		}
		if
		:: ok -> break
		:: else
		fi
	   fi
	od;
	atomic { ok = false; h = POSITION(h) }
}

/* The items of r up to position t. */
inline takeTo() {
	h = POSITION(head[r]);                                          /* r.head.Load() */
	do
	:: h != t ->
		i = INDEX(r, h);
#ifndef BUG_TAKE_IN_FLIGHT
		if                                                      /* s.stamp.Load(), until it is */
		:: d_step {
			rest == 0 && stamp[SLOT(r, i)] % RUN == (h | FULL) ->
#ifndef BUG_TAKE_IGNORES_RUNS
			rest = stamp[SLOT(r, i)] / RUN
#endif
			}
		:: rest > 0 -> rest--                                   /* (in a run, without that load) */
		fi;
#endif
		d_step {                                                /* release: v, s.val = s.val, v */
			own();
			v = val[SLOT(r, i)]; val[SLOT(r, i)] = 0;
			taken?x; assert(v == x)
		}
		d_step {
			disown();
			stamp[SLOT(r, i)] = W(h + LAP(r));              /* s.stamp.Store(p + r.lap) */
			ends_up(true);
			h = NEXT(r, h); i = 0; v = 0; x = 0
		}
	:: else -> break
	od;
	atomic { t = 0; h = 0 }
}

inline setFlags() {                      /* CloseNow takes effect. n is the end */
	d_step {                                                        /* last.tail.Or(closed | emptied) */
#ifndef BUG_TAKE_END_TOO_SOON
		n = POSITION(tail[LAST]);
#endif
		tail[LAST] = tail[LAST] | CLOSED | EMPTIED;
		isClosed = true; isDrained = true;
		do
		:: items?x -> taken!x
		:: empty(items) -> break
		od;
		x = 0
	}
}

inline TakeAll() {
	if
	:: tail[LAST] & EMPTIED                                         /* last.tail.Load() */
	:: !(tail[LAST] & EMPTIED) ->
#ifdef BUG_TAKE_FLAGS_FIRST
		setFlags();
#endif
#ifdef CHAIN
#ifdef BUG_TAKE_GATES_LAST
		r = last;
#else
		r = first;                                              /* c.first.Load() */
#endif
#endif
		do
		:: raiseHead();
		   if
#if defined(BUG_TAKE_GATES_FIRST) || !defined(CHAIN)
		   :: true -> h = 0; break
#else
		   :: h == POSITION(tail[r]) && r != LAST ->            /* r.tail.Load() */
			assert(next[r] != 0);
			r = next[r]; h = 0                              /* r.next.Load() */
		   :: else -> h = 0; break
#endif
		   fi
		od;
#ifdef BUG_TAKE_END_TOO_SOON
		n = POSITION(tail[LAST]);
#endif
#ifndef BUG_TAKE_FLAGS_FIRST
		setFlags();
#endif
#ifdef CHAIN
#ifdef BUG_TAKE_LAST_RING
		r = last;
#endif
		do
		:: r != last ->
			t = POSITION(tail[r]);                          /* r.tail.Load() */
			takeTo();
			r = next[r]                                     /* r.next.Load() */
#ifdef BUG_TAKE_FIRST_RING
			; r = last; goto walked
#endif
		:: else -> break
		od;
#endif
		t = n; takeTo();
#ifdef BUG_TAKE_FIRST_RING
walked:
#endif
#if defined(CHAIN) && !defined(BUG_TAKE_KEEPS_FIRST)
		first = last;                                           /* c.first.Store(last) */
#endif
#ifdef BUG_TAKE_KEEPS_GATE
		head[LAST] = n | CLOSED | GATE;
#else
		head[LAST] = n | CLOSED;                                /* last.head.Store(end | closed) */
#endif
		assert(empty(taken))
	fi;
	d_step { n = 0; r = 0; t = 0; h = 0 }
}

inline CloseNow() {
	lock();
	TakeAll();
	d_step {                                                        /* RefuseAll, of both */
		do
		:: getters?w -> failed[w] = true; unlisted!w
		:: empty(getters) -> break
		od;
#ifndef BUG_CLOSENOW_FORGETS_PUTS
		do
		:: putters?w -> failed[w] = true; unlisted!w
		:: empty(putters) -> break
		od;
#endif
		w = 0
	}
#ifndef BUG_CLOSENOW_KEEPS_GATE
	RING_OF_LAST; lower(tail[r]);                                   /* OpenPut */
#endif
#ifndef BUG_CLOSENOW_DOES_NOT_FINISH
	finish();
#endif
	atomic { r = 0; unlock() };
#ifndef BUG_CLOSENOW_WAKES_NOBODY
	do
	:: unlisted?w -> Wake()                                         /* WakeAll */
	:: empty(unlisted) -> break
	od
#endif
}

#ifdef CHAIN
inline ForcePut() { skip }
#else
inline ForcePut() {                      /* v; then v is what there is left of it: 0, v or the oldest */
	do
	:: put();
	   if
	   :: s == OK -> v = 0; break
	   :: s == Closed -> break
	   :: s == Full -> s = 0
	   fi;
	   lock();                                                      /* exchange */
	   ShutGet();
	   if
	   :: ok ->
		HeadReady();
#ifdef BUG_FORCEPUT_IN_FLIGHT
		ok = true;
#endif
		if
		:: ok ->
			d_step { x = v; v = 0; ok = false }
#ifdef BUG_FORCEPUT_DROPS_GATE
			Swap(false);
#else
			Swap(len(putters) > 0);
#endif
			unlock();
			break
		:: else ->
#ifndef BUG_FORCEPUT_KEEPS_GATE
			if
			:: len(putters) == 0 -> lower(head[r])          /* OpenGet */
			:: else
			fi;
#endif
			unlock()
		fi
	   :: else -> unlock()
	   fi
	od
}
#endif
