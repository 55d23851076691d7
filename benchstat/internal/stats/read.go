package stats

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/perf/benchfmt"
	"golang.org/x/perf/benchunit"
)

// Read reads files in the format of Go benchmarks. "-" is the standard input, and
// label=file gives a file a name.
//
// The implementation is the key impl of a benchmark's name. If no benchmark has
// one, the files are what is compared, by their names: Read("old.txt", "new.txt").
func Read(files ...string) (*Set, error) { return ReadBy("", files...) }

// ReadBy is Read, but what is compared is something else than implementations: the
// files (by is "file"), a key of the names of benchmarks ("/cap"), or one of the
// configuration ("commit"). The key impl is part of the cell then.
func ReadBy(by string, files ...string) (*Set, error) {
	if len(files) == 0 {
		return nil, errors.New("no files")
	}
	results, b, err := scan(files)
	if err != nil {
		return nil, err
	}
	if by == "" {
		by = "file"
		if slices.ContainsFunc(results, func(r result) bool { return r.key("/impl") != "" }) {
			by = "/impl"
		}
	}
	b.by = by
	for _, r := range results {
		b.several = b.several || r.procs != results[0].procs
	}
	for _, r := range results {
		b.add(r)
	}
	if len(b.set.Tables) == 0 {
		return nil, fmt.Errorf("no benchmark results in %s", strings.Join(files, ", "))
	}
	b.markWrong()
	return b.set, nil
}

// result is a line of a file.
type result struct {
	*benchfmt.Result
	workload string
	keys     []Key
	procs    string // GOMAXPROCS
	file     string
}

// scan reads all files.
func scan(files []string) (results []result, b *builder, err error) {
	b = &builder{set: &Set{Config: map[string]string{}}, wrong: map[wrongKey]float64{}, seen: map[string]int{}}
	input := benchfmt.Files{Paths: files, AllowStdin: true, AllowLabels: true}
	for input.Scan() {
		switch rec := input.Result().(type) {
		case *benchfmt.SyntaxError:
			b.set.Warnings = append(b.set.Warnings, rec.Error())
		case *benchfmt.Result:
			results = append(results, parse(rec.Clone()))
		}
	}
	b.units = input.Units()
	return results, b, input.Err()
}

// parse splits the name of a benchmark.
func parse(r *benchfmt.Result) result {
	base, parts := r.Name.Parts()
	out := result{Result: r, workload: string(base), procs: "1", file: filepath.Base(r.GetConfig(".file"))}
	for _, part := range parts {
		if part[0] == '-' {
			out.procs = string(part[1:])
			continue
		}
		name, value, ok := strings.Cut(string(part[1:]), "=")
		if !ok {
			name, value = "", name
		}
		out.keys = append(out.keys, Key{name, value})
	}
	return out
}

// key returns the value of "/key" in the name, of "file", or of the configuration.
func (r result) key(by string) string {
	if by == "file" {
		return r.file
	}
	name, ok := strings.CutPrefix(by, "/")
	if !ok {
		return r.GetConfig(by)
	}
	for _, k := range r.keys {
		if k.Name == name {
			return k.Value
		}
	}
	return ""
}

// builder builds a set.
type builder struct {
	set     *Set
	units   benchfmt.UnitMetadataMap
	by      string
	several bool           // there are results for several GOMAXPROCS
	seen    map[string]int // how often a benchmark has been seen in a file
	wrong   map[wrongKey]float64
	impls   []string // all, in the order of appearance
}

type wrongKey struct{ workload, cell, impl string }

// unitWrong is the unit of the number of items that were lost, duplicated or out of
// order. A result that has it has no other value.
const unitWrong = "wrong"

func (b *builder) add(r result) {
	impl := r.key(b.by)
	if impl == "" {
		impl = "?"
	}
	b.impls = appendNew(b.impls, impl)
	var keys []Key
	for _, k := range r.keys {
		if "/"+k.Name != b.by {
			keys = append(keys, k)
		}
	}
	if b.several {
		keys = append(keys, Key{"gomaxprocs", r.procs})
	}
	b.addConfig(r)
	round := b.round(r)
	for _, v := range r.Values {
		if v.Unit == unitWrong {
			b.wrong[wrongKey{r.workload, cellName(keys), impl}] += v.Value
			continue
		}
		if v.Value == 0 { // then the reader leaves the unit as it is
			_, v.Unit = benchunit.Tidy(0, v.Unit)
		}
		b.cell(r.workload, v.Unit, keys, impl).add(impl, sample{round, v.Value})
	}
}

// round names the round that a result belongs to. It is in the file, or it is the
// number of times that the benchmark has been seen in the file. Rounds of different
// files are different, unless files are what is compared.
func (b *builder) round(r result) string {
	id := r.file + "\n" + r.Name.String()
	n := b.seen[id]
	b.seen[id]++
	round := r.GetConfig("round")
	if round == "" {
		round = fmt.Sprint(n)
	}
	if len(round) < 4 {
		round = strings.Repeat("0", 4-len(round)) + round // so that they sort
	}
	if strings.HasPrefix(b.by, "/") {
		round = r.file + " " + round
	}
	return round
}

func (b *builder) addConfig(r result) {
	for _, c := range r.Config {
		if !c.File || c.Key == "round" {
			continue
		}
		have, value := b.set.Config[c.Key], string(c.Value)
		switch {
		case have == "":
			b.set.Config[c.Key] = value
		case !slices.Contains(strings.Split(have, ", "), value) && have != value:
			b.set.Config[c.Key] = have + ", " + value
		}
	}
	if b.set.Config["gomaxprocs"] == "" {
		b.set.Config["gomaxprocs"] = r.procs
	}
}

// cell returns the cell for a value, and makes it and its table if need be.
func (b *builder) cell(workload, unit string, keys []Key, impl string) *Cell {
	t := b.set.Table(workload, unit)
	if t == nil {
		t = &Table{Workload: workload, Unit: unit, Better: b.better(unit)}
		b.set.Tables = append(b.set.Tables, t)
	}
	c := t.Cell(cellName(keys))
	if c == nil {
		c = &Cell{Name: cellName(keys), Keys: keys, samples: map[string][]sample{}, wrong: map[string]float64{}}
		t.Cells = append(t.Cells, c)
	}
	c.impls = appendNew(c.impls, impl)
	return c
}

func (c *Cell) add(impl string, s sample) { c.samples[impl] = append(c.samples[impl], s) }

// better returns whether lower (-1) or higher (1) values of a unit are better. If
// the files do not tell, less time and less memory are.
func (b *builder) better(unit string) int {
	if better := b.units.GetBetter(unit); better != 0 {
		return better
	}
	number, _, _ := strings.Cut(unit, "/")
	if number == "sec" || number == "B" || strings.HasSuffix(number, "-sec") || strings.HasSuffix(number, "-B") {
		return -1
	}
	return 0
}

// markWrong marks the implementations that are wrong in all tables of the workload.
// A cell in which nobody else was measured has no table to stand in.
func (b *builder) markWrong() {
	for _, t := range b.set.Tables {
		for _, c := range t.Cells {
			for _, impl := range b.impls {
				if n := b.wrong[wrongKey{t.Workload, c.Name, impl}]; n > 0 {
					c.impls = appendNew(c.impls, impl)
					c.wrong[impl] = n
				}
			}
		}
	}
}

// cellName puts the name of a cell together.
func cellName(keys []Key) string {
	parts := make([]string, len(keys))
	for i, k := range keys {
		parts[i] = k.Value
		if k.Name != "" {
			parts[i] = k.Name + "=" + k.Value
		}
	}
	return strings.Join(parts, "/")
}
