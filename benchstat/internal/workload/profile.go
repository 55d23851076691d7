package workload

import (
	"fmt"
	"strings"

	"github.com/parkring/queue/benchstat/internal/peer"
)

// Profiles are what run measures, as lines of cells and of the implementations to
// measure in them. {a,b} stands for a and for b. An implementation that cannot do
// what a cell needs is left out of it.
var Profiles = map[string]string{
	// short takes less than two minutes for twelve rounds.
	"short": `
Throughput/shape={1x1,4x4,1x4,4x1}/cap={1,64,1024}/elem=8B/how=wait    queue chan xsync
Throughput/shape={1x1,4x4}/cap=64/elem=8B/how=wait                     mutex
Throughput/shape=1x1/cap={1,64,1024}/elem=8B/how=wait                  queue-spsc
Throughput/shape=64x64/cap=64/elem=8B/how=wait                         queue chan mutex xsync
Throughput/shape={1x1,4x4}/cap=none/elem=8B/how=wait                   queue chan mutex xsync lscq chanx
Throughput/shape=4x4/cap=1024/elem=8B/how=wait                         xsync3 lfq workiva faa nop
Throughput/shape={1x1,4x4}/cap={1,64,1024}/elem=8B/how=ctx             queue chan
Throughput/shape=4x4/cap=64/elem=8B/how=try                            queue chan xsync
Throughput/shape=1x1/cap=64/elem={64B,256B,ptr}/how=wait               queue chan
Pair/cap={1,64}/elem=8B/how=wait                                       queue chan mutex xsync
Pair/cap=64/elem=8B/how=ctx                                            queue chan
Work/put=100/get=1000/shape=1x8/cap={1,8,64}                           queue chan xsync
Work/put=1000/get=1000/shape=4x4/cap={1,8,64}                          queue chan xsync
Random/g=4/cap=1024                                                    queue chan mutex xsync nop
Mixed/g=4/cap=1024                                                     queue chan xsync
EmptyPoll/g=1/cap=64                                                   queue chan mutex xsync
FullPoll/g=1/cap=64                                                    queue chan mutex xsync
Burst/n=100/cap=64                                                     queue chan xsync
Chain/queues=4/cap=64                                                  queue chan xsync
Batch/shape=1x1/k=64/cap=1024                                          queue queue-spsc chan disruptor
Select/queues=3/cap=64                                                 queue chan
Cancel/cap=64                                                          queue chan
Goroutines/shape=500x500/cap=64                                        queue chan
Handover/state={warm,cold}/cap=8                                       queue queue-spsc chan mutex xsync
OpenLoop/rate=10000/cap=1024                                           queue chan xsync
Stalled/shape=4x4/cap=64                                               queue chan xsync
Stalled/by=goroutines/shape=4x4/cap=64                                 queue chan
Footprint/of=queue/cap={64,none}                                       queue chan
Footprint/of=waiter/cap=64                                             queue chan mutex
Footprint/of=item/cap=1024                                             queue chan xsync
Idle/of=empty/waiters=8/cap=64                                         queue chan mutex xsync
Idle/of=full/waiters=8/cap=64                                          queue chan xsync
`,
	// full takes hours; use -cells to measure a part of it.
	"full": `
Throughput/shape={1x1,2x2,4x4,8x8,1x8,8x1,100x100}/cap={1,2,4,8,16,64,512,1024,none}/elem=8B/how={wait,try,ctx}  all
Throughput/shape={1x2,1x3,3x2}/cap={1,2,4,8,16,64}/elem=8B/how=wait                                    all
Throughput/shape={1x1,4x4}/cap={1,64,1024,none}/elem={64B,256B,ptr}/how={wait,try,ctx}                  all
Pair/cap={1,8,64,512,1024,none}/elem={8B,64B,256B,ptr}/how={wait,ctx}                                  all
Work/put={100,1000}/get={100,1000}/shape={1x1,2x2,4x4,1x8,8x1}/cap={1,4,8,16,64,1024}                    all
Random/g={1,2,4,8,64}/cap={64,1024,none}                                                               all
Mixed/g={1,2,4,8,64}/cap={64,1024}                                                                     all
EmptyPoll/g={1,4}/cap={64,none}                                                                        all
FullPoll/g={1,4}/cap=64                                                                                all
Burst/n=100/cap={8,64,1024,none}                                                                       all
Chain/queues=4/cap={1,8,64,1024,none}                                                                  all
Batch/shape={1x1,4x1,4x4}/k={1,8,64,512}/cap={1024,none}                                               all
Select/queues=3/cap={1,64,1024,none}                                                                   all
Cancel/cap={64,none}                                                                                   all
Goroutines/shape=500x500/cap={1,64,1024,none}                                                          all
Handover/state={warm,cold}/cap={1,8,none}                                                              all
OpenLoop/rate={1000,10000,100000,1000000}/cap={1024,none}                                              all
Stalled/shape={1x1,4x4}/cap={1,64,1024,none}                                                           all
Stalled/by=goroutines/shape={1x1,4x4}/cap={1,8,64,1024,none}                                           all
Footprint/of=queue/cap={1,8,64,512,1024,none}                                                          all
Footprint/of=waiter/cap={64,none}                                                                      all
Footprint/of=item/cap={1024,none}                                                                      all
Idle/of=empty/waiters={1,8,64}/cap={64,none}                                                           all
Idle/of=full/waiters={1,8,64}/cap=64                                                                   all
`,
	// gate is what the gate measures: what has been worth a change of the code.
	"gate": `
Throughput/shape={1x1,4x4}/cap={1,64,1024}/elem=8B/how=wait            queue chan
Throughput/shape={1x1,4x4}/cap={64,1024}/elem=8B/how=ctx               queue chan
Throughput/shape={1x1,4x4}/cap=none/elem=8B/how=wait                   queue chan
Pair/cap={1,64,none}/elem=8B/how=wait                                  queue chan
EmptyPoll/g=1/cap=64                                                   queue chan
FullPoll/g=1/cap=64                                                    queue chan
Batch/shape=1x1/k=64/cap=1024                                          queue chan
`,
}

// Cases expands a profile. The cases of a cell stand together.
func Cases(profile string) ([]Case, error) {
	var cells []string
	impls := map[string][]string{}
	for line := range strings.Lines(profile) {
		fields := strings.Fields(line)
		if len(fields) == 0 {
			continue
		}
		who := fields[1:]
		if len(who) == 1 && who[0] == "all" {
			who = nil
			for _, i := range peer.Impls {
				if i.Name != "queue-slow" {
					who = append(who, i.Name)
				}
			}
		}
		for _, cell := range expand(fields[0]) {
			if impls[cell] == nil {
				cells = append(cells, cell)
			}
			impls[cell] = append(impls[cell], who...)
		}
	}
	var all []Case
	for _, cell := range cells {
		for _, impl := range impls[cell] {
			c, err := Parse(cell + "/impl=" + impl)
			if err != nil {
				return nil, err
			}
			if _, ok := workloads[c.Workload]; !ok {
				return nil, fmt.Errorf("no workload %q", c.Workload)
			}
			all = append(all, c)
		}
	}
	return all, nil
}

// expand returns s with each of its {a,b} replaced by a and by b.
func expand(s string) []string {
	before, rest, ok := strings.Cut(s, "{")
	if !ok {
		return []string{s}
	}
	choices, after, _ := strings.Cut(rest, "}")
	var all []string
	for choice := range strings.SplitSeq(choices, ",") {
		for _, tail := range expand(after) {
			all = append(all, before+choice+tail)
		}
	}
	return all
}
