// SPDX-License-Identifier: EUPL-1.2

package chart

import (
	"fmt"
	"html/template"
	"slices"
	"strings"
)

// District is one hexagon of the map: a Landkreis or kreisfreie Stadt. Row and
// Column place it where its neighbours expect it; all have the same area, since
// the picture counts cases and not square kilometres.
type District struct {
	Code   string // 5 digits
	Sign   string // as on its number plates
	Name   string
	Row    int
	Column float64
}

// districts are the 22 of Thuringia since 2021, from north to south.
var districts = []District{
	{"16061", "EIC", "Landkreis Eichsfeld", 0, 0},
	{"16062", "NDH", "Landkreis Nordhausen", 0, 1},
	{"16065", "KYF", "Kyffhäuserkreis", 0, 2},
	{"16064", "UH", "Unstrut-Hainich-Kreis", 1, 0.5},
	{"16068", "SÖM", "Landkreis Sömmerda", 1, 1.5},
	{"16071", "AP", "Landkreis Weimarer Land", 1, 2.5},
	{"16074", "SHK", "Saale-Holzland-Kreis", 1, 3.5},
	{"16063", "WAK", "Wartburgkreis", 2, 0},
	{"16067", "GTH", "Landkreis Gotha", 2, 1},
	{"16051", "EF", "Erfurt", 2, 2},
	{"16055", "WE", "Weimar", 2, 3},
	{"16053", "J", "Jena", 2, 4},
	{"16052", "G", "Gera", 2, 5},
	{"16077", "ABG", "Landkreis Altenburger Land", 2, 6},
	{"16066", "SM", "Landkreis Schmalkalden-Meiningen", 3, 0.5},
	{"16070", "IK", "Ilm-Kreis", 3, 1.5},
	{"16073", "SLF", "Landkreis Saalfeld-Rudolstadt", 3, 2.5},
	{"16075", "SOK", "Saale-Orla-Kreis", 3, 3.5},
	{"16076", "GRZ", "Landkreis Greiz", 3, 4.5},
	{"16054", "SHL", "Suhl", 4, 1},
	{"16069", "HBN", "Landkreis Hildburghausen", 4, 2},
	{"16072", "SON", "Landkreis Sonneberg", 4, 3},
}

// Districts lists the districts by name.
func Districts() []District {
	out := slices.Clone(districts)
	slices.SortFunc(out, func(a, b District) int { return strings.Compare(short(a.Name), short(b.Name)) })
	return out
}

func short(name string) string { return strings.TrimPrefix(name, "Landkreis ") }

// Count is a district with its number.
type Count struct {
	District
	N int
}

// Ranked lists all districts, the highest number first, then by name.
func Ranked(counts map[string]int) []Count {
	out := make([]Count, len(districts))
	for i, d := range Districts() {
		out[i] = Count{d, counts[d.Code]}
	}
	slices.SortStableFunc(out, func(a, b Count) int { return b.N - a.N })
	return out
}

const (
	hexWidth = 31.18
	hexRow   = 27.0
)

// Hexagons draws the map. tip words the text of one hexagon.
func Hexagons(id, title, description string, counts map[string]int, tip func(name string, n int) string) template.HTML {
	var b strings.Builder
	fmt.Fprintf(&b, `<svg class="hex" viewBox="0 0 223 148" role="img" aria-labelledby="%s-t" aria-describedby="%s-d"><title id="%s-t">%s</title><desc id="%s-d">%s</desc>`,
		id, id, id, esc(title), id, esc(description))
	for _, d := range districts {
		n := counts[d.Code]
		x, y := 18.1+d.Column*hexWidth, 20+float64(d.Row)*hexRow
		shade, ink := shadeOf(n)
		fmt.Fprintf(&b, `<polygon class="%s" points="%.1f,%.1f %.1f,%.1f %.1f,%.1f %.1f,%.1f %.1f,%.1f %.1f,%.1f"><title>%s</title></polygon>`, shade,
			x, y-17.5, x+15.2, y-8.75, x+15.2, y+8.75, x, y+17.5, x-15.2, y+8.75, x-15.2, y-8.75, esc(tip(d.Name, n)))
		if n == 0 {
			fmt.Fprintf(&b, `<text class="%s" x="%.1f" y="%.0f">%s</text>`, ink, x, y+4, esc(d.Sign))
			continue
		}
		fmt.Fprintf(&b, `<text class="%s" x="%.1f" y="%.0f">%s</text><text class="n %s" x="%.1f" y="%.0f">%d</text>`,
			ink, x, y-1, esc(d.Sign), ink, x, y+11, n)
	}
	b.WriteString(`</svg>`)
	return template.HTML(b.String()) //nolint:gosec // texts are escaped, the rest are numbers
}

// shadeOf is the class of a number: five steps of lightness, and an ink that is
// readable on each.
func shadeOf(n int) (shade, ink string) {
	switch {
	case n == 0:
		return "h0", "ti"
	case n == 1:
		return "h1x", "ti"
	case n == 2:
		return "h2x", "ti"
	case n <= 4:
		return "h3x", "tv"
	}
	return "h4x", "tv"
}
