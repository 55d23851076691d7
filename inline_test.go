package queue_test

import (
	"math/bits"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// symbols returns the names in a program, a line each, that go build makes of what args
// say.
func symbols(t *testing.T, args ...string) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "program")
	out, err := exec.Command("go", append([]string{"build", "-o", program}, args...)...).CombinedOutput()
	require.NoError(t, err, "%s", out)
	out, err = exec.Command("go", "tool", "nm", program).Output()
	require.NoError(t, err)
	return string(out)
}

// stall.At is inlined everywhere, and empty: if one call was left, its symbol would be
// in the program.
func TestImportersGetNothingOfThePoints(t *testing.T) {
	const at = "parkring/queue/internal/stall.At"
	require.False(t, strings.Contains(symbols(t, "./docs/examples/hashtree"), at))
	require.True(t, strings.Contains(symbols(t, "-tags", "queue_stall", "./docs/examples/hashtree"), at), "the name is right")
}

// What a put and a get are made of is inlined, even in a package that imports nothing but
// what it uses.
func TestImportersInlineTheFastPath(t *testing.T) {
	if bits.UintSize < 64 {
		t.Skip("an atomic operation of 64 bits is a call")
	}
	for name, program := range map[string]string{
		"queue": `package main

			import "github.com/parkring/queue"

			func main() {
				type item struct{ a, b int }
				q := queue.New[item](8)
				_ = q.Put(nil, item{})
				_, _ = q.Get(nil)
				_ = q.TryPut(item{})
				_, _ = q.TryGet()
				p := queue.NewSPSC[item](8)
				_ = p.Put(nil, item{})
				_, _ = p.Get(nil)
			}`,
		"lockfree": `package main

			import "github.com/parkring/queue/lockfree"

			func main() {
				var r lockfree.Ring[int]
				r.Init(8, 0)
				r.TryPut(1)
				r.TryGet()
				var s lockfree.SPSC[int]
				s.Init(8, 0)
				s.TryPut(1)
				s.TryGet()
			}`,
	} {
		t.Run(name, func(t *testing.T) {
			source := filepath.Join(t.TempDir(), "main.go")
			require.NoError(t, os.WriteFile(source, []byte(program), 0o666))
			all := symbols(t, source)
			require.True(t, strings.Contains(all, "]).ClaimPutElse"), "the names are right")
			for _, name := range []string{
				"]).PutSlot", "]).ClaimPutAt", "]).GetSlot", "]).ClaimGetAt", "]).Room", "]).Oldest",
				"sync/atomic.(*Uint64).Load", "sync/atomic.(*Uint64).Store", "sync/atomic.(*Uint64).CompareAndSwap",
			} {
				require.False(t, strings.Contains(all, name+"\n"), name)
			}
		})
	}
}
