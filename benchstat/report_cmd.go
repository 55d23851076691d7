package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"path/filepath"

	"github.com/parkring/queue/benchstat/internal/report"
)

const reportUsage = `usage: go -C benchstat run . report [flags] FILE...

Draws what benchmark files say, ours or any that "go test -bench" has written:

  report.html   everything in one page that needs nothing else: pictures, tables,
                ratios with intervals and verdicts
  tables.md     the tables in Markdown
  *.svg, *.png  the pictures

What there are no data for is left out. If no benchmark in the files has /impl= in
its name, the files are compared with each other.

flags:
`

// reportMain is the subcommand report. It returns the exit code.
func reportMain(args []string, stdout, stderr io.Writer) int {
	var o report.Options
	flags := flag.NewFlagSet("report", flag.ContinueOnError)
	flags.StringVar(&o.Dir, "o", "report", "write to `directory`")
	flags.StringVar(&o.Base, "base", "", "compare with `implementation` (default chan, or the first if there is none)")
	code, done := parseFlags(flags, reportUsage, args, func() error {
		if o.Files = flags.Args(); len(o.Files) == 0 {
			return errors.New("no files")
		}
		return nil
	}, stdout, stderr)
	if done {
		return code
	}
	written, err := report.Write(o)
	if err != nil {
		fmt.Fprintf(stderr, "benchstat: %v\n", err)
		return exitFailed
	}
	fmt.Fprintf(stdout, "%d files in %s; open %s\n", len(written), o.Dir, filepath.Join(o.Dir, report.Page))
	return exitOK
}
