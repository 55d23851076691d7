// Soak runs rounds of the stress tests on queues of all kinds for as long as one
// likes:
//
//	go run ./internal/soak -for 10m
//
// Each round draws its queue and what happens on it from a seed: capacity,
// producers, consumers, the moment of Close, how soon contexts end, whether
// calls wait, pauses, GOMAXPROCS. After the round its accounts are settled (see
// package stress) and its goroutines must be gone. Build it with -race, or with
// -tags queue_invariants, to have more checked.
//
// Progress goes to standard error. The exit code is 0 if nothing was wrong, 1
// if a round failed or hung, and 2 if the flags make no sense. An interrupt ends
// the soak after the round under way.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"os"
	"os/signal"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/parkring/queue"
	"github.com/parkring/queue/internal/stress"
)

func main() { os.Exit(soak(os.Args[1:], os.Stderr)) }

// soak is the command with these arguments, reporting to out. It returns the
// exit code.
func soak(args []string, out io.Writer) int {
	flags := flag.NewFlagSet("soak", flag.ContinueOnError)
	flags.SetOutput(out)
	var (
		length = flags.Duration("for", 10*time.Minute, "how long")
		rounds = flags.Int("rounds", 0, "how many rounds at most; 0: as many as there is time for")
		seed   = flags.Uint64("seed", 0, "seed of the first round, that of each next is one more; 0: any")
		hang   = flags.Duration("hang", 2*time.Minute, "a round that takes this long hangs")
		every  = flags.Duration("every", 10*time.Second, "how often to report progress")
	)
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return 0
		}
		return 2
	}
	for _, bad := range []struct {
		is   bool
		what string
	}{
		{flags.NArg() > 0, fmt.Sprintf("unexpected argument %q", flags.Arg(0))},
		{*length <= 0, "-for must be above 0"},
		{*rounds < 0, "-rounds must not be below 0"},
		{*hang <= 0, "-hang must be above 0"},
		{*every <= 0, "-every must be above 0"},
	} {
		if bad.is {
			fmt.Fprintln(out, bad.what)
			flags.Usage()
			return 2
		}
	}
	for *seed == 0 {
		*seed = rand.Uint64() >> 32 // short enough to be typed
	}

	var reporting sync.WaitGroup
	defer reporting.Wait()
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt)
	defer cancel()
	context.AfterFunc(ctx, cancel) // so that a second interrupt ends the program
	ctx, cancelTimer := context.WithTimeout(ctx, *length)
	defer cancelTimer()

	log := log.New(out, "soak: ", 0)
	log.Printf("for %v, seed %d, %d processors, %s %s/%s", *length, *seed, runtime.NumCPU(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
	s := &score{start: time.Now()}
	reporting.Go(func() { s.report(ctx, log, *every) })
	for n := 0; ctx.Err() == nil && (*rounds == 0 || n < *rounds); n++ {
		if err := s.round(*seed+uint64(n), *hang); err != nil {
			log.Printf("FAILED %v", s)
			log.Println(err)
			log.Printf("to run this round again: go run ./internal/soak -rounds 1 -seed %d", *seed+uint64(n))
			return 1
		}
	}
	log.Printf("OK %v", s)
	return 0
}

// score is what has been done so far.
type score struct {
	start                              time.Time
	rounds, delivered, gaveUp, refused atomic.Int64
}

func (s *score) String() string {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return fmt.Sprintf("%v: %d rounds, %d items, %d calls gave up, %d found full or empty; %d goroutines, heap %.1f MiB",
		time.Since(s.start).Round(time.Second), s.rounds.Load(), s.delivered.Load(), s.gaveUp.Load(), s.refused.Load(),
		runtime.NumGoroutine(), float64(m.HeapAlloc)/(1<<20))
}

// report prints s every so often until ctx ends.
func (s *score) report(ctx context.Context, log *log.Logger, every time.Duration) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			log.Println(s)
		case <-ctx.Done():
			return
		}
	}
}

// round runs the round of this seed.
func (s *score) round(seed uint64, hang time.Duration) error {
	capacity, procs, r := draw(seed)
	name := fmt.Sprintf("round of seed %d: capacity %d, GOMAXPROCS %d, %+v", seed, capacity, procs, r)
	defer stress.Watch(name, hang)()
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(procs))
	before := runtime.NumGoroutine()
	tally, err := r.Run(queue.New[stress.Item](capacity))
	s.rounds.Add(1)
	s.delivered.Add(int64(tally.Delivered))
	s.gaveUp.Add(int64(tally.GaveUp))
	s.refused.Add(int64(tally.Refused))
	if err != nil {
		return fmt.Errorf("%s\n%w", name, err)
	}
	// Goroutines that have reported may still be about to end, as may those of
	// timers. If any stays, this round hangs.
	for runtime.NumGoroutine() > before {
		time.Sleep(time.Millisecond)
	}
	return nil
}

// draw returns the queue's capacity, GOMAXPROCS and the round of a seed.
func draw(seed uint64) (capacity, procs int, r stress.Round) {
	rng := rand.New(rand.NewPCG(seed, 0))
	capacity = pick(rng, 0, 0, 1, 1, 2, 3, 7, 64, 1000, 1+rng.IntN(5000))
	procs = pick(rng, 1, 2, 4, 8)
	r = stress.Round{
		Seed:      seed,
		Producers: pick(rng, 1, 1, 2, 3, 8, 32, 200),
		Consumers: pick(rng, 1, 1, 2, 3, 8, 32, 200),
		Observers: pick(rng, 0, 0, 0, 1, 2),
		Items:     pick(rng, 1000, 10_000, 100_000),
		Timeout:   pick(rng, 0, 20*time.Microsecond, 200*time.Microsecond, 5*time.Millisecond),
		Try:       rng.IntN(3) == 0,
	}
	if rng.IntN(4) == 0 {
		r.Items = min(r.Items, 10_000) // because it takes time
		r.Pause = pick(rng, 10*time.Microsecond, time.Millisecond)
	}
	r.CloseAt = r.Items
	if rng.IntN(2) == 0 {
		r.CloseAt = rng.IntN(r.Items)
	}
	return capacity, procs, r
}

func pick[T any](rng *rand.Rand, from ...T) T { return from[rng.IntN(len(from))] }
