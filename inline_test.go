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

// What a put and a get are made of is inlined, even in a package that imports nothing but
// what it uses: if one call was left, its symbol would be in the program.
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
			dir := t.TempDir()
			source, binary := filepath.Join(dir, "main.go"), filepath.Join(dir, "main")
			require.NoError(t, os.WriteFile(source, []byte(program), 0o666))
			out, err := exec.Command("go", "build", "-o", binary, source).CombinedOutput()
			require.NoError(t, err, "%s", out)
			out, err = exec.Command("go", "tool", "nm", binary).Output()
			require.NoError(t, err)
			symbols := string(out)
			require.True(t, strings.Contains(symbols, "]).ClaimPutElse"), "the names are right")
			for _, name := range []string{
				"]).PutSlot", "]).ClaimPutAt", "]).GetSlot", "]).ClaimGetAt", "]).Room", "]).Oldest",
				"sync/atomic.(*Uint64).Load", "sync/atomic.(*Uint64).Store", "sync/atomic.(*Uint64).CompareAndSwap",
			} {
				require.False(t, strings.Contains(symbols, name+"\n"), name)
			}
		})
	}
}
