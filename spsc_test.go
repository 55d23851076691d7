package queue_test

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/parkring/queue"
)

// The tests of a queue for one putter and one getter are those of every queue: see
// conformPair in queue_test.go, and the plans of linear_test.go. What follows is
// its own.

func TestSPSCNeedsACapacity(t *testing.T) {
	for _, capacity := range []int{0, -1} {
		require.PanicsWithValue(t, "queue: an SPSC needs a capacity of at least 1", func() { queue.NewSPSC[int](capacity) })
	}
}

// build builds a program of testdata, and returns where it is.
func build(t *testing.T, name string, args ...string) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), name)
	args = append([]string{"build", "-o", program}, args...)
	out, err := exec.Command("go", append(args, "./testdata/"+name)...).CombinedOutput()
	if err != nil && strings.Contains(string(out), "-race") {
		t.Skipf("no race detector here: %s", out)
	}
	require.NoError(t, err, "%s", out)
	return program
}

// Two putters, or two getters, are a data race, whether their calls overlap or not;
// unless something orders them.
func TestRaceDetectorReportsMisuseOfAnSPSC(t *testing.T) {
	if testing.Short() {
		t.Skip("builds a program")
	}
	program := build(t, "twoputters", "-race")
	for how, race := range map[string]bool{"put": true, "get": true, "turns": false} {
		for _, procs := range []string{"1", "4"} {
			cmd := exec.Command(program, how)
			cmd.Env = append(cmd.Environ(), "GOMAXPROCS="+procs)
			out, err := cmd.CombinedOutput()
			require.Equal(t, race, strings.Contains(string(out), "WARNING: DATA RACE"), "%s: %s", how, out)
			require.Equal(t, race, err != nil, "%s: %s", how, out)
		}
	}
}

// Put and Get have the ring's halves inlined, which is worth a fifth of their time:
// if one call was left, its symbol would be in the program.
func TestHalvesAreInlined(t *testing.T) {
	if testing.Short() {
		t.Skip("builds a program")
	}
	out, err := exec.Command("go", "tool", "nm", build(t, "twoputters")).Output()
	require.NoError(t, err)
	for _, half := range []string{"Room", "Publish", "Oldest", "Release"} {
		require.NotContains(t, string(out), "lockfree.(*SPSC[go.shape.int])."+half)
	}
	require.Contains(t, string(out), "lockfree.(*SPSC[go.shape.int]).TryPut")
}
