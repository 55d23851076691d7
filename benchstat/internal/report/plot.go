package report

import (
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"github.com/parkring/queue/benchstat/internal/stats"
)

// panelWidth is as wide as a phone is: a panel is readable on the narrowest
// screen, and on wider ones there are several beside each other.
const panelWidth = vg.Length(255) // 340 px

// sizes of text
const (
	normalSize = vg.Length(8)
	titleSize  = vg.Length(11)
)

// panel is one set of axes with what is drawn in it.
type panel struct {
	title  string
	axis   string // what the X axis says. Not plot.X.Label, which takes up space at the right of a logarithmic axis.
	plot   *plot.Plot
	height vg.Length // without the title
}

// A point is a measurement: at is its place on the axis of categories, or of the
// number that was varied; the interval is on the axis of values.
type point struct {
	at float64
	stats.Estimate
	hollow bool // nothing is decided
}

// series are the points of one implementation.
type series struct {
	style
	points     []point
	horizontal bool      // values are on the X axis
	joined     bool      // by lines
	shift      vg.Length // off the place, so that series do not hide each other
}

// Plot implements plot.Plotter.
func (s series) Plot(c draw.Canvas, p *plot.Plot) {
	x, y := p.Transforms(&c)
	place := func(at, value float64) vg.Point {
		if s.horizontal {
			return vg.Point{X: x(value), Y: y(at) + s.shift}
		}
		return vg.Point{X: x(at) + s.shift, Y: y(value)}
	}
	axis := p.Y
	if s.horizontal {
		axis = p.X
	}
	clip := func(v float64) float64 { return min(max(v, axis.Min), axis.Max) }

	whisker := draw.LineStyle{Color: s.hue, Width: s.line().Width * 0.7}
	var path []vg.Point
	for _, pt := range s.points {
		path = append(path, place(pt.at, pt.Center))
		if pt.Known() {
			c.StrokeLines(whisker, []vg.Point{place(pt.at, clip(pt.Lo)), place(pt.at, clip(pt.Hi))})
		}
	}
	if s.joined {
		c.StrokeLines(s.line(), path)
	}
	for i, pt := range s.points {
		glyph := s.glyphStyle()
		if pt.hollow {
			shape := s.glyph
			shape.hollow = true
			glyph.Shape = shape
		}
		c.DrawGlyph(glyph, path[i])
	}
}

// bars draws a bar from 0 to each value, with the value at its end.
type bars []bar

type bar struct {
	hue   hue
	at    float64
	value float64
	label string
}

// Plot implements plot.Plotter.
func (b bars) Plot(c draw.Canvas, p *plot.Plot) {
	const half = vg.Length(4.5)
	x, y := p.Transforms(&c)
	for _, bar := range b {
		left, right, middle := x(p.X.Min), x(bar.value), y(bar.at)
		c.FillPolygon(bar.hue, []vg.Point{{X: left, Y: middle - half}, {X: right, Y: middle - half}, {X: right, Y: middle + half}, {X: left, Y: middle + half}})
		label := textStyle(normalSize, ink)
		label.YAlign = text.YCenter
		c.FillText(label, vg.Point{X: right + 3, Y: middle + label.FontExtents().Descent}, bar.label) // as high as the names
	}
}

// rule draws a line across the panel at a value of the X axis.
type rule float64

// Plot implements plot.Plotter.
func (r rule) Plot(c draw.Canvas, p *plot.Plot) {
	x, _ := p.Transforms(&c)
	c.StrokeLine2(draw.LineStyle{Color: faint, Width: 1}, x(float64(r)), c.Min.Y, x(float64(r)), c.Max.Y)
}

// separators draws lines between n rows.
type separators int

// Plot implements plot.Plotter.
func (n separators) Plot(c draw.Canvas, p *plot.Plot) {
	_, y := p.Transforms(&c)
	for i := 1; i < int(n); i++ {
		at := y(float64(i) - 0.5)
		c.StrokeLine2(draw.LineStyle{Color: grid, Width: 0.5, Dashes: []vg.Length{1, 2}}, c.Min.X, at, c.Max.X, at)
	}
}

func textStyle(size vg.Length, color hue) text.Style {
	return text.Style{Color: color, Font: font.Font{Typeface: "Liberation", Variant: "Sans", Size: size}, Handler: plot.DefaultTextHandler}
}

// newPlot returns axes in our style. Lines of the grid cross the axis of values.
func newPlot(valuesOnX bool) *plot.Plot {
	p := plot.New()
	p.BackgroundColor = nil
	for _, a := range []*plot.Axis{&p.X, &p.Y} {
		a.Padding = 0
		a.LineStyle = draw.LineStyle{Color: faint, Width: 0.6}
		a.Tick.LineStyle = a.LineStyle
		a.Tick.Length = 3
		label := textStyle(normalSize, ink)
		label.XAlign, label.YAlign = a.Tick.Label.XAlign, a.Tick.Label.YAlign
		a.Tick.Label = label
	}
	lines := plotter.NewGrid()
	lines.Vertical = draw.LineStyle{Color: grid, Width: 0.5}
	lines.Horizontal = lines.Vertical
	if valuesOnX {
		lines.Horizontal.Color = nil
	} else {
		lines.Vertical.Color = nil
	}
	p.Add(lines)
	return p
}

// setRows makes the Y axis one of named rows, the first at the top.
func setRows(p *plot.Plot, names []string) {
	var ticks []plot.Tick
	for i, name := range names {
		ticks = append(ticks, plot.Tick{Value: float64(i), Label: name})
	}
	p.Y.Tick.Marker = plot.ConstantTicks(ticks)
	p.Y.Tick.Length = 0
	p.Y.Min, p.Y.Max = -0.5, float64(len(names))-0.5
	p.Y.Scale = plot.InvertedScale{Normalizer: plot.LinearScale{}}
	p.Add(separators(len(names)))
}

// setLog makes an axis logarithmic, from min to max and a little more.
func setLog(a *plot.Axis, low, high float64, format func(float64) string) {
	margin := math.Pow(high/low, 0.04)
	a.Min, a.Max = low/max(margin, 1.05), high*max(margin, 1.05)
	a.Scale = plot.LogScale{}
	a.Tick.Marker = plot.TickerFunc(func(low, high float64) []plot.Tick { return logTicks(low, high, format) })
}

// logTicks returns about 3 to 7 labelled ticks: powers of ten, and where these
// are few 1, 2 and 5 times such a power, or powers of two.
func logTicks(low, high float64, format func(float64) string) (ticks []plot.Tick) {
	steps := []float64{1}
	every := 1
	switch decades := math.Log10(high / low); {
	case decades < 0.3:
		steps = []float64{1, 1.2, 1.4, 1.6, 1.8, 2, 2.5, 3, 3.5, 4, 4.5, 5, 6, 7, 8, 9}
	case decades < 1:
		steps = []float64{1, 1.5, 2, 3, 4, 5, 7}
	case decades < 2.2:
		steps = []float64{1, 2, 5}
	case decades > 6:
		every = 2
	}
	for e := int(math.Floor(math.Log10(low))); e <= int(math.Ceil(math.Log10(high))); e++ {
		if e%every != 0 {
			continue
		}
		for _, step := range steps {
			if v := step * math.Pow10(e); v >= low && v <= high {
				ticks = append(ticks, plot.Tick{Value: v, Label: format(v)})
			}
		}
	}
	return ticks
}

// extent returns the smallest and the largest of the values and of the known ends
// of the intervals, but no more than 4 times a value. Without values it is 1 to 10.
func extent(all []series) (low, high float64) {
	low, high = math.Inf(1), math.Inf(-1)
	for _, s := range all {
		for _, p := range s.points {
			low, high = min(low, p.Center), max(high, p.Center)
			if p.Known() {
				low, high = min(low, max(p.Lo, p.Center/4)), max(high, min(p.Hi, p.Center*4))
			}
		}
	}
	if low > high {
		return 1, 10
	}
	return low, high
}
