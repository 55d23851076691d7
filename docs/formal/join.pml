/*
 * join.go: TaskDone, tasksDone, endsJoins, wakeJoiners, Unfinished, Join, beside what moves
 * the numbers that they read.
 *
 * Of the queue that is just what they see: how many items have come in by tail
 * (Ring.Entered, Chain.Entered) and how many were handed over. A put takes either
 * way at any time, which is more than there is.
 *
 * -DPUTTERS= -DPUTS= -DGETTERS= as many get and call TaskDone, -DJOINERS=,
 * -DENDING= so many of these have a context that may end, -DFORCERS= -DCLOSENOWS=
 * -DOBSERVERS=, and -DEXTRA= how many call TaskDone although they have no item. -DEARLY=
 * how many call it for an item that is still in the queue; whoever gets that does not.
 * -DATONCE= as many items a put may bring at one instant, or one.
 */
#ifndef ATONCE
#define ATONCE 1
#endif
#ifndef PUTS
#define PUTS 1
#endif
#ifndef ENDING
#define ENDING 0
#endif
#ifndef FORCERS                          /* as many ForcePut one item each, into a queue that is full */
#define FORCERS 0
#endif
#ifndef CLOSENOWS
#define CLOSENOWS 0
#endif
#ifndef OBSERVERS                        /* as many call Unfinished: one is as good as more, it stores nothing */
#define OBSERVERS 0
#endif
#if OBSERVERS > 1
#error there is one was
#endif
#ifndef EXTRA
#define EXTRA 0
#endif
#ifndef EARLY
#define EARLY 0
#endif
#define RETURNING (PUTTERS + JOINERS + FORCERS + CLOSENOWS + OBSERVERS + EXTRA)

bool mu;                                 /* parking.Mutex */
byte entered, handed;                    /* Ring.Entered or Chain.Entered; core.handed */
byte done, joining;                      /* tasks.done, tasks.joining */
chan joiners = [JOINERS + 1] of { byte, byte };     /* tasks.joiners: whose, and joiner.accepted */
bool joined[JOINERS + 1];                  /* joiner.joined is closed */
bool closed;
byte inside, given;                      /* the items in the queue; those handed over, and not got yet */

#define ACCEPTED   (entered + handed)    /* ghost: at this instant */
#define UNFINISHED (ACCEPTED - done)
byte taken;                              /* ghost: items that are out, but not counted as done yet */
#define TRUE_UNFINISHED (UNFINISHED > taken -> UNFINISHED - taken : 0)
/* ghost: sets of calls, a bit for each Join */
byte waiting;                            /* they have begun to wait, and have not been woken */
byte seen;                               /* nothing was unfinished at an instant since they were called */
byte finished, panics;                   /* ghost: how many */
byte early;                              /* ghost: items that TaskDone has been called for before the Get */
byte clamped;                            /* ghost: how many items tasksDone has not counted */
short was;                               /* ghost: what TRUE_UNFINISHED was since the observer was called: a set */
#define ME       (1 << me)
#define NOBODY   0
#define NOTHING  128                     /* beside them: nothing is unfinished */
#define ALL      255
#define CALLED   d_step { seen = (UNFINISHED == 0 -> seen | ME : seen & (ALL - ME)) }
#define SEEN     (seen & ME)
#if OBSERVERS > 0
#define CHANGED  was = (was == 0 -> 0 : was | (1 << TRUE_UNFINISHED))
#else
#define CHANGED  skip
#endif

#define REGISTERS                                                              \
	byte d, a, n, h;                                                       \
	byte w;      /* the joiner that is woken */                            \
	byte m;      /* ghost: who must be woken */                            \
	bool ok

inline lock() { atomic { !mu -> mu = true } }

inline unlock() { mu = false }

/* accepted: to a. The ghosts look when it looks at the buffer: who begins to wait,
 * and whether to note in m who waits. */
inline loadAccepted(begins, note) {
	do
	:: h = handed;                                                  /* q.handed.Load() */
	   d_step {
		a = h + entered;                                        /* q.buffer.Entered() */
		waiting = waiting | begins;
		m = (waiting | (UNFINISHED == 0 -> NOTHING : 0)) & note
	   };
	   if
#ifdef BUG_ACCEPTED_LOADS_ONCE
	   :: h = 0; break
#else
	   :: d_step { handed == h -> h = 0 }; break                    /* q.handed.Load() */
	   :: d_step { handed != h -> h = 0; a = 0; m = 0 }
#endif
	   fi
	od
}

inline unfinished() {                    /* to n */
#ifdef BUG_UNFINISHED_DONE_LAST
	loadAccepted(NOBODY, NOBODY);
	atomic { n = a - done; a = 0 }
#else
	do
	:: d = done;                                                    /* q.tasks.done.Load() */
	   loadAccepted(NOBODY, NOBODY);
	   if
#ifdef BUG_UNFINISHED_LOADS_ONCE
	   :: d_step { n = a - d; d = 0; a = 0 }; break
#else
	   :: d_step { done == d -> assert(d <= a); n = a - d; d = 0; a = 0 }; break    /* q.tasks.done.Load() */
	   :: d_step { done != d -> d = 0; a = 0 }
#endif
	   fi
	od
#endif
}

inline Unfinished() {                    /* to n */
	lock();
	unfinished();
	unlock()
}

/* endsJoins and wakeJoiners. d items are done. If they are all, nothing was unfinished when
 * it looked at the buffer. Whoever waited then has to be woken. It is mine: the lock. */
inline wakeJoiners(mine) {
#ifdef BUG_WAKE_JOINING_FIRST
	n = joining;
#endif
	loadAccepted(NOBODY, ALL);
	if
	:: a != d -> m = NOBODY
	:: else ->
		d_step { assert(m & NOTHING); m = m & (ALL - NOTHING) };
#ifndef BUG_WAKE_JOINING_FIRST
		n = joining;                                            /* q.tasks.joining.Load() */
#endif
		if
		:: n == 0
		:: else ->
			if
			:: mine
			:: !mine -> lock()
			fi;
			do
			:: nempty(joiners) ->
				joiners?<w, a>;
				if
#ifdef BUG_WAKE_ALL
				:: true ->
#else
				:: a <= d ->
#endif
					d_step {                        /* close(joined), slices.Delete */
						joiners?w, a;
						joined[w] = true;
						waiting = waiting & (ALL - (1 << w))
					};
					joining--                       /* q.tasks.joining.Add(-1) */
				:: else -> break
				fi
			:: empty(joiners) -> break
			od;
			if
			:: mine
			:: !mine -> unlock()
			fi
		fi
	fi;
	d_step { assert((m & waiting) == NOBODY); a = 0; d = 0; n = 0; m = 0; w = 0 }
}

inline counted() {                       /* ghost: done has grown to d */
	d = done;
	assert(d <= ACCEPTED);
	seen = (UNFINISHED == 0 -> ALL : seen);
	CHANGED
}

inline TaskDone() {
	do
	::
#ifdef BUG_TASKDONE_ACCEPTED_FIRST
	   loadAccepted(NOBODY, NOBODY);
	   d = done;
#else
	   d = done;                                                    /* q.tasks.done.Load() */
	   loadAccepted(NOBODY, NOBODY);
#endif
	   if
#ifndef BUG_TASKDONE_DOES_NOT_CHECK
	   :: a == d -> assert(EXTRA + early > 0); panics++; a = 0; d = 0; break        /* panic */
	   :: a != d ->
#else
	   :: true ->
#endif
		d_step {                                                /* q.tasks.done.CompareAndSwap */
			ok = (done == d); a = 0; d = 0;
			if
			:: ok -> done++; counted()
			:: else
			fi
		}
		if
#ifdef BUG_TASKDONE_WAKES_NOBODY
		:: ok -> ok = false; d = 0; break
#else
		:: ok -> ok = false; wakeJoiners(false); break
#endif
		:: else
		fi
	   fi
	od
}

inline tasksDone(mu_is_mine) {           /* n of them */
	do
	::
#ifdef BUG_TASKSDONE_ACCEPTED_FIRST
	   loadAccepted(NOBODY, NOBODY);
	   d = done;
#else
	   d = done;                                                    /* q.tasks.done.Load() */
	   loadAccepted(NOBODY, NOBODY);
#endif
	   atomic {                                                     /* q.tasks.done.CompareAndSwap */
		ok = (done == d);
		if
		:: ok ->
#ifndef BUG_TASKSDONE_DOES_NOT_CLAMP
			assert(d <= a);
			if
			:: n > a - d -> clamped = clamped + n - (a - d); n = a - d
			:: else
			fi;
#endif
			done = done + n;
			a = 0;
			n = 0;
			taken = 0;
			counted()
		:: else -> a = 0; d = 0
		fi
	   };
	   if
	   :: ok -> ok = false; wakeJoiners(mu_is_mine); break
	   :: else
	   fi
	od
}

inline hand() {                          /* an open queue: the caller has looked */
#ifdef BUG_HANDED_AFTER_WAKE
	unlock();
	given = given + b;
	d_step { handed = handed + b; CHANGED }
#else
	d_step { handed = handed + b; CHANGED };                        /* q.handed.Store */
	unlock();
	given = given + b                                               /* w.Wake() */
#endif
}

inline Put() {                           /* not if it is closed */
#if ATONCE > 1
	if
	:: b = 1
	:: b = ATONCE
	fi;
#endif
	if
	:: closed
	:: d_step { !closed -> entered = entered + b; inside = inside + b; CHANGED }    /* r.tail.CompareAndSwap */
	:: atomic { !mu && !closed -> mu = true };                      /* there are Gets that wait */
		hand()
	fi
}

inline ForcePut() {
	if
	:: d_step { inside == 0 || closed -> n = 0 }                    /* as Put; that is above */
	:: atomic { !mu && inside > 0 && !closed -> mu = true; inside-- };      /* exchange */
		d_step { entered++; taken = 1; CHANGED };               /* Swap: r.tail.Store, */
		inside++;                                               /* then r.head.Store */
#ifdef BUG_FORCEPUT_COUNTS_LATE
		unlock();
		n = 1;
		tasksDone(false)
#else
#ifndef BUG_FORCEPUT_DOES_NOT_COUNT
		n = 1;
		tasksDone(true);
#endif
		unlock()
#endif
	fi
}

inline CloseNow() {
	lock();
	d_step { closed = true; n = inside; inside = 0; taken = n; CHANGED };   /* TakeAll: r.tail.Or */
#ifdef BUG_CLOSENOW_COUNTS_LATE
	unlock();
	tasksDone(false)
#else
#ifdef BUG_CLOSENOW_DOES_NOT_COUNT
	n = 0;
#else
	tasksDone(true);
#endif
	unlock()
#endif
}

inline Join() {                          /* ok: it has returned nil */
	Unfinished();
	if
	:: n == 0 -> ok = true
	:: n != 0 && ends -> ends = false                               /* ended(ctx) */
	:: n != 0 ->
		atomic { lock(); n = 0 };
#ifndef BUG_JOIN_COUNTS_ITSELF_LATE
		joining++;                                              /* q.tasks.joining.Add(1) */
#endif
#ifdef BUG_JOIN_NOTES_ACCEPTED_LATE
		waiting = waiting | ME;
#else
		loadAccepted(ME, NOBODY);
		atomic { x = a; a = 0 };
#endif
#ifdef BUG_JOIN_DOES_NOT_LOOK_AGAIN
		n = 1;
#else
		unfinished();
#endif
#ifdef BUG_JOIN_COUNTS_ITSELF_LATE
		joining++;
#endif
#ifdef BUG_JOIN_NOTES_ACCEPTED_LATE
		loadAccepted(NOBODY, NOBODY);
		atomic { x = a; a = 0 };
#endif
		if
		:: n == 0 ->
			waiting = waiting & (ALL - ME);
			d_step { x = 0; joining-- };                    /* q.tasks.joining.Add(-1) */
			d_step { unlock(); ok = true }
		:: else ->
			atomic { joiners!me, x; n = 0; unlock() };      /* append */
			if
			:: joined[me] -> ok = true                      /* <-j.joined */
			:: ends ->                                      /* <-done(ctx) */
				atomic {
					lock();
					if
					:: joiners??[eval(me), eval(x)] ->      /* slices.Index, slices.Delete */
						joiners??eval(me), eval(x);
						waiting = waiting & (ALL - ME)
					:: else -> ok = true
					fi
				}
				if
				:: !ok ->
#ifndef BUG_JOIN_ENDS_AND_COUNTS_ON
					joining--                       /* q.tasks.joining.Add(-1) */
#endif
				:: ok
				fi;
				unlock()
			fi
		fi
	fi
}

proctype Putter() {
	byte k, b = 1;     /* so many items it brings */
	do
	:: k < PUTS -> Put(); k++
	:: else -> break
	od;
	finished++
}

proctype Worker() {
	REGISTERS;
end:	do
	:: d_step { inside > 0 && early == 0 -> inside-- } TaskDone()   /* Get */
	:: d_step { given > 0 && early == 0 -> given-- } TaskDone()     /* Get, that has waited */
	:: d_step { inside > 0 && early > 0 -> inside--; early-- }
	:: d_step { given > 0 && early > 0 -> given--; early-- }
	od
}

proctype ExtraTaskDone() {
	REGISTERS;
	TaskDone();
	finished++
}

proctype EarlyTaskDone() {
	REGISTERS;
end:	d_step { inside + given > early -> early++ };
	TaskDone()
}

proctype Forcer() {
	REGISTERS;
	ForcePut();
	finished++
}

proctype CloserNow() {
	REGISTERS;
	CloseNow();
	finished++
}

proctype Joiner(byte me; bool ends) {
	REGISTERS;
	byte x;      /* joiner.accepted */
	if
	:: ends -> ends = false
	:: true
	fi;
	CALLED;
	Join();
	d_step { assert(!ok || SEEN); n = 0; x = 0; ok = false; finished++ }
}

proctype Observer() {
	REGISTERS;
	was = 1 << TRUE_UNFINISHED;
	Unfinished();
	atomic { assert(was & (1 << n)); was = 0; n = 0; finished++ }
}

#ifdef LIVENESS
ltl settles { <> (finished == RETURNING) }
#endif

init {
	byte i;
	atomic {
		do
		:: i < PUTTERS -> run Putter(); i++
		:: else -> break
		od;
		i = 0;
		do
		:: i < GETTERS -> run Worker(); i++
		:: else -> break
		od;
		i = 0;
		do
		:: i < JOINERS -> run Joiner(i, i < ENDING); i++
		:: else -> break
		od;
		i = 0;
		do
		:: i < OBSERVERS -> run Observer(); i++
		:: else -> break
		od;
		i = 0;
		do
		:: i < FORCERS -> run Forcer(); i++
		:: else -> break
		od;
		i = 0;
		do
		:: i < CLOSENOWS -> run CloserNow(); i++
		:: else -> break
		od;
		i = 0;
		do
		:: i < EXTRA -> run ExtraTaskDone(); i++
		:: else -> break
		od;
		i = 0;
		do
		:: i < EARLY -> run EarlyTaskDone(); i++
		:: else -> break
		od;
		i = 0
	}
	timeout;                                                        /* nobody can go on */
	assert(finished == RETURNING);
	assert(!mu && joining == 0 && empty(joiners) && waiting == NOBODY);
	assert(UNFINISHED == 0 || GETTERS == 0);
	assert(panics + clamped == EXTRA + early)
}
