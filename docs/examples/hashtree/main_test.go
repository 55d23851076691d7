package main

import (
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// files returns the regular files below dir in the order of the output.
func files(t *testing.T, dir string) (all []string) {
	t.Helper()
	require.NoError(t, filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.Type().IsRegular() {
			all = append(all, path)
		}
		return err
	}))
	return all
}

// sha256sum returns what sha256sum prints for the files below dir.
func sha256sum(t *testing.T, dir string) string {
	t.Helper()
	if _, err := exec.LookPath("sha256sum"); err != nil {
		t.Skip("sha256sum is not installed")
	}
	cmd := exec.Command("xargs", "-0", "sha256sum")
	cmd.Stdin = strings.NewReader(strings.Join(files(t, dir), "\x00"))
	out, err := cmd.Output()
	require.NoError(t, err)
	return string(out)
}

// goSource is a tree of several thousand files that every machine with Go has.
func goSource(t *testing.T) string {
	t.Helper()
	root, err := exec.Command("go", "env", "GOROOT").Output()
	require.NoError(t, err)
	return filepath.Join(strings.TrimSpace(string(root)), "src")
}

// same is require.Equal for long texts: it tells the first lines that differ.
func same(t *testing.T, want, got string) {
	t.Helper()
	w, g := strings.Split(want, "\n"), strings.Split(got, "\n")
	for i := range min(len(w), len(g)) {
		require.Equal(t, w[i], g[i], "line %d", i+1)
	}
	require.Equal(t, len(w), len(g), "number of lines")
}

func TestSameAsSha256sum(t *testing.T) {
	dir := goSource(t)
	want := sha256sum(t, dir)
	require.Greater(t, strings.Count(want, "\n"), 5000)
	for _, workers := range []string{"1", "2", "7", "64"} {
		t.Run("n="+workers, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			require.Zero(t, run(t.Context(), []string{"-n", workers, dir}, &stdout, &stderr))
			require.Empty(t, stderr.String())
			same(t, want, stdout.String())
		})
	}
}

func TestNamesAreEscapedAsBySha256sum(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"plain", " space ", `back\slash`, "new\nline", "carriage\rreturn", "üñí", `\`, "a\n\\b"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(name), 0o666); err != nil {
			t.Skip(err) // not a name that this system has
		}
	}
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "sub", "empty"), 0o777))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "sub", "nothing in it"), nil, 0o666))
	require.NoError(t, os.Symlink(dir, filepath.Join(dir, "loop")))
	var stdout, stderr bytes.Buffer
	require.Zero(t, run(t.Context(), []string{dir}, &stdout, &stderr))
	same(t, sha256sum(t, dir), stdout.String())
	require.Empty(t, stderr.String())
}

func TestDirMayBeALinkAndMayEndInASlash(t *testing.T) {
	dir := t.TempDir()
	real, link := filepath.Join(dir, "real"), filepath.Join(dir, "link")
	require.NoError(t, os.Mkdir(real, 0o777))
	require.NoError(t, os.WriteFile(filepath.Join(real, "x"), nil, 0o666))
	require.NoError(t, os.Symlink(real, link))
	for _, arg := range []string{link, link + "/"} {
		var stdout, stderr bytes.Buffer
		require.Zero(t, run(t.Context(), []string{arg}, &stdout, &stderr), stderr.String())
		require.Equal(t, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855  "+link+"/x\n", stdout.String())
	}
}

func TestArguments(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o666))
	for _, c := range []struct {
		args []string
		want string
	}{
		{nil, "need exactly one directory"},
		{[]string{".", ".."}, "need exactly one directory"},
		{[]string{"-n", "0", "."}, "need at least one worker"},
		{[]string{"-x", "."}, "flag provided but not defined: -x"},
		{[]string{"no such directory"}, "no such file or directory"},
		{[]string{file}, "not a directory"},
	} {
		var stdout, stderr bytes.Buffer
		require.Equal(t, 2, run(t.Context(), c.args, &stdout, &stderr), "%q", c.args)
		require.Contains(t, stderr.String(), c.want)
		require.Empty(t, stdout.String())
	}
	var stdout, stderr bytes.Buffer
	require.Zero(t, run(t.Context(), []string{"-h"}, &stdout, &stderr))
	require.Contains(t, stdout.String(), "usage: hashtree")
}

// A printer that cannot print ends the program, and nobody is left hanging.
func TestOutputThatFails(t *testing.T) {
	var stderr bytes.Buffer
	require.Equal(t, 1, run(t.Context(), []string{goSource(t)}, failing{}, &stderr))
	require.Contains(t, stderr.String(), "disk full")
}

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, errFull }

var errFull = &fs.PathError{Op: "write", Path: "stdout", Err: errText("disk full")}

type errText string

func (e errText) Error() string { return string(e) }
