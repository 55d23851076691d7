package report

import (
	"fmt"
	"image/color"
	"math"
	"slices"
	"strings"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// A hue is a colour for a light page and the one that takes its place on a dark
// one. No two hues of a palette share the light colour, and none is black, which
// vgsvg leaves out: the light colour in an SVG file says which hue it is.
type hue struct{ light, dark uint32 }

var (
	paper = hue{0xffffff, 0x15181c}
	ink   = hue{0x1d2126, 0xe7e9ec}
	faint = hue{0x5a626b, 0xa9b1ba} // axes, notes
	grid  = hue{0xdfe3e8, 0x363c44}
)

// hues are for the implementations.
var hues = []hue{
	{0x1b5fc4, 0x78b0ff}, // blue
	{0xc4420a, 0xff9464}, // orange
	{0x16803b, 0x55cf86}, // green
	{0x8a2fc9, 0xcf9bff}, // purple
	{0x8a6500, 0xe5bd4a}, // ochre
	{0x0b7285, 0x4fcbe0}, // teal
	{0xc01c68, 0xff8bc0}, // pink
	{0x4f5b66, 0xb3bec9}, // grey
	{0x5d7a0b, 0xb5d357}, // olive
}

// glyphs are for the implementations too, so that nobody needs to tell colours
// apart. Their number and that of the hues have no common divisor.
var glyphs = []mark{
	{}, {corners: 4, turn: 0.125}, {corners: 3, turn: 0.25}, {corners: 4},
	{corners: 3, turn: 0.75}, {corners: 5, turn: 0.25, star: true}, {corners: 3}, {corners: 4, star: true},
}

// mark is a glyph, a circle if it has no corners. Hollow it means that nothing is
// decided.
type mark struct {
	corners int
	turn    float64 // of a whole one, counterclockwise, from a corner at the right
	star    bool
	hollow  bool
}

// DrawGlyph implements draw.GlyphDrawer.
func (m mark) DrawGlyph(c *draw.Canvas, style draw.GlyphStyle, at vg.Point) {
	path := m.outline(style.Radius, at)
	fill := style.Color
	if m.hollow {
		fill = paper
	}
	c.SetColor(fill)
	c.Fill(path)
	c.SetLineStyle(draw.LineStyle{Color: style.Color, Width: 0.8})
	c.Stroke(path)
}

func (m mark) outline(radius vg.Length, at vg.Point) (path vg.Path) {
	if m.corners == 0 {
		path.Move(vg.Point{X: at.X + radius, Y: at.Y})
		path.Arc(at, radius, 0, 2*math.Pi)
		path.Close()
		return path
	}
	n := m.corners
	if m.star {
		n *= 2
	}
	for i := range n {
		r := radius * 1.25 // looks as large as the circle
		if m.star && i%2 == 1 {
			r *= 0.4
		}
		sin, cos := math.Sincos(2 * math.Pi * (m.turn + float64(i)/float64(n)))
		corner := vg.Point{X: at.X + r*vg.Length(cos), Y: at.Y + r*vg.Length(sin)}
		if i == 0 {
			path.Move(corner)
		} else {
			path.Line(corner)
		}
	}
	path.Close()
	return path
}

func (h hue) RGBA() (r, g, b, a uint32) { return rgb(h.light).RGBA() }

func rgb(v uint32) color.RGBA {
	return color.RGBA{R: uint8(v >> 16), G: uint8(v >> 8), B: uint8(v), A: 0xff}
}

// style is how an implementation looks in all pictures.
type style struct {
	hue   hue
	glyph mark
	bold  bool // ours, and what it is compared with
}

func styleOf(i int, bold bool) style {
	return style{hues[i%len(hues)], glyphs[i%len(glyphs)], bold}
}

func (s style) glyphStyle() draw.GlyphStyle {
	radius := vg.Points(2.3)
	if s.bold {
		radius = vg.Points(2.9)
	}
	return draw.GlyphStyle{Color: s.hue, Radius: radius, Shape: s.glyph}
}

func (s style) line() draw.LineStyle {
	width := vg.Points(0.8)
	if s.bold {
		width = vg.Points(1.5)
	}
	return draw.LineStyle{Color: s.hue, Width: width}
}

// darkCSS is the style sheet that turns the colours of an SVG picture into those
// for a dark screen. What does not know CSS, or prints, keeps the light ones.
func darkCSS() string {
	var css strings.Builder
	css.WriteString("@media screen and (prefers-color-scheme: dark) {\n")
	for _, h := range slices.Concat([]hue{paper, ink, faint, grid}, hues) {
		for _, property := range []string{"fill", "stroke"} {
			fmt.Fprintf(&css, "svg [style*=\"%s:#%06X\"] { %s: #%06X !important }\n", property, h.light, property, h.dark)
		}
	}
	css.WriteString("}\n")
	return css.String()
}
