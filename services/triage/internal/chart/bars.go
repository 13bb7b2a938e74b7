// SPDX-License-Identifier: EUPL-1.2

// Package chart draws the Lagezentrum's pictures as SVG on the server: no
// script, readable without colour, and always with a table beside it. It knows
// numbers and labels, no cases.
package chart

import (
	"fmt"
	"html/template"
	"strings"
)

// Groups is how many parts a bar has; the page's legend names them in order.
const Groups = 4

// Bar is one stacked bar.
type Bar struct {
	Label   string
	Parts   [Groups]int
	Running bool // its time is not over yet: dashed
}

// Total is the height of the bar.
func (b Bar) Total() int {
	n := 0
	for _, p := range b.Parts {
		n += p
	}
	return n
}

// Average is the mean of the bars whose time is over, 0 without any.
func Average(bars []Bar) float64 {
	sum, n := 0, 0
	for _, b := range bars {
		if !b.Running {
			sum += b.Total()
			n++
		}
	}
	if n == 0 {
		return 0
	}
	return float64(sum) / float64(n)
}

// Highest is the index of the highest bar, -1 without bars.
func Highest(bars []Bar) int {
	best := -1
	for i, b := range bars {
		if best < 0 || b.Total() > bars[best].Total() {
			best = i
		}
	}
	return best
}

// The picture's measures, in its own units.
const (
	plotWidth  = 500.0
	plotHeight = 142.0
	plotLeft   = 26.0
	plotRight  = 442.0
	plotBase   = 124.0
	plotTop    = 16.0
)

// Stacked draws the bars with a grid and the average, which is written as mean.
func Stacked(id, title, description, mean string, bars []Bar) template.HTML {
	var b strings.Builder
	fmt.Fprintf(&b, `<svg class="plot" viewBox="0 0 %.0f %.0f" role="img" aria-labelledby="%s-t" aria-describedby="%s-d"><title id="%s-t">%s</title><desc id="%s-d">%s</desc>`,
		plotWidth, plotHeight, id, id, id, esc(title), id, esc(description))
	top := 0
	if i := Highest(bars); i >= 0 {
		top = bars[i].Total()
	}
	step := tick(top)
	unit := (plotBase - plotTop) / float64(max(top, step))
	fmt.Fprintf(&b, `<line class="base" x1="%.0f" x2="%.0f" y1="%.0f" y2="%.0f"/><text x="20" y="128" text-anchor="end">0</text>`,
		plotLeft, plotRight, plotBase, plotBase)
	for v := step; v <= max(top, step); v += step {
		y := plotBase - float64(v)*unit
		fmt.Fprintf(&b, `<line class="grid" x1="%.0f" x2="%.0f" y1="%.1f" y2="%.1f"/><text x="20" y="%.1f" text-anchor="end">%d</text>`,
			plotLeft, plotRight, y, y, y+4, v)
	}
	slot := (plotRight - plotLeft) / float64(max(len(bars), 1))
	for i, bar := range bars {
		drawBar(&b, bar, plotLeft+slot*float64(i), slot, unit)
		if i%2 == 0 {
			fmt.Fprintf(&b, `<text x="%.1f" y="138" text-anchor="middle">%s</text>`, plotLeft+slot*(float64(i)+0.5), esc(bar.Label))
		}
	}
	if a := Average(bars); a > 0 {
		y := plotBase - a*unit
		fmt.Fprintf(&b, `<line class="avg" x1="%.0f" x2="%.0f" y1="%.1f" y2="%.1f"/><text class="v" x="448" y="%.1f">%s</text>`,
			plotLeft, plotRight, y, y, y+4, esc(mean))
	}
	b.WriteString(`</svg>`)
	return template.HTML(b.String()) //nolint:gosec // texts are escaped, the rest are numbers
}

func drawBar(b *strings.Builder, bar Bar, x, slot, unit float64) {
	y := plotBase
	for g, n := range bar.Parts {
		if n == 0 {
			continue
		}
		h := float64(n) * unit
		y -= h
		class := fmt.Sprintf("b%d", g+1)
		if bar.Running {
			class += " part"
		}
		fmt.Fprintf(b, `<rect class="%s" x="%.1f" width="%.1f" y="%.1f" height="%.1f"/>`, class, x+slot*0.16, slot*0.68, y, h)
	}
}

// tick is the distance of the grid lines: two or three fit.
func tick(top int) int {
	for _, base := range []int{1, 10, 100, 1000, 10000} {
		for _, m := range []int{1, 2, 5} {
			if top <= 3*base*m {
				return base * m
			}
		}
	}
	return max(top/2, 1)
}

func esc(s string) string { return template.HTMLEscapeString(s) }
