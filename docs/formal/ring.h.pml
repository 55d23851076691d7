/*
 * The ring: lockfree/ring.go and lockfree/word.go, one step per atomic operation.
 *
 * A step is a statement, or a d_step. An inline has the name of the Go function
 * that it models, and the comments quote the atomic operation that a step is.
 * What Go does between two of them is local to a goroutine, and is merged with
 * the one before. "Ghost" is what Go does not have and the properties need.
 *
 * The file that includes this one defines
 *   RINGS             how many rings there are: 1, unless they form a chain
 *   CAP(r), SLOTS     the capacity of ring r, and that of the largest
 *   ROOM              how many items there can be
 *   IN_SWAP           1 if somebody may be inside Swap, else 0
 *   MAY_PUT, MAY_GET  ghost: what has to hold at a claim of tail, or of head
 *   ENTERS, LEAVES    ghost: what else is done at such a claim
 *   KEPT              ghost: what is done with v when it is got in a batch, or nothing
 *   FULL_IS_TRUE, EMPTY_IS_TRUE, DRAINED_IS_TRUE
 *                     ghost: what has to hold when that is the answer
 */

#ifndef KEPT
#define KEPT skip
#endif
#ifndef EMPTY_IS_TRUE
#define EMPTY_IS_TRUE was
#endif

/* ---- word.go. A word is a byte here, so positions wrap around at 2^8 ---- */
#define CLOSED  1
#define GATE    2
#define RETIRED 4
#define FULL    8
#define FLAGS   15
#define ONE     16
#define W(x)        ((x) & 255)
#define POSITION(w) ((w) & (255 - FLAGS))
#define INDEX(r, w) (((w) / ONE) % (LAP(r) / ONE))
/* In a stamp there is a run, too. In Go it is below the position; here it is above
 * the byte, where it does not cost positions. */
#define RUN     256                /* a run of k: k * RUN */

mtype = { OK, Busy, Full, Empty, Closed, Drained, Gated, Retired, Last,
          Ended /* not in state.go: the error of a context */ };

/* ---- ring.go: type Ring ---- */
byte tail[RINGS], head[RINGS];
short stamp[RINGS * SLOTS];
byte val[RINGS * SLOTS];
#define SLOT(r, i)  ((r) * SLOTS + (i))
#define LAP(r)      (ONE * (CAP(r) == 3 -> 4 : CAP(r)))
#define SKIP(r)     (LAP(r) - CAP(r) * ONE)
#define START(r)    W(256 - LAP(r))           /* Init's firstLap: the last lap before the wrap */
#define PLUS(r, p, k) W((p) + (k) * ONE + (INDEX(r, p) + (k) >= CAP(r)) * SKIP(r)) /* advance: k <= CAP(r) */
#define NEXT(r, p)  PLUS(r, p, 1)
#define LAPS(r, from, to)     (W(((to) & (256 - LAP(r))) - ((from) & (256 - LAP(r)))) / LAP(r))
#define DISTANCE(r, from, to) (W((to) - (from) - LAPS(r, from, to) * SKIP(r)) / ONE)

/* ---- ghost: what is true, to compare the answers with ---- */
chan items = [ROOM] of { byte };   /* the accepted items; moved where a call takes effect */
bool isClosed, isDrained;          /* Close took effect; somebody was told Drained */
byte begun;                        /* how often the queue has become solo, empty as it was then */
byte owner[RINGS * SLOTS];         /* the goroutine that may touch val, or 0 */
byte due[RINGS * SLOTS];           /* the item that whoever has claimed the slot has to find there */

/* The registers of a goroutine. v is the item, s what became of the attempt, r the
 * ring, n a length, or how many of a batch. */
#define REGISTERS                                                               \
	byte r, t, h, i, v, n;                                                  \
	byte p, j;   /* of a batch: a position, and how many before it */       \
	byte rest;   /* the run of a stamp */                                   \
	byte most;   /* how many of a batch there can be */                     \
	short st, old; /* stamps */                                             \
	mtype s;                                                                \
	bool ok;                                                                \
	byte x;      /* the item of a waiting Put; ghost: what n must be */      \
	byte before; /* ghost: begun, when the attempt to get began */            \
	bool was     /* ghost: what was so when tail was read */

inline accept(it) {                /* ghost: a put takes effect */
	assert(!isDrained);
	assert(nfull(items));
	items!it
}

inline deliver() {                 /* ghost: a get takes effect, and has to find the oldest item */
	assert(nempty(items));
	items?due[SLOT(r, i)]
}

/* ghost: the claim of a slot, the use of val, the store of the next stamp */
inline own() {
	assert(owner[SLOT(r, i)] == 0);
	owner[SLOT(r, i)] = _pid
}
inline untouched(st) {             /* nobody else stores the stamp of a slot that is owned */
	assert(stamp[SLOT(r, i)] % RUN == (st))
}
inline mine() { assert(owner[SLOT(r, i)] == _pid) }
inline disown() {
	mine();
	owner[SLOT(r, i)] = 0
}

inline bounded() {                 /* ring.go, invariant 1: head <= tail <= head+capacity */
	assert(DISTANCE(r, POSITION(head[r]), POSITION(tail[r])) <= CAP(r) + IN_SWAP)
}

inline Init(q, p) {                /* ring q, which counts from position p */
	tail[q] = p;
	head[q] = p;
	i = 0;
	do
	:: i < CAP(q) -> stamp[SLOT(q, i)] = p + i * ONE; i++
	:: else -> break
	od;
	i = 0
}

#ifdef BUG_PUT_IGNORES_FLAGS
#define FREE(t) POSITION(t)
#else
#define FREE(t) (t)                /* which no stamp equals if t has a flag */
#endif

/* ok: the slot of the position in st has that stamp, which was true while word was w. */
inline pass(word, w) {
#ifdef BUG_RUN_NOT_PASSED
	ok = true;
#else
#ifdef BUG_PASS_WORD_FIRST
	ok = (word == w);
#endif
	old = stamp[SLOT(r, INDEX(r, st))];                             /* old := s.stamp.Load() */
	if
	:: old == st -> ok = true
#ifdef BUG_PASS_UNCHECKED
	:: old != st ->
#elif defined(BUG_PASS_WORD_FIRST)
	:: old != st && !ok
	:: old != st && ok ->
#else
	:: old != st && word != w -> ok = false                         /* word.Load() != w */
	:: old != st && word == w ->
#endif
		d_step {                                                /* s.stamp.CompareAndSwap */
#ifdef BUG_PASS_BY_STORE
			ok = true;
#else
			ok = (stamp[SLOT(r, INDEX(r, st))] == old);
#endif
			stamp[SLOT(r, INDEX(r, st))] = (ok -> st : stamp[SLOT(r, INDEX(r, st))]);
			old = 0
		}
	fi;
	d_step { old = 0; st = 0 }
#endif
}

#ifdef BUG_RUN_TOO_LONG
#define LESS(k) (k)
#else
#define LESS(k) ((k) - 1)          /* the run of the others, when one of k is gone */
#endif

inline TryPut() {                  /* v into ring r: ClaimPut, Publish, NotPut */
	d_step { t = tail[r]; i = INDEX(r, t); was = full(items) }      /* t := r.tail.Load() */
	if
	:: d_step {                                                     /* s.stamp.Load() */
		stamp[SLOT(r, i)] % RUN == FREE(t) ->
		rest = stamp[SLOT(r, i)] / RUN; ok = true }
		if
		:: rest > 0 -> st = NEXT(r, t) + LESS(rest) * RUN; pass(tail[r], t)
		:: rest == 0                                            /* st == t */
		fi;
		if
		:: !ok -> notPut()
		:: d_step {
			ok && tail[r] == t ->                           /* r.tail.CompareAndSwap */
			tail[r] = NEXT(r, t);
			assert(MAY_PUT); ENTERS; bounded(); own(); accept(v) }
#ifdef BUG_PUBLISH_BEFORE_WRITE
			d_step { disown(); stamp[SLOT(r, i)] = t | FULL }
			d_step { mine(); val[SLOT(r, i)] = v }
#else
			d_step {                                        /* s.val = v */
				mine();
				assert(val[SLOT(r, i)] == 0);
				val[SLOT(r, i)] = v
			}
			d_step { untouched(t); disown(); stamp[SLOT(r, i)] = t | FULL } /* s.stamp.Store(t | full) */
#endif
			s = OK
		:: ok && tail[r] != t -> s = Busy
		fi
	:: stamp[SLOT(r, i)] % RUN != FREE(t) -> notPut()
	fi;
	d_step { t = 0; i = 0; was = 0; rest = 0; ok = false }
}

/* Whether ClaimPut is Unready or sees a flag: NotPut reads the word again. */
inline notPut() {
	d_step { t = tail[r]; was = full(items) };                      /* t := r.tail.Load() */
	noRoom()
}

inline noRoom() {
	d_step {
		if
		:: t & CLOSED -> s = Closed
		:: !(t & CLOSED) && t & GATE -> s = Gated
		:: !(t & (CLOSED | GATE)) && t & RETIRED -> s = Retired
#ifdef BUG_FULL_BY_STAMP
		:: !(t & FLAGS) -> s = Full; assert(FULL_IS_TRUE)
#else
		:: !(t & FLAGS) && W(POSITION(head[r]) + LAP(r)) == t ->                /* r.head.Load() */
			s = Full; assert(FULL_IS_TRUE)
#endif
		:: else -> s = Busy
		fi
	}
}

#ifdef BUG_WALK_BELIEVES_STALE
#define AT(p, kind) ((n > 0 && kind == 0 && !(stamp[SLOT(r, INDEX(r, p))] & FULL)) || \
	stamp[SLOT(r, INDEX(r, p))] % RUN == ((p) | kind))
#else
#define AT(p, kind) (stamp[SLOT(r, INDEX(r, p))] % RUN == ((p) | kind))
#endif

/* n: of how many slots, those of from and on, the stamps say that they are free
 * (kind is 0) or full (FULL). They speak of runs, so it may be more than most. */
inline walk(from, kind) {
	d_step { p = from; n = 0 };
	do
	:: d_step {                                                     /* s.stamp.Load() */
		n < most && AT(p, kind) ->
		n = n + stamp[SLOT(r, INDEX(r, p))] / RUN + 1;
		p = PLUS(r, from, n);
		assert(n >= most || INDEX(r, p) < CAP(r)) }
	:: n >= most || !AT(p, kind) -> break
	od;
	p = 0
}

#ifdef BUG_WALK_AROUND
#define MOST(k) (k)
#else
#define MOST(k) (CAP(r) < (k) -> CAP(r) : (k))
#endif

inline TryPutBatch(k) {            /* v, v+1, ..., v+k-1: the first n of them into ring r */
	d_step { t = tail[r]; was = full(items); most = MOST(k) }       /* t := r.tail.Load() */
	walk(FREE(t), 0);
	if
	:: n == 0 -> notPut()
	:: n > 0 ->
		ok = true;
		if
		:: n > most -> st = PLUS(r, t, most) + LESS(n - most) * RUN; n = most; pass(tail[r], t)
		:: n <= most
		fi;
		if
		:: !ok -> s = Busy; n = 0
		:: d_step {
			ok && tail[r] == t ->                           /* r.tail.CompareAndSwap */
			tail[r] = PLUS(r, t, n);
			bounded(); p = t;
			do
			:: j < n -> i = INDEX(r, t); assert(MAY_PUT); ENTERS; own(); accept(v + j); j++; t = NEXT(r, t)
			:: else -> break
			od;
			t = p; p = 0; j = 0 }
#ifdef BUG_BATCH_PUBLISHES_FIRST
			publish();
#endif
			do
			:: d_step {                                     /* s.val = v */
				j < n ->
				i = INDEX(r, PLUS(r, t, j));
				mine();
				assert(val[SLOT(r, i)] == 0);
				val[SLOT(r, i)] = v + j;
				j++ }
			:: j == n -> break
			od;
#ifndef BUG_BATCH_PUBLISHES_FIRST
			publish();
#endif
			s = OK
		:: ok && tail[r] != t -> s = Busy; n = 0
		fi
	fi;
	d_step { t = 0; i = 0; j = 0; was = 0; most = 0; ok = false }
}

inline publish() {
	d_step {                                                        /* s.stamp.Store(t | full | run) */
		j = 0;
		do
		:: j < n -> i = INDEX(r, PLUS(r, t, j)); disown(); j++
		:: else -> break
		od;
		i = INDEX(r, t);
		untouched(t);
		stamp[SLOT(r, i)] = (t | FULL) + LESS(n) * RUN;
		j = 0
	}
}

#define WAS_EMPTY (empty(items) && isClosed == ((t & CLOSED) != 0))

#ifdef BUG_GET_IGNORES_GATE
#define FILLED(h) (POSITION(h) | FULL)
#else
#define FILLED(h) ((h) | FULL)     /* which no stamp equals if h has a flag */
#endif

inline TryGet() {                  /* v from ring r: ClaimGet, Release, NotGot */
#ifdef BUG_DRAINED_TAIL_FIRST
	d_step { t = tail[r]; was = WAS_EMPTY };
#endif
	d_step { h = head[r]; i = INDEX(r, h); before = begun }         /* h := r.head.Load() */
	if
	:: d_step {                                                     /* s.stamp.Load() */
		stamp[SLOT(r, i)] % RUN == FILLED(h) ->
		rest = stamp[SLOT(r, i)] / RUN; ok = true }
		if
		:: rest > 0 -> st = (NEXT(r, h) | FULL) + LESS(rest) * RUN; pass(head[r], h)
		:: rest == 0                                            /* st == h|full */
		fi;
		if
		:: !ok -> notGot()
		:: d_step { ok && head[r] == h -> claimHead() }         /* r.head.CompareAndSwap */
			release();
			s = OK
		:: ok && head[r] != h -> s = Busy
		fi
	:: stamp[SLOT(r, i)] % RUN != FILLED(h) ->
		if
		:: d_step {                                             /* s.stamp.Load() */
			h & CLOSED && !(h & GATE) && stamp[SLOT(r, i)] % RUN == (POSITION(h) | FULL) ->
			rest = stamp[SLOT(r, i)] / RUN; ok = true }
			if
			:: rest > 0 -> st = (NEXT(r, POSITION(h)) | FULL) + LESS(rest) * RUN; pass(head[r], h)
			:: rest == 0
			fi;
			if
			:: !ok -> notGot()
			:: d_step { ok && head[r] == h -> claimHead() } /* r.head.CompareAndSwap */
				d_step { s = OK; isLast(NEXT(r, POSITION(h))) }
				release()
			:: ok && head[r] != h -> s = Busy
			fi
		:: h & CLOSED && (h & GATE || stamp[SLOT(r, i)] % RUN != (POSITION(h) | FULL)) ->
			notGot()
		:: !(h & CLOSED) -> notGot()
		fi
	fi;
	d_step { t = 0; h = 0; i = 0; was = 0; rest = 0; before = 0; ok = false }
}

/* Unless h has the flag gate NotGot reads the word again. */
inline notGot() {
	if
	:: h & GATE
	:: d_step { !(h & GATE) -> h = head[r] }                        /* h := r.head.Load() */
	fi;
	d_step { noItem() }
}

inline isLast(after) {                                                   /* r.tail.Load() */
	s = (POSITION(tail[r]) == after -> Last : OK);
#ifdef BUG_LAST_IS_OK
	s = OK;
#endif
	assert(s == OK || (isClosed && empty(items) && DRAINED_IS_TRUE));
	isDrained = isDrained || s == Last
}

inline claimHead() {
	head[r] = NEXT(r, h);
	assert(MAY_GET); LEAVES; bounded(); own(); deliver()
}

inline take() {                    /* v, s.val = s.val, v */
	mine();
	v = val[SLOT(r, i)]; val[SLOT(r, i)] = 0;
	assert(v == due[SLOT(r, i)]); due[SLOT(r, i)] = 0
}

inline release() {
	d_step { take() }                                               /* v, s.val = s.val, v */
	d_step {                                                        /* s.stamp.Store(p + r.lap) */
		untouched(POSITION(h) | FULL);
		disown(); stamp[SLOT(r, i)] = W(POSITION(h) + LAP(r)) }
}

inline TryGetBatch(k) {            /* up to k from ring r: n, and v the last of them */
	d_step { h = head[r]; most = MOST(k) }                          /* h := r.head.Load() */
	if
	:: !(h & GATE) -> walk(POSITION(h), FULL)
	:: h & GATE
	fi;
	if
	:: n == 0 -> notGot()
	:: n > 0 ->
		ok = true;
		if
		:: n > most -> st = (PLUS(r, POSITION(h), most) | FULL) + LESS(n - most) * RUN; n = most; pass(head[r], h)
		:: n <= most
		fi;
		if
		:: !ok -> s = Busy; n = 0
		:: d_step {
			ok && head[r] == h ->                           /* r.head.CompareAndSwap */
			head[r] = PLUS(r, h, n);
			bounded(); p = h;
			do
			:: j < n -> i = INDEX(r, h); assert(MAY_GET); LEAVES; own(); deliver(); j++; h = NEXT(r, h)
			:: else -> break
			od;
			h = p; p = 0; j = 0 }
#ifdef BUG_BATCH_RELEASES_FIRST
			releaseRun();
#endif
			do
			:: d_step { j < n -> i = INDEX(r, PLUS(r, POSITION(h), j)); take(); KEPT; j++ }
			:: j == n -> break
			od;
#ifndef BUG_BATCH_RELEASES_FIRST
			releaseRun();
#endif
			atomic {
				s = OK;
				if
				:: h & CLOSED -> isLast(PLUS(r, POSITION(h), n))
				:: else
				fi
			}
		:: ok && head[r] != h -> s = Busy; n = 0
		fi
	fi;
	d_step { t = 0; h = 0; i = 0; j = 0; was = 0; most = 0; ok = false }
}

inline releaseRun() {
	d_step {                                                        /* s.stamp.Store(p + r.lap | run) */
		j = 0;
		do
		:: j < n -> i = INDEX(r, PLUS(r, POSITION(h), j)); disown(); j++
		:: else -> break
		od;
		i = INDEX(r, h);
		untouched(POSITION(h) | FULL);
		stamp[SLOT(r, i)] = W(POSITION(h) + LAP(r)) + LESS(n) * RUN;
		j = 0
	}
}

inline noItem() {
#ifndef BUG_DRAINED_TAIL_FIRST
	t = tail[r]; was = WAS_EMPTY;                                   /* t := r.tail.Load() */
#endif
	if
	:: h & GATE -> s = Gated                                        /* (without that load) */
#ifdef BUG_EMPTY_BY_STAMP
	:: !(h & GATE) && !(t & FLAGS) -> s = Empty; assert(was)
#else
	:: !(h & GATE) && POSITION(t) == POSITION(h) && !(t & (CLOSED | RETIRED)) ->
		s = Empty; assert(EMPTY_IS_TRUE)
#endif
	:: !(h & GATE) && POSITION(t) == POSITION(h) && t & RETIRED -> s = Retired
	:: !(h & GATE) && POSITION(t) == POSITION(h) && t & CLOSED ->
		s = Drained; assert(was && DRAINED_IS_TRUE); isDrained = true
	:: else -> s = Busy
	fi
}

inline Len() {                     /* of ring r, to n; x: ghost, how many items there were */
	do
	:: t = tail[r];                                                 /* t := r.tail.Load() */
	   d_step { h = head[r]; x = len(items) };                      /* h := r.head.Load() */
	   if
#ifdef BUG_LEN_LOOKS_ONCE
	   :: true -> break
#else
	   :: (tail[r] | GATE) == (t | GATE) -> break                   /* r.tail.Load() again */
#endif
	   :: else
	   fi
	od;
	atomic {
		n = DISTANCE(r, POSITION(h), POSITION(t));
#ifndef BUG_LEN_UNCLAMPED
		n = (n > CAP(r) -> CAP(r) : n);
#endif
		t = 0; h = 0
	}
}

inline DrainedNow() {              /* ok: ring r is drained, for good */
	h = POSITION(head[r]);                                          /* h := r.head.Load() */
	d_step {                                                        /* t := r.tail.Load() */
		ok = (tail[r] & CLOSED && POSITION(tail[r]) == h);
		assert(!ok || (isClosed && empty(items)));
		isDrained = isDrained || ok;
		h = 0
	}
}

/* ---- The functions that need the lock ---- */

inline ShutPut() {                 /* ok: the gate of tail is up */
	t = tail[r];                                                    /* t := r.tail.Load() */
	if
#ifdef BUG_SHUTPUT_REFUSES_THE_SECOND
	:: t & GATE -> ok = false
#else
	:: t & GATE -> ok = true
#endif
#ifdef BUG_SHUTPUT_IGNORES_CLOSED
	:: !(t & GATE) ->
#else
	:: !(t & GATE) && t & FLAGS -> ok = false
	:: !(t & FLAGS) ->
#endif
#ifdef BUG_SHUTPUT_IN_FLIGHT
		ok = (stamp[SLOT(r, INDEX(r, head[r]))] % RUN != (POSITION(head[r]) | FULL));
#else
		ok = (POSITION(head[r]) == POSITION(t));                /* r.head.Load() */
#endif
		if
		:: ok ->
			d_step {
#ifdef BUG_SHUTPUT_WITHOUT_CAS
				tail[r] = t | GATE
#else
				if
				:: tail[r] == t -> tail[r] = t | GATE   /* r.tail.CompareAndSwap */
				:: else -> ok = false
				fi
#endif
			}
		:: else
		fi
	fi;
	t = 0
}

inline ShutGet() {                 /* ok: the gate of head is up, and the ring open */
	t = tail[r];                                                    /* t := r.tail.Load() */
#ifdef BUG_SHUTGET_GATE_FIRST
	t = (head[r] & GATE -> t & (255 - CLOSED) : t);
#endif
	if
	:: t & CLOSED -> ok = false
	:: else ->
		h = head[r];                                            /* h := r.head.Load() */
		if
		:: h & GATE -> ok = true
		:: !(h & GATE) && W(h + LAP(r)) != t -> ok = false
		:: !(h & GATE) && W(h + LAP(r)) == t ->
			d_step {
#ifdef BUG_SHUTGET_WITHOUT_CAS
				head[r] = h | GATE; ok = true
#else
				ok = (head[r] == h);                    /* r.head.CompareAndSwap */
				head[r] = (ok -> h | GATE : head[r])
#endif
			}
		fi
	fi;
	d_step { t = 0; h = 0 }
}

inline lower(word) {               /* OpenPut: word is tail. OpenGet: word is head */
	t = word;                                                       /* old := w.Load() */
	if
	:: t & GATE -> word = t & (255 - GATE)                          /* w.Store(old &^ gate) */
	:: else
	fi;
	t = 0
}

inline HeadReady() {               /* ok: the item at head has been published */
	d_step { h = POSITION(head[r]); i = INDEX(r, h) }               /* r.head.Load() */
	d_step { ok = (stamp[SLOT(r, i)] % RUN == (h | FULL)); h = 0; i = 0 }   /* stamp.Load() */
}

/* Takes out the oldest item, to v, and puts x in. From here to the Store to head
 * the slot belongs to the holder of the lock. */
inline Swap(more) {
	d_step { h = head[r]; i = INDEX(r, h); own() }                  /* flagged := r.head.Load() */
	t = tail[r];                                                    /* r.tail.Load() */
	rest = stamp[SLOT(r, i)] / RUN;                                 /* s.stamp.Load() */
#ifndef BUG_SWAP_PASSES_NOTHING
	do
	:: rest > 0 ->                                                  /* against a slow one */
		st = (NEXT(r, POSITION(h)) | FULL) + LESS(rest) * RUN; pass(head[r], h);
		if
#ifdef BUG_SWAP_PASSES_ONCE
		:: true ->
#else
		:: !ok
		:: ok ->
#endif
			d_step {
				assert(stamp[SLOT(r, INDEX(r, NEXT(r, POSITION(h))))] == (NEXT(r, POSITION(h)) | FULL) + LESS(rest) * RUN);
				rest = 0 }
		fi
	:: rest == 0 -> break
	od;
#endif
	v = val[SLOT(r, i)];                                            /* oldest, s.val = s.val, v */
#ifndef BUG_SWAP_VALUE_LAST
	d_step { mine(); val[SLOT(r, i)] = x }
#endif
#ifdef BUG_SWAP_HEAD_FIRST
	storeHead(more);
#endif
	stamp[SLOT(r, i)] = W(POSITION(h) + LAP(r)) | FULL;             /* s.stamp.Store */
#ifdef BUG_SWAP_HEAD_BEFORE_TAIL
	storeHead(more);
#endif
	d_step { tail[r] = NEXT(r, POSITION(t)) | (t & FLAGS); bounded() }     /* r.tail.Store */
#if !defined(BUG_SWAP_HEAD_FIRST) && !defined(BUG_SWAP_HEAD_BEFORE_TAIL)
	storeHead(more);
#endif
#ifdef BUG_SWAP_VALUE_LAST
	d_step { mine(); val[SLOT(r, i)] = x }
#endif
	d_step { t = 0; h = 0; i = 0; x = 0; rest = 0; ok = false }
}

inline storeHead(more) {
	d_step {
		head[r] = NEXT(r, POSITION(h)) | (h & CLOSED) | (more -> GATE : 0);     /* r.head.Store(n) */
		disown();
		assert(items?[eval(v)]); items?eval(v);                 /* ghost: first the get takes effect, */
		accept(x)                                               /* then the waiting Put */
	}
}
