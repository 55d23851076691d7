package stats

import (
	"cmp"
	"math"
	"slices"
)

// signedRank returns the p-value of the two-sided Wilcoxon signed-rank test: how
// likely values as lopsided as these are, if each of them could as well have had the
// other sign. Values of 0 say nothing and are left out.
func signedRank(values []float64) float64 {
	values = slices.DeleteFunc(slices.Clone(values), func(v float64) bool { return v == 0 || math.IsNaN(v) })
	n := len(values)
	if n == 0 {
		return 1
	}
	slices.SortFunc(values, func(a, b float64) int { return cmp.Compare(math.Abs(a), math.Abs(b)) })

	// Ranks are doubled, so that the mean rank of values that are equal is whole.
	ranks := make([]int, n)
	for i := 0; i < n; {
		j := i + 1
		for j < n && math.Abs(values[j]) == math.Abs(values[i]) {
			j++
		}
		for k := i; k < j; k++ {
			ranks[k] = i + 1 + j
		}
		i = j
	}
	positive, total := 0, 0
	for i, rank := range ranks {
		total += rank
		if values[i] > 0 {
			positive += rank
		}
	}
	low := min(positive, total-positive)
	if n > 200 { // the normal approximation is as good as exact, and does not take forever
		var squares float64
		for _, rank := range ranks {
			squares += float64(rank) * float64(rank)
		}
		z := (float64(low) - float64(total)/2) / math.Sqrt(squares/4)
		return min(1, math.Erfc(-z/math.Sqrt2))
	}

	// share[s] is the share of all choices of signs whose positive ranks sum up to s.
	share := make([]float64, total+1)
	share[0] = 1
	for _, rank := range ranks {
		for s := total; s >= 0; s-- {
			share[s] /= 2
			if s >= rank {
				share[s] += share[s-rank] / 2
			}
		}
	}
	p := 0.0
	for s := 0; s <= low; s++ {
		p += share[s]
	}
	return min(1, 2*p)
}

// Holm adjusts p-values for their number: the k-th smallest of n times n-k+1, and
// never less than that of a smaller one. To reject those that are still at most
// alpha is to reject even one true hypothesis with a probability of at most alpha.
func Holm(ps []float64) []float64 {
	order := make([]int, len(ps))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(ps[a], ps[b]) })
	adjusted := make([]float64, len(ps))
	last := 0.0
	for k, i := range order {
		last = max(last, min(1, ps[i]*float64(len(ps)-k)))
		adjusted[i] = last
	}
	return adjusted
}

// RoundsFor returns how many rounds it takes to decide anything among so many cells:
// the smallest p-value that n rounds can give is 2 to the power of 1-n.
func RoundsFor(cells int, alpha float64) int {
	if cells == 0 {
		return 0
	}
	return 1 + int(math.Ceil(math.Log2(float64(cells)/alpha)))
}
