// Package report draws what benchmark files say: pictures as SVG and PNG files,
// tables in Markdown, and a report with everything in one HTML file that needs
// nothing else, neither scripts nor the network.
//
// It knows benchmarks by the names of their parameters (key=value; the
// implementation is impl) and by their units, not by their own names. Whatever
// "go test -bench" prints has a place.
package report

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"maps"
	"os"
	"path/filepath"
	"slices"
)

// Options say what to report.
type Options struct {
	Files []string // in the format of "go test -bench"
	Dir   string   // where to write; it is made if need be
	Base  string   // the implementation to compare with; "": chan, or the first
}

// Page is the name of the file with the whole report, and Tables of that with the
// tables in Markdown.
const (
	Page   = "report.html"
	Tables = "tables.md"
)

// Write writes report.html, tables.md, and the pictures, and returns the names of
// all files.
func Write(o Options) (written []string, err error) {
	d, err := read(o.Files, o.Base)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(o.Dir, 0o777); err != nil {
		return nil, err
	}
	write := func(name string, content []byte, err error) error {
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		name = filepath.Join(o.Dir, name)
		written = append(written, name)
		return os.WriteFile(name, content, 0o666)
	}
	r := d.report(o.Files)
	page, err := r.html()
	if err := write(Page, page, err); err != nil {
		return written, err
	}
	if err := write(Tables, r.markdown(), nil); err != nil {
		return written, err
	}
	for _, s := range r.Sections {
		for _, p := range s.Pictures {
			svg, err := p.SVG()
			if err := write(p.ID+".svg", svg, err); err != nil {
				return written, err
			}
			png, err := p.PNG()
			if err := write(p.ID+".png", png, err); err != nil {
				return written, err
			}
		}
	}
	return written, nil
}

// document is the report.
type document struct {
	Title    string
	Facts    []fact
	Warnings []string
	Sections []section
}

type fact struct{ Key, Value string }

// section is one workload, or what there is to say of all.
type section struct {
	ID, Title string
	Pictures  []picture
	Tables    []table
}

// report puts the document together. What there are no data for is left out.
func (d *data) report(files []string) document {
	doc := document{Title: "Benchmarks"}
	for _, f := range files {
		doc.Facts = append(doc.Facts, fact{"file", filepath.Base(f)})
	}
	doc.Facts = append(doc.Facts, fact{"rounds", fmt.Sprint(d.set.Rounds())})
	for _, key := range slices.Sorted(maps.Keys(d.set.Config)) {
		doc.Facts = append(doc.Facts, fact{key, d.set.Config[key]})
	}
	doc.Warnings = append(d.set.Warnings, d.tooFewRounds()...)
	all := section{ID: "all", Title: "All workloads"}
	if p := d.overview(); len(p.panels) > 0 {
		all.Pictures = append(all.Pictures, p)
	}
	if t := d.verdicts(); len(t.Rows) > 0 {
		all.Tables = append(all.Tables, t)
	}
	doc.add(all)
	for _, w := range d.merged() {
		doc.add(section{w.id(), w.name, d.pictures(w), d.tables(w)})
	}
	return doc
}

// tooFewRounds says where nothing can be decided, however large a difference is.
func (d *data) tooFewRounds() []string {
	have, need := 0, 0
	for _, impl := range d.ours(d.impls) {
		for _, t := range d.compare(d.baseOf(impl)).Totals {
			if t.Impl == impl && t.Rounds < t.NeedRounds && t.NeedRounds > need {
				have, need = t.Rounds, t.NeedRounds
			}
		}
	}
	if need == 0 {
		return nil
	}
	return []string{fmt.Sprintf("Where there are %d rounds, nothing can be decided in so many cells, however large a difference is. %d rounds can.", have, need)}
}

func (doc *document) add(s section) {
	if len(s.Pictures)+len(s.Tables) > 0 {
		doc.Sections = append(doc.Sections, s)
	}
}

// markdown returns the tables, for documents.
func (doc document) markdown() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "All numbers are medians, with 95%% confidence intervals. A ratio of 2.00 is twice as fast, or half as large. **Bold**: lost. *Italic*: undecided.\n\n")
	for _, f := range doc.Facts {
		fmt.Fprintf(&b, "- %s: %s\n", f.Key, f.Value)
	}
	for _, w := range doc.Warnings {
		fmt.Fprintf(&b, "\n%s\n", w)
	}
	for _, s := range doc.Sections {
		if len(s.Tables) == 0 {
			continue
		}
		fmt.Fprintf(&b, "\n## %s\n\n", s.Title)
		for _, t := range s.Tables {
			t.markdown(&b)
		}
	}
	return b.Bytes()
}

//go:embed report.html
var pageText string

//go:embed report.css
var styleSheet string

var page = template.Must(template.New("report").Parse(pageText))

// html returns the document as a page.
func (doc document) html() ([]byte, error) {
	type figure struct {
		picture
		Legend []legendEntry
		Panels []template.HTML
	}
	var failed error
	safe := func(svg string, err error) template.HTML {
		if err != nil {
			failed = err
		}
		return template.HTML(svg) // drawn by vgsvg, which escapes texts
	}
	type htmlSection struct {
		section
		Figures []figure
	}
	var sections []htmlSection
	for _, s := range doc.Sections {
		h := htmlSection{section: s}
		for _, p := range s.Pictures {
			f := figure{picture: p}
			for _, e := range p.legend {
				f.Legend = append(f.Legend, legendEntry{e.name, safe(legendSVG(e))})
			}
			for _, panel := range p.panels {
				f.Panels = append(f.Panels, safe(p.panelSVG(panel)))
			}
			h.Figures = append(h.Figures, f)
		}
		sections = append(sections, h)
	}
	var b bytes.Buffer
	err := page.Execute(&b, map[string]any{
		"Doc":      doc,
		"CSS":      template.CSS(styleSheet + darkCSS()),
		"Sections": sections,
	})
	if failed != nil {
		err = failed
	}
	return b.Bytes(), err
}

type legendEntry struct {
	Name string
	SVG  template.HTML
}
