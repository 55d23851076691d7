package invariants

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCheck(t *testing.T) {
	require.NotPanics(t, func() { Check(true, "never") })
	require.PanicsWithValue(t, "queue: invariant broken: two and two", func() { Check(false, "two and two") })
}
