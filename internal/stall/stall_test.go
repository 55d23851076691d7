package stall_test

import (
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// symbols returns the names in a program that uses the queue.
func symbols(t *testing.T, tags string) string {
	program := filepath.Join(t.TempDir(), "program")
	out, err := exec.Command("go", "build", "-tags", tags, "-o", program, "../../docs/examples/hashtree").CombinedOutput()
	require.NoError(t, err, "%s", out)
	out, err = exec.Command("go", "tool", "nm", program).Output()
	require.NoError(t, err)
	return string(out)
}

// At is inlined everywhere, and empty: if one call was left, its symbol would be
// in the program.
func TestNothingIsLeftOfThePoints(t *testing.T) {
	const at = "parkring/queue/internal/stall.At"
	require.NotContains(t, symbols(t, ""), at)
	require.Contains(t, symbols(t, "queue_stall"), at) // the name is right
}
