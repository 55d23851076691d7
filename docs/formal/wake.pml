/*
 * parking: Waiter.Yielded, Choice.Sleep and Waiter.Wake of one waiter, which one call after the
 * other uses; and as much of core.go as decides who may call them. Some of the calls
 * yield before they sleep.
 *
 * -DCALLS= so many calls in a row, -DSERVERS= so many that may serve any of them, and
 * -DENDING= so many of the calls have a context that may end.
 */
#ifndef ENDING
#define ENDING 0
#endif

mtype = { Awake, Asleep, Woken };

bool mu;                                 /* parking.Mutex */
bool listed;                             /* Waiter.fate: listed or not */
bool yields;                             /* Waiter.Yields */
mtype stage;                             /* Choice.stage, within one turn of the waiter */
byte wake;                               /* how many are in the channel Choice.wake */

byte call;                               /* ghost: which call has the waiter */
bool served;                             /* ghost: it has been served */
byte waking;                             /* ghost: servers that touch the waiter still */

inline lock() { atomic { !mu -> mu = true } }
inline unlock() { mu = false }

active proctype calls() {
	bool woke, mine;
	do
	:: call == CALLS -> break
	:: else ->
		lock();
		assert(wake == 0 && waking == 0);       /* nothing is left of the call before */
		d_step { stage = Awake; served = false; listed = true };        /* Take, Yields, Push */
		if
		:: yields = true
		:: yields = false
		fi;
		unlock();

		woke = false;
		if
		:: yields ->                            /* Yielded */
			if
			:: stage == Woken -> woke = true        /* w.own.stage.Load() */
			:: stage != Woken ->
#ifdef BUG_SLEEP_BY_STORE
				stage = Asleep
#else
				atomic {                        /* w.own.stage.CompareAndSwap(awake, asleep) */
					if
					:: stage == Awake -> stage = Asleep
					:: else -> woke = true
					fi
				}
#endif
			fi
		:: else
		fi;
		if
		:: woke
		:: else ->                              /* Sleep */
			if
			:: atomic { wake > 0 -> wake-- }        /* <-c.wake */
			:: call < ENDING ->                     /* <-done; cancel */
				lock();
				mine = listed; listed = false;
				unlock();
				if
				:: mine
				:: else -> atomic { wake > 0 -> wake-- }        /* w.Sleep(nil) */
				fi;
				assert(mine != served)
			fi
		fi;
		assert(!woke || served);
		d_step { call++; mine = false }
	od
}

active [SERVERS] proctype server() {
	bool mine, send;
	byte whose;
	do
	:: call == CALLS -> break
	:: listed ->
		lock();
		d_step { mine = listed; listed = false; whose = call }; /* List.Pop */
		if
		:: mine -> d_step { served = true; waking++ }
		:: else
		fi;
		unlock();
		if
		:: mine ->                              /* Wake */
			send = true;
			assert(whose == call);          /* w.Yields, w.choice */
			if
			:: yields ->
#ifdef BUG_WAKE_LOADS
				send = (stage != Awake);
				d_step { stage = Woken; waking = (send -> waking : waking - 1) }
#else
				d_step {                /* c.stage.Swap(woken) */
#ifdef BUG_WAKE_ALWAYS_SENDS
					send = true;
#else
					send = (stage != Awake);
#endif
					stage = Woken;
					waking = (send -> waking : waking - 1)  /* ghost: it may be its call's again */
				}
#endif
			:: else
			fi;
			if
			:: send ->
				d_step {
					assert(whose == call && wake == 0);
					wake++;                 /* c.wake <- struct{}{} */
					waking--
				}
			:: else
			fi
		:: else
		fi
	od
}

/* Nobody waits for a Wake that has been, or that nobody owes. */
active proctype end() { timeout; assert(call == CALLS) }
