package report

import (
	"bytes"
	"fmt"
	"html"
	"image/color"
	"regexp"
	"strconv"
	"strings"

	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
	"gonum.org/v1/plot/vg/vgsvg"
)

// picture is one or more panels with a common legend.
type picture struct {
	ID     string // also the name of its files
	Title  string
	Note   string // how to read it
	legend []entry
	panels []panel
}

type entry struct {
	style
	name string
}

const (
	gap         = vg.Length(10)
	legendLine  = vg.Length(13)
	panelTitle  = vg.Length(15)
	axisLine    = vg.Length(11)
	resolution  = 192 // of PNG files, in dots per inch
	mostColumns = 3
)

// drawPanel draws a panel from the top of c.
func drawPanel(c draw.Canvas, p panel) {
	if p.title != "" {
		title := textStyle(normalSize+1, ink)
		title.YAlign = text.YTop
		c.FillText(title, vg.Point{X: c.Min.X, Y: c.Max.Y}, p.title)
		c.Max.Y -= panelTitle
	}
	c.Min.Y = c.Max.Y - p.height
	if p.axis != "" {
		axis := textStyle(normalSize, faint)
		axis.XAlign = text.XCenter
		plot := p.plot.DataCanvas(c)
		c.FillText(axis, vg.Point{X: plot.Center().X, Y: c.Min.Y + axis.FontExtents().Descent}, p.axis)
		c.Min.Y += axisLine
	}
	p.plot.Draw(c)
}

func (p panel) size() (w, h vg.Length) {
	if p.title == "" {
		return panelWidth, p.height
	}
	return panelWidth, p.height + panelTitle
}

// panelSVG returns the panel for an HTML page.
func (p picture) panelSVG(panel panel) (string, error) {
	w, h := panel.size()
	c := vgsvg.New(w, h)
	drawPanel(draw.New(c), panel)
	return svgElement(c, strings.TrimSuffix(p.Title+", "+panel.title, ", "))
}

// legendSVG returns the glyph of a legend for an HTML page.
func legendSVG(e entry) (string, error) {
	c := vgsvg.New(16, 9)
	drawKey(draw.New(c), e.style, vg.Point{X: 8, Y: 4.5})
	return svgElement(c, "")
}

// svgElement returns the drawing as an element to be put into a page. Those who do
// not see it are told the label.
func svgElement(c *vgsvg.Canvas, label string) (string, error) {
	var file bytes.Buffer
	if _, err := c.WriteTo(&file); err != nil {
		return "", err
	}
	_, svg, _ := strings.Cut(file.String(), "<svg")
	return fmt.Sprintf(`<svg role="img" aria-label="%s"`, html.EscapeString(label)) + svgText.ReplaceAllStringFunc(svg, fixText), nil
}

var svgText = regexp.MustCompile(`<text ([^>]*)\s+style="[^"]*;font-size:([0-9.]+)px([^"]*)">([^<]*)</text>`)

// fixText makes a text as wide as it was laid out, whatever font it is shown in.
func fixText(element string) string {
	m := svgText.FindStringSubmatch(element)
	size, _ := strconv.ParseFloat(m[2], 64)
	width := textStyle(vg.Length(size), ink).Width(html.UnescapeString(m[4]))
	return fmt.Sprintf(`<text %s textLength="%.2f" lengthAdjust="spacingAndGlyphs" style="font-family:Liberation Sans,Arial,Helvetica,sans-serif;font-size:%spx%s">%s</text>`, m[1], width, m[2], m[3], m[4])
}

func drawKey(c draw.Canvas, s style, at vg.Point) {
	c.StrokeLine2(s.line(), at.X-7, at.Y, at.X+7, at.Y)
	c.DrawGlyph(s.glyphStyle(), at)
}

// sheet is the layout of a picture in a file of its own.
type sheet struct {
	picture
	columns       int
	title, note   []string
	keys          [][]entry // in lines
	rows          [][]panel
	width, height vg.Length
}

func (p picture) layOut() sheet {
	s := sheet{picture: p, columns: min(len(p.panels), mostColumns)}
	if len(p.panels) == 4 {
		s.columns = 2
	}
	s.width = gap + vg.Length(s.columns)*(panelWidth+gap)
	inner := s.width - 2*gap
	s.title = wrap(p.Title, textStyle(titleSize, ink), inner)
	s.note = wrap(p.Note, textStyle(normalSize, faint), inner)
	s.height = gap + vg.Length(len(s.title))*titleSize*1.3 + vg.Length(len(s.note))*normalSize*1.3 + gap/2

	left := vg.Length(0)
	for _, e := range p.legend {
		w := keyWidth(e)
		if left == 0 || left+w > inner {
			s.keys = append(s.keys, nil)
			left = 0
		}
		left += w
		last := &s.keys[len(s.keys)-1]
		*last = append(*last, e)
	}
	s.height += vg.Length(len(s.keys))*legendLine + gap/2

	for i, panel := range p.panels {
		if i%s.columns == 0 {
			s.rows = append(s.rows, nil)
		}
		last := &s.rows[len(s.rows)-1]
		*last = append(*last, panel)
	}
	for _, row := range s.rows {
		s.height += tallest(row) + gap
	}
	return s
}

func keyWidth(e entry) vg.Length { return 18 + textStyle(normalSize, ink).Width(e.name) + 12 }

func tallest(row []panel) (h vg.Length) {
	for _, p := range row {
		_, height := p.size()
		h = max(h, height)
	}
	return h
}

// wrap breaks s into lines.
func wrap(s string, style text.Style, width vg.Length) (lines []string) {
	for word := range strings.FieldsSeq(s) {
		last := len(lines) - 1
		if last >= 0 && style.Width(lines[last]+" "+word) <= width {
			lines[last] += " " + word
		} else {
			lines = append(lines, word)
		}
	}
	return lines
}

func (s sheet) draw(c draw.Canvas) {
	c.SetColor(paper)
	c.Fill(c.Rectangle.Path())
	at := vg.Point{X: gap, Y: c.Max.Y - gap}
	lines := func(all []string, style text.Style) {
		style.YAlign = text.YTop
		for _, line := range all {
			c.FillText(style, at, line)
			at.Y -= style.Font.Size * 1.3
		}
	}
	lines(s.title, textStyle(titleSize, ink))
	lines(s.note, textStyle(normalSize, faint))
	at.Y -= gap / 2
	name := textStyle(normalSize, ink)
	name.YAlign = text.YCenter
	for _, line := range s.keys {
		x, y := at.X, at.Y-legendLine/2
		for _, e := range line {
			drawKey(c, e.style, vg.Point{X: x + 7, Y: y})
			c.FillText(name, vg.Point{X: x + 18, Y: y}, e.name)
			x += keyWidth(e)
		}
		at.Y -= legendLine
	}
	at.Y -= gap / 2
	for _, row := range s.rows {
		for i, p := range row {
			left := gap + vg.Length(i)*(panelWidth+gap)
			drawPanel(draw.Canvas{Canvas: c.Canvas, Rectangle: vg.Rectangle{Min: vg.Point{X: left, Y: at.Y - tallest(row)}, Max: vg.Point{X: left + panelWidth, Y: at.Y}}}, p)
		}
		at.Y -= tallest(row) + gap
	}
}

// SVG returns the picture as an SVG file, which follows the colour scheme of
// whoever looks at it.
func (p picture) SVG() ([]byte, error) {
	s := p.layOut()
	c := vgsvg.New(s.width, s.height)
	s.draw(draw.New(c))
	svg, err := svgElement(c, p.Title)
	if err != nil {
		return nil, err
	}
	end := strings.Index(svg, ">") + 1
	return []byte(`<?xml version="1.0" encoding="UTF-8"?>` + "\n" + svg[:end] + "\n<style>" + darkCSS() + "</style>" + svg[end:]), nil
}

// PNG returns the picture as a PNG file, in light colours.
func (p picture) PNG() ([]byte, error) {
	s := p.layOut()
	c := vgimg.NewWith(vgimg.UseWH(s.width, s.height), vgimg.UseDPI(resolution), vgimg.UseBackgroundColor(color.White))
	s.draw(draw.New(c))
	var file bytes.Buffer
	_, err := vgimg.PngCanvas{Canvas: c}.WriteTo(&file)
	return file.Bytes(), err
}
