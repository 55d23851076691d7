/*
 * solo.go, and lockfree/held.go.
 */
#define EARLY  0                         /* stage */
#define ON     1
#define SHARED 2                         /* over */

byte stage;                              /* core.stage */
chan held = [ROOM] of { byte };          /* Held's items: in the slots, which nobody else touches */

inline nobodyInside() {                  /* ghost: the slots are the holder's alone */
	d_step {
		i = 0;
		do
		:: i < N -> assert(owner[SLOT(0, i)] == 0 && val[SLOT(0, i)] == 0); i++
		:: else -> break
		od;
		i = 0
	}
}

inline Prepare() {                       /* ok: the stamps of all slots say that they are free */
	d_step { t = POSITION(tail[0]); n = 0; ok = true };             /* r.tail.Load() */
#ifndef BUG_HOLD_IN_FLIGHT
	do
	:: d_step {                                                     /* stamp.Load() */
		n < N && ok ->
		ok = (stamp[SLOT(0, INDEX(0, t))] == t);
		t = NEXT(0, t); n++ }
	:: n == N || !ok -> break
	od;
#endif
	t = 0; n = 0
}

inline beginSolo() {                     /* with the lock held, and the gate of tail up */
	if
	:: stage == EARLY ->
		Prepare();
		if
		:: ok ->
			stage = ON;                                     /* q.stage.Store(on) */
			d_step { head[0] = head[0] | GATE; begun++ };   /* Hold: raiseHead */
			nobodyInside()
		:: else
		fi;
		ok = false
	:: true
	fi
}

inline Release() {                       /* with the lock held */
	nobodyInside();
#ifdef BUG_RELEASE_OPENS_FIRST
	if
	:: len(getters) == 0 -> lower(tail[0])
	:: else
	fi;
#endif
	p = POSITION(tail[0]);
	do
	:: held?v ->
		i = INDEX(0, p);
		d_step { own(); val[SLOT(0, i)] = v };                  /* s.val = v */
		d_step { disown(); stamp[SLOT(0, i)] = p | FULL };      /* s.stamp.Store */
		p = NEXT(0, p)
	:: empty(held) -> break
	od;
	tail[0] = p | GATE;                                             /* r.tail.Store */
	d_step { i = 0; p = 0; v = 0 };
#ifdef BUG_RELEASE_LOWERS_ALL
	lower(tail[0]);
	lower(head[0])
#else
	if
	:: len(getters) == 0 -> lower(tail[0])                             /* OpenPut */
	:: else
	fi;
	if
	:: len(putters) == 0 -> lower(head[0])                             /* OpenGet */
	:: else
	fi
#endif
}

inline share() {
	if
	:: stage != SHARED ->                                           /* q.stage.Load() */
		lock();
		if
		:: stage == ON -> Release()
		:: else
		fi;
		stage = SHARED;                                         /* q.stage.Store(over) */
		unlock()
	:: stage == SHARED
	fi
}

/* The holder of the lock ends it: a call that would have to wait, or found the lock taken. */
inline endForAWhile() {
	lock();
	if
	:: stage == ON ->
		Release();
		stage = EARLY                                           /* endSolo(early), or resting */
	:: else
	fi;
	unlock()
}

/* s is Busy if the queue is not solo any more. */
inline soloPut() {
	lock();
	if
	:: stage != ON -> unlock(); s = Busy
	:: stage == ON && nempty(getters) ->
		d_step {
			getters?w;
			assert(empty(items) && empty(held) && item[w] == 0);    /* ghost: the Put takes effect, */
			item[w] = v; served++                                   /* then the Get */
		};
		unlock();
		Wake();
		s = OK
	:: stage == ON && empty(getters) && nfull(held) ->
		nobodyInside();
		d_step { held!v; accept(v) };
		unlock();
		s = OK
	:: stage == ON && empty(getters) && full(held) ->
		atomic { putters!_pid; item[_pid] = v; unlock() };
end_soloPut:	sleep(putters)
	fi
}

inline soloGet() {
	lock();
	if
	:: stage != ON -> unlock(); s = Busy
	:: stage == ON && nempty(held) ->
		nobodyInside();
		d_step { held?v; assert(items?[eval(v)]); items?eval(v) };
		if
		:: nempty(putters) ->
			d_step { putters?w; x = item[w]; item[w] = 0; served++; held!x; accept(x); x = 0 };
			unlock();
			Wake()
		:: empty(putters) -> unlock()
		fi;
		s = OK
	:: stage == ON && empty(held) ->
		atomic { getters!_pid; unlock() };
end_soloGet:	sleep(getters)
	fi
}
