/*
 * The chain: lockfree/chain.go, on the rings of ring.h.pml. There is no garbage to
 * collect: there are as many rings as the chain can ever need.
 */
#include "ring.h.pml"

byte last, first;                        /* Chain.last, Chain.first */
byte next[RINGS];                        /* link.next; 0: none, as ring 0 comes after no other */
byte base[RINGS];                        /* link.base */

byte made = 1;                           /* ghost: the rings made so far */
byte entered = START(0), left = START(0);/* ghost: the chain's positions, counted */

#define LAST_RING    (made - 1)
#define RING_OF_LAST r = last            /* last(): c.last.Load(). Under the lock it stays. */

/* Go's first attempt is a claim in the ring of Last(), which does not help to move last on
 * when it meets Retired. That changes nothing and is tried again, as if it had
 * not been; so there is no need to model it apart. The same goes for TryGet. */
inline attemptPut() {
	r = last;                                                       /* c.last.Load() */
	TryPutSome();
	if
	:: s == Retired ->
		n = next[r];                                            /* r.next.Load() */
		d_step {                                                /* c.last.CompareAndSwap */
			assert(n != 0);
			last = (last == r -> n : last);
			s = Busy; n = 0; r = 0
		}
	:: else -> r = 0
	fi
}

inline attemptGet() {
	r = first;                                                      /* c.first.Load() */
	TryGetSome();
	if
	:: s == Retired ->
		n = next[r];                                            /* r.next.Load() */
		d_step {                                                /* c.first.CompareAndSwap */
			assert(n != 0);
			first = (first == r -> n : first);
			s = Busy; n = 0; r = 0
		}
	:: else -> r = 0
	fi
}

inline grow() {
	atomic { lock(); r = last };                                    /* c.last.Load() */
	if
#ifdef BUG_GROW_IGNORES_FLAGS
	:: false -> s = Busy
#else
	:: tail[r] & FLAGS -> s = Busy                                  /* r.tail.Load() */
#endif
	:: else ->
		Len();
		s = (n < CAP(r) -> Busy : OK);
		x = 0
	fi;
	if
	:: s == OK -> Grow()
	:: else
	fi;
	n = 0; r = 0;
	unlock()
}

inline Grow() {                          /* what follows after Len */
	d_step {                                                        /* new, m.Init, m.TryPut(v): */
		n = made;                                               /* nobody else has it yet */
		made++;
		Init(n, 0);
#ifndef BUG_RING_BORN_EMPTY
		tail[n] = NEXT(n, 0);
		stamp[SLOT(n, 0)] = FULL;
		val[SLOT(n, 0)] = v
#endif
	};
#ifndef BUG_RETIRED_BEFORE_NEXT
	next[r] = n;                                                    /* r.next.Store(m) */
#endif
#ifdef BUG_BASE_TOO_SOON
	base[n] = W(base[r] + tail[r]);
#define SET_BASE skip
#else
#define SET_BASE base[n] = W(base[r] + t)                               /* m.base = r.base + t */
#endif
	do
	:: d_step { t = tail[r]; SET_BASE };                            /* t := r.tail.Load() */
	   if
	   :: d_step {
		tail[r] == t ->                                         /* r.tail.CompareAndSwap */
		tail[r] = t | RETIRED;
#ifndef BUG_RING_BORN_EMPTY
		assert(!isClosed && len(getters) == 0 && base[n] == entered);
		entered = W(entered + ONE);
		accept(v)
#endif
		}
		break
	   :: tail[r] != t
	   fi
	od;
#ifdef BUG_RETIRED_BEFORE_NEXT
	next[r] = n;
#endif
#ifdef BUG_RING_BORN_EMPTY
	s = Busy;
#endif
	t = 0;
	d_step { last = (last == r -> n : last); assert(last == n) }    /* c.last.CompareAndSwap */
}

inline chainTail() {                     /* Chain.tail: t is the position, i the flags */
	r = last;                                                       /* c.last.Load() */
	do
	:: d_step { t = tail[r]; was = (isClosed && empty(items)) };    /* t := r.tail.Load() */
	   if
	   :: t & RETIRED -> r = next[r]; assert(r != 0)                /* r.next.Load() */
	   :: else -> break
	   fi
	od;
	atomic {
		assert(r == 0 || tail[r - 1] & RETIRED);                /* base is not written any more */
		i = t & FLAGS;
		t = W(base[r] + POSITION(t))
	}
}

inline chainHead() {                     /* Chain.head: h is the position; x, w: ghost, how many */
	d_step { r = first; x = len(items) };                           /* c.first.Load()   items there were */
	d_step { h = head[r]; w = len(items) };                         /* r.head.Load()    at either load */
	h = W(base[r] + POSITION(h))
}

inline chainLen() {                      /* Chain.Len: to n */
	do
	:: chainTail();
	   n = t | i;
	   chainHead();
	   chainTail();
	   if
#ifdef BUG_LEN_IGNORES_EMPTIED
	   :: t == POSITION(n) -> n = t; break
	   :: t != POSITION(n) -> i = 0
#else
	   :: ((t | i) ^ n) & (255 - FLAGS + EMPTIED) -> i = 0
	   :: else -> break
#endif
	   fi
	od;
	atomic { n = (n & EMPTIED -> 0 : W(t - h) / ONE); i = 0 }
}

inline drained() {                       /* Chain.Drained: ok */
	chainHead();
	chainTail();
	d_step {
#ifdef BUG_DRAINED_IGNORES_EMPTIED
		ok = (i & CLOSED && t == h);
#else
		ok = (i & EMPTIED || (i & CLOSED && t == h));
#endif
		assert(!ok || was);
		isDrained = isDrained || ok;
		i = 0
	}
}
