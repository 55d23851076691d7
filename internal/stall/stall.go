// Package stall gives a name to every step of the protocol, so that a test can
// stop a goroutine there: between the load of a word and the compare-and-swap
// that depends on it, between a claim and its publication, and so on.
//
// The points exist with the build tag queue_stall. Without it At is empty and
// inlined, and Enabled is a constant: nothing is left of them.
package stall

//go:generate go run golang.org/x/tools/cmd/stringer@v0.52.0 -type=Point .

// Point is a place where a goroutine can be stopped: just before the step that
// it names.
type Point uint8

const (
	// lockfree.Ring, and the slots of a Chain.
	PutStamp    Point = iota // TryPut: tail is loaded; before the Load of the stamp
	PutClaim                 // TryPut: before the CAS on tail
	PutWrite                 // TryPut, TryPutBatch: claimed; before the write of the items
	PutPublish               // TryPut, TryPutBatch: before the Store of the stamp
	PutFull                  // TryPut: not free; before the Load of head
	GetStamp                 // TryGet: head is loaded; before the Load of the stamp
	GetClaim                 // TryGet: before the CAS on head
	GetRead                  // TryGet, TryGetBatch: claimed; before the read of the items
	GetRelease               // TryGet, TryGetBatch: before the Store of the stamp
	GetEmpty                 // TryGet: not full; before the Load of tail
	LenHead                  // Len: tail is loaded; before the Load of head
	LenAgain                 // Len: before the second Load of tail
	DrainedTail              // Drained: head is loaded; before the Load of tail
	BatchWalk                // TryPutBatch, TryGetBatch: before the Load of a stamp
	BatchClaim               // TryPutBatch, TryGetBatch: before the CAS on tail or head
	PassWord                 // pass: the old stamp is loaded; before the Load of tail or head
	PassStamp                // pass: before the CAS on the stamp

	// The same, under the lock.
	ShutPutHead  // ShutPut: tail is loaded; before the Load of head
	ShutPutRaise // ShutPut: before the CAS on tail
	ShutGetHead  // ShutGet: tail is loaded; before the Load of head
	ShutGetRaise // ShutGet: before the CAS on head
	Lower        // OpenPut, OpenGet: before the Store
	SwapRead     // Swap: before the exchange of the items
	SwapStamp    // Swap: before the Store of the stamp
	SwapTail     // Swap: before the Store to tail
	SwapHead     // Swap: before the Store to head
	HoldStamp    // Prepare: before the Load of a slot's stamp
	ReleaseTail  // Release: the stamps are stored; before the Store to tail
	CloseFlag    // Close: before the Or on tail
	CloseHead    // Close: before the Or on head
	TakeRaise    // TakeAll: before the CAS on head
	TakeFlag     // TakeAll: before the Or on tail
	TakeHead     // TakeAll: before the Store to head

	// lockfree.Chain.
	ChainPut   // TryPut: last is loaded; before the attempt in that ring
	ChainNext  // TryPut: it was retired; before the CAS on last
	ChainGet   // TryGet: first is loaded; before the attempt in that ring
	ChainLeave // TryGet: it was retired and drained; before the CAS on first
	ChainTail  // Len, Closed, Drained: last is loaded; before the Load of its tail
	ChainHead  // Len, Drained: first is loaded; before the Load of its head

	// The same, under the lock.
	GrowLink   // grow: the new ring is made; before the Store to next
	GrowTail   // grow: before the Load of tail
	GrowRetire // grow: before the CAS on tail
	GrowLast   // grow: before the CAS on last

	// lockfree.SPSC.
	SPSCPutTail  // TryPut, TryPutBatch: no room as far as is known; before the Load of tail
	SPSCPutHead  // TryPut, TryPutBatch: before the Load of head
	SPSCPutWrite // TryPut, TryPutBatch: before the write of the items
	SPSCPutMove  // TryPut, TryPutBatch: before the CAS on tail
	SPSCPutClear // TryPut, TryPutBatch: the CAS was lost; before the slots are cleared
	SPSCGetTail  // TryGet, TryGetBatch: no item as far as is known; before the Load of tail
	SPSCGetRead  // TryGet, TryGetBatch: before the items are read, and their slots cleared
	SPSCGetMove  // TryGet, TryGetBatch: before the CAS on head
	SPSCGetFlags // TryGet, TryGetBatch: the CAS was lost, the items are put back; before the Load of head
	SPSCLast     // TryGet, TryGetBatch, of a closed ring: before the second Load of tail

	// parking and queue.
	MutexLock     // Mutex: before it is locked
	MutexUnlock   // Mutex: before it is unlocked
	WaiterSleep   // Waiter: listed, the lock released; before the sleep
	WaiterToSleep // Waiter: it has yielded; before the CAS on stage
	WaiterWake    // Waiter: unlisted, the lock released; before the wake-up
	WaiterSend    // Waiter: it sleeps; before the send
	ChoiceWin     // Choice, under the lock: before the CAS of who serves it
	ChoiceGiveUp  // Choice: before the CAS of the call that gives up
	FinishClose   // finish: before the close of Done's channel
	GiveBit       // Pool: a waiter is cleared; before the Or or And on given
	HeadStamp     // HeadReady: head is loaded; before the Load of the stamp, or of tail
	Backoff       // backoff: before the pause

	Points // how many there are
)
