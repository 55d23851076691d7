package main

import (
	"bytes"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestReportWritesFiles(t *testing.T) {
	var stdout, stderr bytes.Buffer
	dir := filepath.Join(t.TempDir(), "new")
	require.Equal(t, exitOK, reportMain([]string{"-o", dir, "../docs/results/2026-11-23.txt"}, &stdout, &stderr), &stderr)
	require.FileExists(t, filepath.Join(dir, "report.html"))
	require.FileExists(t, filepath.Join(dir, "tables.md"))
	require.FileExists(t, filepath.Join(dir, "queue-ratio.svg"))
	require.FileExists(t, filepath.Join(dir, "queue-ratio.png"))
	require.Contains(t, stdout.String(), filepath.Join(dir, "report.html"))
	require.Empty(t, stderr.String())
}

func TestReportErrors(t *testing.T) {
	dir := t.TempDir()
	for _, test := range []struct {
		args []string
		code int
		want string
	}{
		{nil, exitUsage, "no files"},
		{[]string{"-nonsense"}, exitUsage, "flag provided but not defined: -nonsense"},
		{[]string{"-o", dir, filepath.Join(dir, "missing.txt")}, exitFailed, "missing.txt"},
		{[]string{"-o", dir, "report_cmd.go"}, exitFailed, "no benchmark results in report_cmd.go"},
		{[]string{"-o", dir, "-base", "wheelbarrow", "../docs/results/2026-11-23.txt"}, exitFailed, `no implementation "wheelbarrow"; there are queue,`},
	} {
		var stdout, stderr bytes.Buffer
		require.Equal(t, test.code, reportMain(test.args, &stdout, &stderr), test.args)
		require.Contains(t, stderr.String(), test.want)
		require.Empty(t, stdout.String())
	}
}

func TestReportHelp(t *testing.T) {
	var stdout, stderr bytes.Buffer
	require.Equal(t, exitOK, reportMain([]string{"-h"}, &stdout, &stderr))
	for _, word := range []string{"report.html", "tables.md", "-o", "-base"} {
		require.Contains(t, stdout.String(), word)
	}
	require.Empty(t, stderr.String())
}
