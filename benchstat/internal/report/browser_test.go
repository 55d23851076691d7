package report

import (
	"context"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	cdplog "github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

var shots = flag.String("shots", "", "keep screenshots of the report in `directory`")

// browser starts a headless browser, or skips the test if there is none.
func browser(t *testing.T, l *listener) context.Context {
	t.Helper()
	var path string
	for _, name := range []string{"chromium", "chromium-headless-shell", "chromium-browser", "google-chrome", "chrome", "headless-shell"} {
		if p, err := exec.LookPath(name); err == nil {
			path = p
			break
		}
	}
	if path == "" {
		t.Skip("no browser: install chromium (in Debian: apt-get install chromium) to open the report in it")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path))
	if os.Geteuid() == 0 {
		options = append(options, chromedp.NoSandbox) // there is none for root
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewExecAllocator(ctx, options...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx, chromedp.WithListener(l.hear))
	t.Cleanup(cancel)
	return ctx
}

// listener notes what happens in the browser.
type listener struct {
	mu       sync.Mutex
	requests []string
	errors   []string
}

func (l *listener) hear(event any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		l.requests = append(l.requests, e.Request.URL)
	case *network.EventWebSocketCreated:
		l.requests = append(l.requests, e.URL)
	case *runtime.EventExceptionThrown:
		l.errors = append(l.errors, e.ExceptionDetails.Text)
	case *runtime.EventConsoleAPICalled:
		l.errors = append(l.errors, "console."+string(e.Type))
	case *cdplog.EventEntryAdded:
		l.errors = append(l.errors, e.Entry.Text)
	}
}

// looks is what a page looks like to a script in it.
type looks struct {
	Figures, Tables map[string]box
	Panels          map[string]int // by figure
	Overflow        float64        // of the page, to the right
	Dim             []string       // texts and marks that do not stand out
	Small           []string       // texts that are too small
	Clipped         []string       // texts that stick out of their picture
	Overlapping     []string       // texts of one picture
	Background      string
	Outside         []string // elements that name something to be fetched, or run
}

type box struct{ Width, Height float64 }

// inspect fills in looks. Ratios of contrast are those of WCAG 2: 4.5 for text,
// 3 for what is drawn.
const inspect = `(() => {
	const rgb = s => s.match(/[\d.]+/g).map(Number);
	const luminance = s => {
		const [r, g, b] = rgb(s).map(v => v / 255).map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
		return 0.2126 * r + 0.7152 * g + 0.0722 * b;
	};
	const contrast = (a, b) => {
		const [x, y] = [luminance(a), luminance(b)].sort((p, q) => q - p);
		return (x + 0.05) / (y + 0.05);
	};
	const style = e => getComputedStyle(e);
	const background = e => {
		for (; e; e = e.parentElement) {
			const b = style(e).backgroundColor;
			if (b !== 'transparent' && rgb(b)[3] !== 0) return b;
		}
		return 'rgb(255, 255, 255)';
	};
	const boxes = selector => Object.fromEntries([...document.querySelectorAll(selector)].map(e => {
		const r = e.getBoundingClientRect();
		return [e.id, {Width: r.width, Height: r.height}];
	}));
	const out = {Figures: boxes('figure'), Tables: boxes('table'), Panels: {}, Dim: [], Small: [], Clipped: [], Overlapping: [], Outside: []};
	for (const f of document.querySelectorAll('figure')) {
		out.Panels[f.id] = [...f.querySelectorAll('.panels svg')].filter(s => s.getBoundingClientRect().height > 20).length;
	}
	const root = document.documentElement;
	out.Overflow = root.scrollWidth - root.clientWidth;
	out.Background = background(document.body);
	for (const e of document.querySelectorAll('h1, h2, h3, p, a, dt, dd, li, caption, th, td, b, small, em')) {
		const c = contrast(style(e).color, background(e));
		if (e.textContent.trim() && c < 4.5) out.Dim.push(e.tagName + ' ' + e.textContent + ' ' + c);
	}
	for (const svg of document.querySelectorAll('.panels svg')) {
		const around = svg.getBoundingClientRect(), back = background(svg), texts = [...svg.querySelectorAll('text')];
		for (const p of svg.querySelectorAll('path')) {
			const s = style(p), hairline = parseFloat(s.strokeWidth) < 0.55;
			for (const colour of [s.fill, s.stroke]) {
				if (colour !== 'none' && colour !== back && !hairline && contrast(colour, back) < 3) out.Dim.push('path ' + p.getAttribute('style') + ' ' + colour);
			}
		}
		const rects = texts.map(t => t.getBoundingClientRect());
		texts.forEach((t, i) => {
			const r = rects[i], what = svg.closest('figure').id + ': ' + t.textContent;
			if (contrast(style(t).fill, back) < 4.5) out.Dim.push(what + ' ' + style(t).fill);
			if (r.height < 9) out.Small.push(what + ' ' + r.height);
			if (r.left < around.left - 1 || r.right > around.right + 1 || r.top < around.top - 3 || r.bottom > around.bottom + 3) out.Clipped.push(what);
			for (let k = 0; k < i; k++) {
				const o = rects[k];
				const w = Math.min(r.right, o.right) - Math.max(r.left, o.left), h = Math.min(r.bottom, o.bottom) - Math.max(r.top, o.top);
				if (w > 1 && h > r.height / 3) out.Overlapping.push(what + ' / ' + texts[k].textContent);
			}
		});
	}
	for (const e of document.querySelectorAll('script, iframe, object, embed, link[rel=stylesheet], img, image, use, foreignObject')) out.Outside.push(e.outerHTML.slice(0, 99));
	return out;
})()`

// screen is what a page is shown on.
type screen struct {
	name          string
	width, height int64
	media, scheme string
}

var screens = []screen{
	{"desktop-light", 1280, 900, "screen", "light"},
	{"desktop-dark", 1280, 900, "screen", "dark"},
	{"phone-light", 360, 740, "screen", "light"},
	{"phone-dark", 360, 740, "screen", "dark"},
	{"print", 794, 1123, "print", "dark"}, // A4
}

func show(t *testing.T, ctx context.Context, url string, s screen) {
	t.Helper()
	_, err := chromedp.Call(ctx, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: s.width, Height: s.height, DeviceScaleFactor: 1, Mobile: s.width < 500})
	require.NoError(t, err)
	_, err = chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Media: s.media, Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: s.scheme}}})
	require.NoError(t, err)
	require.NoError(t, chromedp.Do(ctx, chromedp.Navigate(url)))
}

// shoot keeps a screenshot, if the flag says so.
func shoot(t *testing.T, ctx context.Context, name string) {
	t.Helper()
	if *shots == "" {
		return
	}
	png, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(*shots, name+".png"), png, 0o666))
}

// TestReportInABrowser opens reports as a reader would: on a desktop and on a phone,
// light and dark, and as they will be printed.
func TestReportInABrowser(t *testing.T) {
	var l listener
	ctx := browser(t, &l)
	few := []screen{screens[0], screens[3]}
	for _, test := range []struct {
		name, file string
		screens    []screen
	}{
		{"all-kinds", madeUp(t, 12), screens},
		{"three-rounds", madeUp(t, 3), few},
		{"old", old, few},
		{"go-test", "testdata/gotest.txt", few},
	} {
		d, err := read([]string{test.file}, "")
		require.NoError(t, err)
		doc := d.report([]string{test.file})
		require.NotEmpty(t, doc.Sections)
		dir := t.TempDir()
		_, err = Write(Options{Files: []string{test.file}, Dir: dir})
		require.NoError(t, err)
		url := "file://" + filepath.Join(dir, "report.html")
		for _, screen := range test.screens {
			show(t, ctx, url, screen)
			seen, err := chromedp.Run(ctx, chromedp.Evaluate[looks](inspect))
			require.NoError(t, err)
			t.Run(test.name+"/"+screen.name, func(t *testing.T) {
				doc.requireSeen(t, seen)
				dark := screen.scheme == "dark" && screen.media == "screen"
				require.Equal(t, dark, seen.Background != "rgb(255, 255, 255)", seen.Background)
				require.Zero(t, seen.Overflow, "scrolls sideways")
				if screen.media == "screen" {
					require.Empty(t, seen.Small)
				}
			})
			shoot(t, ctx, test.name+"-"+screen.name)
		}
	}

	// The pictures in files of their own follow the colour scheme, too.
	dir := t.TempDir()
	_, err := Write(Options{Files: []string{old}, Dir: dir})
	require.NoError(t, err)
	for scheme, want := range map[string]string{"light": "rgb(255, 255, 255)", "dark": "rgb(21, 24, 28)"} {
		show(t, ctx, "file://"+filepath.Join(dir, "queue-ratio.svg"), screen{width: 900, height: 500, media: "screen", scheme: scheme})
		background, err := chromedp.Run(ctx, chromedp.Evaluate[string](`getComputedStyle(document.querySelector('path')).fill`))
		require.NoError(t, err)
		require.Equal(t, want, background)
		shoot(t, ctx, "svg-"+scheme)
	}

	l.mu.Lock()
	defer l.mu.Unlock()
	require.NotEmpty(t, l.requests)
	for _, url := range l.requests {
		require.Regexp(t, `^(file:///.*/(report\.html|queue-ratio\.svg)|data:,)$`, url, "fetched")
	}
	require.Empty(t, l.errors)
}

// requireSeen fails unless every picture and table is there, and can be read.
func (doc document) requireSeen(t *testing.T, seen looks) {
	t.Helper()
	figures, tables := 0, 0
	for _, s := range doc.Sections {
		for _, p := range s.Pictures {
			figures++
			require.Contains(t, seen.Figures, p.ID)
			require.Greater(t, seen.Figures[p.ID].Width, 300.0, p.ID)
			require.Greater(t, seen.Figures[p.ID].Height, 80.0, p.ID)
			require.Equal(t, len(p.panels), seen.Panels[p.ID], p.ID)
		}
		for _, table := range s.Tables {
			tables++
			require.Contains(t, seen.Tables, table.ID)
			require.Greater(t, seen.Tables[table.ID].Width, 100.0, table.ID)
			require.Greater(t, seen.Tables[table.ID].Height, 40.0, table.ID)
		}
	}
	require.Len(t, seen.Figures, figures)
	require.Len(t, seen.Tables, tables)
	require.Empty(t, seen.Dim)
	require.Empty(t, seen.Clipped)
	require.Empty(t, seen.Overlapping)
	require.Empty(t, seen.Outside)
}
