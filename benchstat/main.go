// Command benchstat says which queue is faster on the machine it runs on, and
// whether that can be believed:
//
//	go -C benchstat run .
//
// It measures the queue of this module, Go channels and what else is in use for the
// same work, each in a process of its own, in turn, round after round; checks every
// item that went through; writes all measurements to a file in the format of Go
// benchmarks; and prints what each implementation takes, and the ratios, with
// confidence intervals and with verdicts that noise does not get. Samples are
// compared only within a round: a shared machine drifts, and a ratio within a round
// drifts much less.
//
// Package workload measures, package peer has the implementations, package stats
// the statistics, package report the pictures.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"

	"github.com/parkring/queue/benchstat/internal/workload"
)

// Exit codes.
const (
	exitOK          = 0
	exitFailed      = 1   // for gate: a regression, and nothing else
	exitUsage       = 2   // for gate: an error
	exitInterrupted = 130 // as a shell has it for SIGINT
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the program at once
	os.Exit(command(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

const usage = `usage: go -C benchstat run . [command] [flags] [files]

  run       measure and compare; the default
  compare   compare what is in files
  report    draw what is in files
  gate      measure and fail if the queue has become slower

"go -C benchstat run . command -h" explains a command.
`

// command is main with everything it touches as arguments.
func command(ctx context.Context, args []string, stdout, stderr io.Writer) (code int) {
	name, rest := "run", args
	if len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		name, rest = args[0], args[1:]
	}
	switch name {
	case "run":
		return runMain(ctx, rest, stdout, stderr)
	case "compare":
		return compareMain(rest, stdout, stderr)
	case "report":
		return reportMain(rest, stdout, stderr)
	case "gate":
		return gateMain(ctx, rest, stdout, stderr)
	case "help":
		fmt.Fprint(stdout, usage)
		return exitOK
	case sampleCommand: // not for people
		return sampleMain(rest, stdout, stderr)
	case hogCommand:
		workload.Hog(os.Stdin)
		return exitOK
	}
	fmt.Fprintf(stderr, "benchstat: no command %q\n%s", name, usage)
	return exitUsage
}

// parseFlags parses the flags of a command. If done is true there is nothing left to
// do, and code is the exit code.
func parseFlags(flags *flag.FlagSet, usage string, args []string, check func() error, stdout, stderr io.Writer) (code int, done bool) {
	flags.SetOutput(io.Discard)
	err := flags.Parse(args)
	if errors.Is(err, flag.ErrHelp) {
		fmt.Fprint(stdout, usage)
		flags.SetOutput(stdout)
		flags.PrintDefaults()
		return exitOK, true
	}
	if err == nil {
		err = check()
	}
	if err != nil {
		fmt.Fprintf(stderr, "benchstat: %v\nRun \"go -C benchstat run . %s -h\" for help.\n", err, flags.Name())
		return exitUsage, true
	}
	return exitOK, false
}
