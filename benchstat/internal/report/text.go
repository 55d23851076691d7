package report

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// quantity formats v with 3 digits and a prefix of the SI: 12.3 ns, 4 M/s.
func quantity(v float64, unit string) string {
	if v == 0 {
		return "0 " + unit
	}
	prefixes := []string{"p", "n", "µ", "m", "", "k", "M", "G", "T"}
	digits := fmt.Sprintf("%.2e", v) // rounded, so that 999.9 becomes 1.00e3
	mantissa, exponent, _ := strings.Cut(digits, "e")
	e, _ := strconv.Atoi(exponent)
	i := min(max(int(math.Floor(float64(e)/3)), -4), 4)
	rounded, _ := strconv.ParseFloat(mantissa, 64)
	scaled := rounded * math.Pow10(e-3*i)
	return strings.TrimSpace(strconv.FormatFloat(scaled, 'g', 3, 64) + " " + prefixes[i+4] + unit)
}

// valueText formats a value of a unit of benchfmt.
func valueText(v float64, unit string) string {
	name, per, _ := strings.Cut(unit, "/")
	if per != "" {
		per = "/" + per
	}
	if per == "/op" {
		per = "" // says the heading
	}
	switch {
	case strings.HasSuffix(name, "sec"):
		return quantity(v, "s"+per)
	case name == "B" && v < 100_000:
		return fmt.Sprintf("%.0f B%s", v, per)
	case name == "B":
		return quantity(v, "B"+per)
	}
	return strconv.FormatFloat(v, 'g', 3, 64)
}
