package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSoak(t *testing.T) {
	var out strings.Builder
	require.Zero(t, soak([]string{"-seed", "140", "-rounds", "3"}, &out), &out)
	require.Contains(t, out.String(), "soak: OK")
	require.Contains(t, out.String(), " 3 rounds,")
}

func TestBadFlags(t *testing.T) {
	for args, want := range map[string]string{
		"-for=0":       "-for must be above 0",
		"-for=soon":    `invalid value "soon" for flag -for`,
		"-rounds=-1":   "-rounds must not be below 0",
		"-hang=0":      "-hang must be above 0",
		"-every=-1s":   "-every must be above 0",
		"-seed=-1":     `invalid value "-1" for flag -seed`,
		"-colour=blue": "flag provided but not defined: -colour",
		"10m":          `unexpected argument "10m"`,
	} {
		var out strings.Builder
		require.Equal(t, 2, soak([]string{args}, &out), args)
		require.Contains(t, out.String(), want)
		require.Contains(t, out.String(), "Usage of soak:")
	}
}
