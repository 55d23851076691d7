package queue

// Stats is a snapshot of a queue, for monitoring.
type Stats struct {
	Len, Cap    int    // as the methods of that name
	Puts        uint64 // items accepted since New
	Gets        uint64 // items that have left: delivered, pushed out by ForcePut, or taken out by CloseNow
	WaitingPuts int    // calls that wait for room; a Select once for each of its PutCases of this queue
	WaitingGets int    // calls that wait for an item; a Select once for each of its GetCases of this queue
	Closed      bool
}

// Stats returns a snapshot. It takes the lock of the slow path for as long as it
// takes to count the waiting calls; calls that find room, or an item, do not
// notice, unless the queue takes that lock for every call, as one of up to 16 items
// may. Waiting calls and Closed are from one instant; Puts, Gets and Len may be from
// different ones if others use the queue meanwhile, but Gets is never more than
// Puts. (In a bounded queue they begin again at 0 after 2^49 items at the earliest, some
// months at 50 million a second.) A queue whose Stats nobody asks for pays nothing for them.
func (q *Queue[T]) Stats() Stats {
	q.check()
	q.mu.Lock()
	defer q.unlock()
	s := Stats{
		Cap:         q.Cap(),
		WaitingPuts: q.putters.Len(),
		WaitingGets: q.getters.Len(),
		Closed:      q.Closed(),
	}
	if q.alone() {
		s.Len = q.solo.ring.Len()
		s.Gets = q.solo.left
		s.Puts = s.Gets + uint64(s.Len)
		return s
	}
	s.Len = q.buffer.Len()
	s.Gets = q.moved() // before Puts, lest it be more
	s.Puts = q.accepted()
	return s
}
