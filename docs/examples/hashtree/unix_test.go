//go:build unix

package main

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func build(t *testing.T) (program string) {
	t.Helper()
	program = filepath.Join(t.TempDir(), "hashtree")
	out, err := exec.Command("go", "build", "-o", program, ".").CombinedOutput()
	require.NoError(t, err, "%s", out)
	return program
}

// Everybody may read everything as root, so the program runs as nobody then.
func TestUnreadableFilesAreReportedAndTheRestGoesOn(t *testing.T) {
	dir, err := os.MkdirTemp("", "hashtree")
	require.NoError(t, err)
	t.Cleanup(func() {
		_ = os.Chmod(filepath.Join(dir, "closed"), 0o755)
		_ = os.RemoveAll(dir)
	})
	require.NoError(t, os.Chmod(dir, 0o755))
	for _, name := range []string{"a", "secret", "z"} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(name), 0o644))
	}
	require.NoError(t, os.Mkdir(filepath.Join(dir, "closed"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "closed", "inside"), nil, 0o644))
	require.NoError(t, os.Chmod(filepath.Join(dir, "secret"), 0))
	require.NoError(t, os.Chmod(filepath.Join(dir, "closed"), 0))
	program := filepath.Join(dir, "..", filepath.Base(dir)+".program")
	out, err := exec.Command("go", "build", "-o", program, ".").CombinedOutput()
	require.NoError(t, err, "%s", out)
	t.Cleanup(func() { _ = os.Remove(program) })

	cmd := exec.Command(program, dir)
	if os.Getuid() == 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	}
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err = cmd.Run()
	var exit *exec.ExitError
	require.ErrorAs(t, err, &exit)
	require.Equal(t, 1, exit.ExitCode())
	require.Equal(t, "hashtree: "+dir+"/closed: permission denied\nhashtree: "+dir+"/secret: permission denied\n", stderr.String())
	require.Equal(t,
		"ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb  "+dir+"/a\n"+
			"594e519ae499312b29433b7dd8a97ff068defcba9755b6d5d00e84c524d67b06  "+dir+"/z\n", stdout.String())
}

// Ctrl-C: what has been printed is the begin of the whole output, in whole
// lines. The pipe is not read before, so the program cannot have finished.
func TestInterrupt(t *testing.T) {
	program, dir := build(t), goSource(t)
	want := sha256sum(t, dir)
	cmd := exec.Command(program, dir)
	pipe, err := cmd.StdoutPipe()
	require.NoError(t, err)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	require.NoError(t, cmd.Start())
	first := make([]byte, 1)
	_, err = io.ReadFull(pipe, first)
	require.NoError(t, err)

	require.NoError(t, cmd.Process.Signal(os.Interrupt))
	sent := time.Now()
	rest, err := io.ReadAll(pipe)
	require.NoError(t, err)
	err = cmd.Wait()
	require.Less(t, time.Since(sent), 10*time.Second)
	var exit *exec.ExitError
	require.ErrorAs(t, err, &exit)
	require.Equal(t, 130, exit.ExitCode())
	require.Empty(t, stderr.String())

	got := string(first) + string(rest)
	require.True(t, strings.HasPrefix(want, got), "not the begin of the whole output")
	require.True(t, strings.HasSuffix(got, "\n"), "ends in the middle of a line")
	require.Less(t, len(got), len(want))
}

// The progress line is for a terminal, and only if that does not show the output
// itself. A pseudo-terminal needs a program that makes one.
func TestProgressOnATerminal(t *testing.T) {
	if _, err := exec.LookPath("script"); err != nil {
		t.Skip("script is not installed")
	}
	program := build(t)
	out, err := exec.Command("script", "-qec", program+" "+goSource(t)+" > /dev/null", "/dev/null").CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.Regexp(t, `\d+ files, \d+ MB, 0 not readable`, string(out))
}
