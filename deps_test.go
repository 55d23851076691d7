package queue_test

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// What a user of the package builds is the standard library and this module,
// nothing else.
func TestPackagesImportTheStandardLibraryOnly(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", "-f", "{{if not .Standard}}{{.ImportPath}}{{end}}", ".", "./lockfree", "./parking").Output()
	require.NoError(t, err)
	deps := strings.Fields(string(out))
	require.Contains(t, deps, "github.com/parkring/queue/lockfree")
	for _, path := range deps {
		require.True(t, path == "github.com/parkring/queue" || strings.HasPrefix(path, "github.com/parkring/queue/"), "depends on %s", path)
	}
}

// Imports go one way: the queue uses lockfree and parking, which know nothing
// of each other, nor of it.
func TestImportsGoOneWay(t *testing.T) {
	for pkg, want := range map[string][]string{
		".":          {"internal/backoff", "internal/invariants", "internal/stall", "lockfree", "parking"},
		"./lockfree": {"internal/backoff", "internal/invariants", "internal/stall"},
		"./parking":  {"internal/backoff", "internal/stall"},
	} {
		out, err := exec.Command("go", "list", "-f", `{{join .Imports "\n"}}`, pkg).Output()
		require.NoError(t, err)
		var own []string
		for _, path := range strings.Fields(string(out)) {
			if name, ok := strings.CutPrefix(path, "github.com/parkring/queue/"); ok {
				own = append(own, name)
			}
		}
		require.Equal(t, want, own, pkg)
	}
}
