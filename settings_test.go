package queue_test

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestStressUnderSettings runs TestStress in processes of its own, with the
// runtime set to be of as little help as it can be.
func TestStressUnderSettings(t *testing.T) {
	if testing.Short() {
		t.Skip("takes some seconds")
	}
	for name, env := range map[string][]string{
		"collecting all the time":       {"GOMAXPROCS=2", "GOGC=1"},
		"stopping the world to collect": {"GOMAXPROCS=2", "GOGC=1", "GODEBUG=gcstoptheworld=1"},
		"starved":                       {fmt.Sprintf("GOMAXPROCS=%d", 4*runtime.NumCPU())},
	} {
		t.Run(name, func(t *testing.T) {
			args := []string{"-test.run=^TestStress$", "-test.v", "-test.timeout=2m"}
			if underRace() { // which is ten times slower
				args = append(args, "-test.short")
			}
			cmd := exec.Command(os.Args[0], args...)
			cmd.Env = append(os.Environ(), env...)
			out, err := cmd.CombinedOutput()
			require.NoError(t, err, "%v %v\n%s", env, args, out)
			require.Greater(t, strings.Count(string(out), "--- PASS: TestStress/"), 100, "it has not been run:\n%s", out)
		})
	}
}
