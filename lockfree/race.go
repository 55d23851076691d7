//go:build race

package lockfree

// underRace is true in builds with -race.
const underRace = true
