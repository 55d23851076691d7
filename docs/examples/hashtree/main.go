// Command hashtree prints the SHA-256 digest of every regular file below a
// directory, in the format and with the escapes of sha256sum:
//
//	go run ./docs/examples/hashtree DIR
//
// It is a pipeline of three stages with two queues between them:
//
//	walk --paths--> hash (N workers) --digests--> print
//
// and shows what the package is for. The queues are bounded, so a fast stage
// waits for a slow one instead of piling up work. Closing passes through the
// pipeline: each stage closes the queue behind it when it has delivered all of
// its own, and the next one finishes what is there. Ctrl-C is nothing but an
// earlier end of the walk.
package main

import (
	"bufio"
	"context"
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/parkring/queue"
)

const usage = `usage: hashtree [-n workers] DIR

Prints the SHA-256 digest and the name of every regular file below DIR, sorted
by name within each directory, as sha256sum prints them. Symbolic links are not
followed, except for DIR itself. A file or directory that cannot be read is
reported, and the rest goes on.

Ctrl-C ends the walk; files that were found by then are still printed. A second
Ctrl-C ends the program.

Exit codes: 0 all files printed, 1 some could not be read, 2 wrong arguments,
130 interrupted.

`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	context.AfterFunc(ctx, stop) // the second Ctrl-C takes its ordinary course
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// run is main with all that it touches as arguments.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) (code int) {
	flags := flag.NewFlagSet("hashtree", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	workers := flags.Int("n", runtime.GOMAXPROCS(0), "number of `workers` that read files")
	err := flags.Parse(args)
	if errors.Is(err, flag.ErrHelp) {
		fmt.Fprint(stdout, usage)
		flags.SetOutput(stdout)
		flags.PrintDefaults()
		return 0
	}
	if err == nil {
		err = checkArgs(flags.Args(), *workers)
	}
	if err != nil {
		fmt.Fprintf(stderr, "hashtree: %v\nRun \"hashtree -h\" for help.\n", err)
		return 2
	}
	dir := flags.Arg(0)
	failed, err := hashTree(ctx, dir, *workers, stdout, stderr)
	switch {
	case err != nil: // nobody to print to
		fmt.Fprintf(stderr, "hashtree: %v\n", err)
		return 1
	case ctx.Err() != nil:
		return 130
	case failed > 0:
		return 1
	}
	return 0
}

func checkArgs(args []string, workers int) error {
	if len(args) != 1 {
		return errors.New("need exactly one directory")
	}
	if workers < 1 {
		return errors.New("need at least one worker")
	}
	info, err := os.Stat(args[0])
	if err == nil && !info.IsDir() {
		err = fmt.Errorf("%s: not a directory", args[0])
	}
	return err
}

// file is what goes through the pipeline.
type file struct {
	seq    int // place in the walk, and so in the output
	name   string
	digest [sha256.Size]byte
	size   int64
	err    error // why there is no digest
}

// window bounds how many files have been found and not yet printed, so that one
// large file does not make the printer collect all that come after it.
const window = 1024

// hashTree prints the digests of the files below dir, and returns how many could
// not be read.
func hashTree(ctx context.Context, dir string, workers int, stdout, stderr io.Writer) (failed int, err error) {
	paths := queue.New[file](4 * workers)
	digests := queue.New[file](4 * workers)
	tickets := queue.New[struct{}](window) // one for each file not yet printed: a semaphore

	walkCtx, cancel := context.WithCancel(ctx) // ends with Ctrl-C, or when nobody can print
	defer cancel()
	var walking, hashing sync.WaitGroup
	walking.Go(func() {
		walk(walkCtx, dir, tickets, paths, digests)
		paths.Close()
	})
	for range workers {
		hashing.Go(func() {
			// Not walkCtx: what has been found is finished, whatever happens.
			for f := range paths.All(context.Background()) {
				f.digest, f.size, f.err = hash(f.name)
				_ = digests.Put(context.Background(), f) // nobody closes it before we are done
			}
		})
	}
	go func() {
		walking.Wait() // it puts directories that it cannot read into digests
		hashing.Wait()
		digests.Close()
	}()

	p := newPrinter(stdout, stderr, tickets)
	for f := range digests.All(context.Background()) {
		if p.add(f) != nil {
			cancel() // and drain, so that everybody can finish
		}
	}
	return p.failed, p.end()
}

// walk puts the regular files below dir into paths, and what it cannot read into
// digests, until ctx is done.
func walk(ctx context.Context, dir string, tickets *queue.Queue[struct{}], paths, digests *queue.Queue[file]) {
	seq := 0
	prefix := strings.TrimSuffix(dir, "/") + "/" // names like those of find DIR
	_ = fs.WalkDir(os.DirFS(dir), ".", func(name string, entry fs.DirEntry, err error) error {
		to := paths
		switch {
		case err != nil:
			to = digests
		case !entry.Type().IsRegular():
			return nil
		}
		if ctx.Err() != nil || tickets.Put(ctx, struct{}{}) != nil {
			return fs.SkipAll
		}
		f := file{seq: seq, name: prefix + name, err: err}
		seq++
		return to.Put(context.Background(), f) // a ticket taken is a file delivered
	})
}

// hash returns the digest and the size of a file.
func hash(name string) (digest [sha256.Size]byte, size int64, err error) {
	f, err := os.Open(name)
	if err != nil {
		return digest, 0, err
	}
	defer f.Close()
	h := sha256.New()
	size, err = io.Copy(h, f)
	h.Sum(digest[:0])
	return digest, size, err
}

// printer prints files in the order of their walk.
type printer struct {
	out     *bufio.Writer
	errOut  io.Writer
	tickets *queue.Queue[struct{}] // to give back
	early   map[int]file           // those that have overtaken next
	next    int                    // the seq to print next
	err     error                  // of out

	files, failed int
	bytes         int64
	live          bool // there is a progress line
	shown         time.Time
}

func newPrinter(stdout, stderr io.Writer, tickets *queue.Queue[struct{}]) *printer {
	return &printer{
		out:     bufio.NewWriter(stdout),
		errOut:  stderr,
		tickets: tickets,
		early:   map[int]file{},
		// On a terminal the output itself shows the progress.
		live: isTerminal(stderr) && !isTerminal(stdout),
	}
}

// add prints f and those that waited for it, or keeps it for later.
func (p *printer) add(f file) error {
	p.early[f.seq] = f
	for f, ok := p.early[p.next]; ok; f, ok = p.early[p.next] {
		delete(p.early, p.next)
		p.next++
		p.print(f)
		_, _ = p.tickets.TryGet() // never empty: the walk put one for f
	}
	if p.live && time.Since(p.shown) > 100*time.Millisecond {
		p.shown = time.Now()
		fmt.Fprintf(p.errOut, "\r%d files, %d MB, %d not readable ", p.files, p.bytes>>20, p.failed)
	}
	return p.err
}

func (p *printer) print(f file) {
	if f.err != nil {
		p.failed++
		p.clear()
		err := f.err
		if pathErr := (*fs.PathError)(nil); errors.As(err, &pathErr) {
			err = pathErr.Err // it has a name too, in another form
		}
		fmt.Fprintf(p.errOut, "hashtree: %s: %v\n", f.name, err)
		return
	}
	p.files++
	p.bytes += f.size
	if p.err == nil {
		_, p.err = fmt.Fprintln(p.out, line(f))
	}
}

// clear takes the progress line off the terminal.
func (p *printer) clear() {
	if p.live {
		fmt.Fprintf(p.errOut, "\r%60s\r", "")
	}
}

// end writes what is left to write.
func (p *printer) end() error {
	p.clear()
	return errors.Join(p.err, p.out.Flush())
}

var escapes = strings.NewReplacer(`\`, `\\`, "\n", `\n`, "\r", `\r`)

// line returns the line that sha256sum prints for f.
func line(f file) string {
	name := escapes.Replace(f.name)
	if name != f.name {
		return fmt.Sprintf(`\%x  %s`, f.digest, name)
	}
	return fmt.Sprintf("%x  %s", f.digest, name)
}

// isTerminal reports whether w is a terminal, or at least a device that is not
// the null device.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	if err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return false
	}
	null, err := os.Stat(os.DevNull)
	return err != nil || !os.SameFile(info, null)
}
