package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/parkring/queue/benchstat/internal/workload"
)

// The program calls itself with these.
const (
	sampleCommand = "take-one-sample"
	hogCommand    = "use-a-processor"
)

const exitNotSo = 3 // of sampleCommand: an implementation cannot do that

// sampleMain takes one sample, in this process, and prints it.
func sampleMain(args []string, stdout, stderr io.Writer) int {
	var n int
	var d time.Duration
	flags := flag.NewFlagSet(sampleCommand, flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.IntVar(&n, "n", 0, "operations")
	flags.DurationVar(&d, "d", 0, "how long it should take")
	if flags.Parse(args) != nil {
		return exitUsage
	}
	c, err := workload.Parse(flags.Arg(0))
	var s workload.Sample
	if err == nil {
		if self, err := os.Executable(); err == nil {
			workload.HogCommand = []string{self, hogCommand}
		}
		s, err = workload.Measure(c, n, d)
	}
	switch {
	case errors.Is(err, workload.ErrNotSo):
		return exitNotSo
	case err != nil:
		fmt.Fprintln(stderr, err)
		return exitFailed
	}
	if err := json.NewEncoder(stdout).Encode(s); err != nil {
		fmt.Fprintln(stderr, err)
		return exitFailed
	}
	return exitOK
}

// patience is how long an implementation may take for a sample that should take d,
// until it is taken for hung: an item that got lost is waited for without end.
var patience = func(d time.Duration) time.Duration { return 10*time.Second + 100*d }

// takeSample takes a sample in a process of its own. An implementation that crashes
// or hangs is wrong.
func takeSample(ctx context.Context, c workload.Case, n int, d time.Duration, procs int) (s workload.Sample, err error) {
	self, err := os.Executable()
	if err != nil {
		return s, err
	}
	limited, cancel := context.WithTimeout(ctx, patience(d))
	defer cancel()
	cmd := exec.CommandContext(limited, self, sampleCommand, "-n", fmt.Sprint(n), "-d", d.String(), c.String())
	cmd.Env = append(os.Environ(), fmt.Sprintf("GOMAXPROCS=%d", procs))
	cmd.WaitDelay = time.Second
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err = cmd.Run()
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return s, ctx.Err()
	case limited.Err() != nil:
		return workload.Sample{N: 1, Wrong: 1, Why: fmt.Sprintf("still not ready after %v", patience(d))}, nil
	case errors.As(err, &exit) && exit.ExitCode() == exitNotSo:
		return s, workload.ErrNotSo
	case errors.As(err, &exit) && exit.ExitCode() == exitFailed:
		return s, fmt.Errorf("%v: %s", c, strings.TrimSpace(stderr.String()))
	case errors.As(err, &exit):
		first, _, _ := strings.Cut(strings.TrimSpace(stderr.String()), "\n")
		return workload.Sample{N: 1, Wrong: 1, Why: fmt.Sprintf("%v: %s", err, first)}, nil
	case err != nil:
		return s, err
	}
	if err := json.Unmarshal(stdout.Bytes(), &s); err != nil {
		return s, fmt.Errorf("%v: %w", c, err)
	}
	return s, nil
}
