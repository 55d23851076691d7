package peer

import (
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Every peer makes what it says, for each kind of item, and takes and gives them.
func TestPeers(t *testing.T) {
	for _, impl := range Impls {
		made := 0
		for _, elem := range []string{"8B", "64B", "256B", "ptr"} {
			for _, capacity := range []int{4, 0} {
				v, err := impl.Make(Config{Cap: capacity, Elem: elem, Producers: 1, Consumers: 1, Each: 10})
				if err != nil {
					require.ErrorIs(t, err, ErrNotSo)
					continue
				}
				made++
				q, ok := v.(Queue)
				if !ok || impl.Pseudo {
					continue
				}
				q.Puts(ID(0, 5), 4)
				ids := make([]uint64, 4)
				q.Gets(ids)
				require.Equal(t, []uint64{5, 6, 7, 8}, ids, "%s %s", impl.Name, elem)
				q.Pairs(ids)
				require.Equal(t, []uint64{0, 1, 2, 3}, ids)
				if q, ok := v.(Trier); ok {
					require.Zero(t, q.TryPuts(ID(0, 1), 3))
					require.Zero(t, q.TryGets(ids[:3]))
					require.Equal(t, []uint64{1, 2, 3}, ids[:3])
					require.Zero(t, q.PollGets(3))
				}
				if q, ok := v.(Canceller); ok {
					require.NoError(t, q.PutsCtx(t.Context(), ID(0, 2), 3))
					require.NoError(t, q.GetsCtx(t.Context(), ids[:3]))
					require.Equal(t, []uint64{2, 3, 4}, ids[:3])
				}
			}
		}
		require.Positive(t, made, impl.Name)
		require.NotEmpty(t, impl.About)
	}
	_, err := Find("nobody")
	require.Error(t, err)
	p, seq := Split(ID(7, 9))
	require.Equal(t, []int{7, 9}, []int{p, seq})
}

// The loops and the operations are put into the methods of the peers.
func TestLoopsAreInlined(t *testing.T) {
	out, err := exec.Command("go", "build", "-gcflags=-m", ".").CombinedOutput()
	require.NoError(t, err, "%s", out)
	for _, loop := range []string{"puts", "gets", "pairs", "tryPuts", "tryGets", "pollPuts", "pollGets", "putsCtx", "getsCtx", "putBatches[go.shape.uint64]", "getBatches[go.shape.uint64]"} {
		calls := 0
		for line := range strings.Lines(string(out)) {
			if strings.Contains(line, "loops_of.go") && strings.HasSuffix(line, "inlining call to "+loop+"\n") {
				calls++
			}
		}
		require.Positive(t, calls, loop)
	}
	for _, closure := range []string{"chanPeer[go.shape.uint64]).Puts.func1", "queuePeer[go.shape.uint64]).Pairs.func2", "queuePeer[go.shape.uint64]).PollGets.func1"} {
		require.Contains(t, string(out), "inlining call to (*"+closure, closure)
	}

	// And so is what a user would write; else its item would be made elsewhere.
	src, err := os.ReadFile("loops_of.go")
	require.NoError(t, err)
	for _, p := range []string{"queuePeer", "spscPeer", "chanPeer", "xsync3Peer", "xsyncPeer", "lfqPeer", "workivaPeer"} {
		before, _, found := strings.Cut(string(src), "func (p *"+p+"[T]) Puts(")
		require.True(t, found, p)
		line := strings.Count(before, "\n") + 1
		loop := strings.Split(string(out), "\n")
		loop = slices.DeleteFunc(loop, func(m string) bool {
			return !strings.Contains(m, fmt.Sprintf("loops_of.go:%d:", line)) && !strings.Contains(m, fmt.Sprintf("loops_of.go:%d:", line+1))
		})
		require.Contains(t, strings.Join(loop, "\n"), "inlining call to (*items[go.shape.uint64]).item", p)
	}
}
