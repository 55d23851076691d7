package report

import (
	"bytes"
	"encoding/xml"
	"flag"
	"fmt"
	"image/png"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"gonum.org/v1/plot"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// madeUp writes a file with all kinds of workloads, and made-up results.
func madeUp(t testing.TB, rounds int) string {
	t.Helper()
	random := rand.New(rand.NewPCG(1, 2))
	impls := []string{"queue", "chan", "mutex", "xsync3", "xsync4", "lfq", "lscq", "chanx", "faa"}
	speed := map[string]float64{"queue": 40, "chan": 90, "mutex": 110, "xsync3": 95, "xsync4": 70, "lfq": 60, "lscq": 75, "chanx": 300, "faa": 8}
	var b bytes.Buffer
	fmt.Fprint(&b, "goos: linux\ngoarch: amd64\ncpu: Made Up\ncommit: 0123456789abcdef\nkernel: 6.1\nUnit p99-ns better=lower\n")
	noise := func() float64 { return math.Exp(random.NormFloat64() * 0.08) }
	for range rounds {
		drift := noise()
		line := func(name string, factor float64, metrics func(impl string, ns float64) string) {
			for _, impl := range impls {
				ns := speed[impl] * factor * drift * noise()
				fmt.Fprintf(&b, "Benchmark%s/impl=%s-2 1000 %s\n", name, impl, metrics(impl, ns))
			}
		}
		perOp := func(_ string, ns float64) string { return fmt.Sprintf("%.4g ns/op %.4g cpu-ns/op", ns, ns*1.6) }
		for _, how := range []string{"wait", "try"} {
			for _, capacity := range []int{1, 64, 1024} {
				for i, shape := range []string{"1x1", "4x4", "1x4", "4x1", "64x64"} {
					line(fmt.Sprintf("Throughput/shape=%s/cap=%d/elem=8B/how=%s", shape, capacity, how), 1+float64(i)*0.3+3/float64(capacity), perOp)
				}
			}
		}
		for _, elem := range []string{"64B", "256B", "ptr"} {
			line("Throughput/shape=4x4/cap=64/elem="+elem+"/how=wait", 1.5, perOp)
		}
		for _, name := range []string{"Pair/cap=64", "Mixed/cap=64", "EmptyPoll/cap=64", "Chain/cap=64", "Cancel/cap=64"} {
			line(name, 1, perOp)
		}
		for _, k := range []int{256, 1, 7, 8, 32} {
			line(fmt.Sprintf("Batch/k=%d", k), 1/math.Sqrt(float64(k)), perOp)
		}
		latency := func(_ string, ns float64) string {
			return fmt.Sprintf("%.4g p50-ns %.4g p90-ns %.4g p99-ns %.4g p99.9-ns %.4g p99.99-ns %.4g max-ns", ns*5, ns*8, ns*20*noise(), ns*200*noise(), ns*3000*noise(), ns*90000*noise()*noise())
		}
		for _, state := range []string{"warm", "cold"} {
			line("Handover/state="+state, 1, latency)
		}
		for _, rate := range []string{"1k", "10k", "100k"} {
			line("OpenLoop/rate="+rate, 2, latency)
		}
		for _, of := range []string{"queue", "waiter", "item"} {
			line("Footprint/of="+of, 20, func(impl string, ns float64) string { return fmt.Sprintf("%.0f B", speed[impl]*30) })
		}
		for _, of := range []string{"empty", "full"} {
			line("Idle/of="+of, 20, func(impl string, ns float64) string {
				if impl == "queue" || impl == "chan" {
					return "0 cpu-ns/s"
				}
				return fmt.Sprintf("%.0f cpu-ns/s", ns*1e5)
			})
		}
	}
	name := filepath.Join(t.TempDir(), "made-up.txt")
	require.NoError(t, os.WriteFile(name, b.Bytes(), 0o666))
	return name
}

// files writes a report to a directory and returns its files by name.
func files(t *testing.T, o Options) map[string][]byte {
	t.Helper()
	o.Dir = t.TempDir()
	written, err := Write(o)
	require.NoError(t, err)
	all := map[string][]byte{}
	for _, name := range written {
		content, err := os.ReadFile(name)
		require.NoError(t, err)
		all[filepath.Base(name)] = content
	}
	entries, err := os.ReadDir(o.Dir)
	require.NoError(t, err)
	require.Len(t, entries, len(all), "each file is written once")
	return all
}

func names(all map[string][]byte) (names []string) {
	for name := range all {
		if name, ok := strings.CutSuffix(name, ".svg"); ok {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

const old = "../../../docs/results/2026-11-23.txt"

// What can be drawn is drawn, and nothing else.
func TestPictures(t *testing.T) {
	require.Equal(t, []string{
		"batch-over-k", "batch-ratio",
		"footprint-b",
		"handover-latency", "handover-ratio",
		"idle-cpu-sec-s",
		"openloop-latency", "openloop-ratio",
		"other-workloads-ratio", "other-workloads-speed",
		"overview",
		"throughput-try-over-goroutines", "throughput-try-ratio", "throughput-try-speed",
		"throughput-wait-over-goroutines", "throughput-wait-ratio", "throughput-wait-speed",
	}, names(files(t, Options{Files: []string{madeUp(t, 6)}})))
	require.Equal(t, []string{"overview", "queue-over-goroutines", "queue-ratio", "queue-speed"}, names(files(t, Options{Files: []string{old}})))
	require.Equal(t, []string{"workloads-speed"}, names(files(t, Options{Files: []string{"testdata/gotest.txt"}})))
	require.Equal(t, []string{"overview", "workloads-ratio", "workloads-speed"}, names(files(t, Options{Files: []string{"testdata/gotest.txt", "faster=testdata/gotest.txt"}})), "files are compared")
}

func TestPictureFiles(t *testing.T) {
	for name, content := range files(t, Options{Files: []string{old}}) {
		switch filepath.Ext(name) {
		case ".png":
			picture, err := png.Decode(bytes.NewReader(content))
			require.NoError(t, err, name)
			require.Greater(t, picture.Bounds().Dx(), 500)
		case ".svg":
			require.NotContains(t, strings.ReplaceAll(string(content), "http://www.w3.org/", ""), "http", "names no other place")
			for d := xml.NewDecoder(bytes.NewReader(content)); ; {
				_, err := d.Token()
				if err == io.EOF {
					break
				}
				require.NoError(t, err, name)
			}
		}
	}
}

func TestSameFilesSameReport(t *testing.T) {
	file := madeUp(t, 6)
	require.Equal(t, files(t, Options{Files: []string{file}}), files(t, Options{Files: []string{file}}))
}

func TestMarkdown(t *testing.T) {
	golden := "testdata/tables.golden"
	got := files(t, Options{Files: []string{"testdata/small.txt"}})[Tables]
	if *update {
		require.NoError(t, os.WriteFile(golden, got, 0o666))
	}
	want, err := os.ReadFile(golden)
	require.NoError(t, err)
	require.Equal(t, string(want), string(got))
}

// An implementation that loses items is wrong, however fast.
func TestWrong(t *testing.T) {
	all := files(t, Options{Files: []string{"testdata/small.txt"}})
	require.Contains(t, string(all[Page]), `<td class="wrong">`)
	require.NotContains(t, string(all["pair-speed.svg"]), ">liar<", "in the legend")
	require.Contains(t, string(all[Page]), "Left out where wrong: liar.")
}

// Whatever is in a file, there is a report.
func TestOddResults(t *testing.T) {
	for name, lines := range map[string]string{
		"one":       "BenchmarkX 1 5 ns/op",
		"zero":      "BenchmarkX/impl=queue 1 0 ns/op\nBenchmarkX/impl=chan 1 0 ns/op",
		"zero one":  "BenchmarkX/impl=queue 1 0 ns/op\nBenchmarkX/impl=chan 1 1 ns/op",
		"negative":  "BenchmarkX/impl=queue 1 -1 ns/op\nBenchmarkX/impl=chan 1 -2 ns/op",
		"infinite":  "BenchmarkX/impl=queue 1 Inf ns/op\nBenchmarkX/impl=chan 1 NaN ns/op",
		"own units": "BenchmarkX 1 5 furlongs",
		"one p":     "BenchmarkX/impl=queue 1 5 p99-ns\nBenchmarkX/impl=chan 1 7 p99-ns",
		"only max":  "BenchmarkX/impl=queue 1 5 max-ns\nBenchmarkX/impl=chan 1 7 max-ns",
		"memory":    "BenchmarkX/of=a/impl=queue 1 5 B\nBenchmarkX/of=b/impl=chan 1 7 B",
		"no chan":   "BenchmarkX/impl=a 1 5 ns/op\nBenchmarkX/impl=b 1 7 ns/op",
		"names":     "BenchmarkÄ/<b>&amp;|/impl=queue 1 5 ns/op\nBenchmarkÄ/../x/impl=a|b 1 7 ns/op",
		"junk":      "Benchmark\nBenchmarkX 1 5 ns/op extra\nBenchmarkX/impl=queue 1 5 ns/op",
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "odd.txt")
			require.NoError(t, os.WriteFile(file, []byte(lines+"\n"), 0o666))
			all := files(t, Options{Files: []string{file}})
			require.NotContains(t, string(all[Page]), "<b>&amp;", "not escaped")
			require.Contains(t, string(all[Page]), "<table")
		})
	}
}

// Who was not measured everywhere is in the picture where it was.
func TestNotEverybodyEverywhere(t *testing.T) {
	file := filepath.Join(t.TempDir(), "sparse.txt")
	require.NoError(t, os.WriteFile(file, []byte(`
BenchmarkX/shape=1x1/impl=queue 1 5 ns/op
BenchmarkX/shape=1x1/impl=chan 1 10 ns/op
BenchmarkX/shape=2x2/impl=queue 1 5 ns/op
BenchmarkX/shape=4x4/impl=queue 1 5 ns/op
`), 0o666))
	all := files(t, Options{Files: []string{file}})
	drawn := 0
	for name, content := range all {
		require.NotContains(t, string(content), "NaN", name)
		if strings.HasSuffix(name, ".svg") && strings.Contains(string(content), "operations per second") {
			require.Regexp(t, `[0-9]+ M/s`, string(content), "%s: an axis", name)
			drawn++
		}
	}
	require.Positive(t, drawn)
}

func TestQuantity(t *testing.T) {
	for want, v := range map[string]float64{
		"0 s": 0, "12.3 ns": 12.34e-9, "1 µs": 999.9e-9, "100 ns": 100e-9, "1.5 ms": 0.0015, "2 s": 2, "12 Ts": 12e12,
	} {
		require.Equal(t, want, quantity(v, "s"))
	}
	require.Equal(t, "120 M/s", quantity(1.2e8, "/s"))
	require.Equal(t, "3 B", valueText(3, "B"))
	require.Equal(t, "120 kB", valueText(120_000, "B"))
	require.Equal(t, "0 s/s", valueText(0, "cpu-sec/s"))
	require.Equal(t, "7 µs", valueText(7e-6, "sec/op"))
}

func TestTicks(t *testing.T) {
	for _, high := range []float64{1.3, 2, 5, 10, 30, 100, 1e3, 1e5, 1e8, 1e12} {
		n := len(logTicks(1, high, func(float64) string { return "" }))
		require.True(t, n >= 2 && n <= 9, "%d ticks from 1 to %g", n, high)
	}
}

func TestLabelsOfNeighbours(t *testing.T) {
	var ticks []plot.Tick
	for _, v := range []float64{256, 1, 8, 7, 8, 32} {
		ticks = append(ticks, plot.Tick{Value: v, Label: fmt.Sprint(v)})
	}
	require.Equal(t, []plot.Tick{{Value: 1, Label: "1"}, {Value: 7, Label: "7"}, {Value: 8}, {Value: 32, Label: "32"}, {Value: 256, Label: "256"}}, apart(ticks))
}

// Every colour stands out, on the light page and on the dark one.
func TestColours(t *testing.T) {
	seen := map[uint32]bool{0: true}
	for i, h := range append([]hue{ink, faint}, hues...) {
		least := 3.0 // WCAG 2 for what is drawn, and for text
		if i < 2 {
			least = 4.5
		}
		require.Greater(t, contrast(h.light, paper.light), least, "%06x", h.light)
		require.Greater(t, contrast(h.dark, paper.dark), least, "%06x", h.dark)
		require.False(t, seen[h.light], "%06x is there twice, or black", h.light)
		seen[h.light] = true
	}
}

func contrast(a, b uint32) float64 {
	luminance := func(v uint32) (sum float64) {
		for i, weight := range []float64{0.0722, 0.7152, 0.2126} {
			c := float64(v>>(8*i)&0xff) / 255
			if c <= 0.04045 {
				c /= 12.92
			} else {
				c = math.Pow((c+0.055)/1.055, 2.4)
			}
			sum += weight * c
		}
		return sum
	}
	x, y := luminance(a), luminance(b)
	return (max(x, y) + 0.05) / (min(x, y) + 0.05)
}
