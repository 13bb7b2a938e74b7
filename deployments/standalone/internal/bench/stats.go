// SPDX-License-Identifier: EUPL-1.2

package bench

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strconv"
	"time"
)

// Figure is one result: a name, a number and its unit.
type Figure struct {
	Name  string
	Value float64
	Unit  string
}

// Figures collects results; the bench ends by printing one line for each.
type Figures []Figure

// Add appends a figure.
func (f *Figures) Add(name string, value float64, unit string) {
	*f = append(*f, Figure{name, value, unit})
}

// Print writes one line a figure: NAME VALUE UNIT.
func (f Figures) Print(w io.Writer) {
	for _, x := range f {
		digits := 2
		if x.Value >= 1000 {
			digits = 0
		}
		_, _ = fmt.Fprintf(w, "%s %s %s\n", x.Name, strconv.FormatFloat(x.Value, 'f', digits, 64), x.Unit)
	}
}

// percentile returns the p-th (0..1) of durations by nearest rank; sorted must
// be in order. Of nothing it is 0.
func percentile(sorted []time.Duration, p float64) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	i := int(p*float64(len(sorted))+0.5) - 1
	return sorted[min(max(i, 0), len(sorted)-1)]
}

// median of values; of an even number the mean of the two in the middle.
func median[T cmp.Ordered](values []T, mean func(a, b T) T) T {
	var zero T
	if len(values) == 0 {
		return zero
	}
	s := slices.Clone(values)
	slices.Sort(s)
	m := len(s) / 2
	if len(s)%2 == 1 {
		return s[m]
	}
	return mean(s[m-1], s[m])
}

// medianOf is the median of what of returns for each item.
func medianOf[T any](items []T, of func(T) float64) float64 {
	values := make([]float64, len(items))
	for i, it := range items {
		values[i] = of(it)
	}
	return median(values, func(a, b float64) float64 { return (a + b) / 2 })
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
