// SPDX-License-Identifier: EUPL-1.2

package chart_test

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/thueringencert/leitstelle/services/triage/internal/chart"
)

func wellFormed(t *testing.T, svg string) {
	t.Helper()
	for d := xml.NewDecoder(strings.NewReader(svg)); ; {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			t.Fatalf("%v in %s", err, svg)
		}
	}
}

func TestStackedBarsStayInThePicture(t *testing.T) {
	t.Parallel()
	for name, bars := range map[string][]chart.Bar{
		"none":     nil,
		"all zero": {{Label: "8"}, {Label: "9"}},
		"small":    {{Label: "8", Parts: [4]int{1}}, {Label: "9", Parts: [4]int{0, 1, 0, 1}, Running: true}},
		"large":    {{Label: "8", Parts: [4]int{4000, 300, 20, 1}}, {Label: "9", Parts: [4]int{1}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			svg := string(chart.Stacked("wk", "Vorfälle <je> Woche", "a & b", "Ø 1", bars))
			wellFormed(t, svg)
			if strings.Contains(svg, `y="-`) || strings.Contains(svg, "NaN") || strings.Contains(svg, "Inf") {
				t.Errorf("a bar leaves the picture: %s", svg)
			}
			if n := strings.Count(svg, `class="grid"`); n < 1 || n > 3 {
				t.Errorf("%d grid lines, want one to three", n)
			}
		})
	}
}

func TestTheAverageLeavesTheRunningWeekOut(t *testing.T) {
	t.Parallel()
	bars := []chart.Bar{{Parts: [4]int{1, 1}}, {Parts: [4]int{4}}, {Parts: [4]int{90}, Running: true}}
	if got := chart.Average(bars); got != 3 {
		t.Errorf("average %v, want 3", got)
	}
	if got := chart.Highest(bars); got != 2 {
		t.Errorf("highest %d, want 2", got)
	}
}

func TestTheMapShowsEveryDistrictOnce(t *testing.T) {
	t.Parallel()
	svg := string(chart.Hexagons("map", "Offen", "alle", map[string]int{"16051": 6, "16071": 1}, func(name string, n int) string { return fmt.Sprintf("%s: %d offen", name, n) }))
	wellFormed(t, svg)
	if n := strings.Count(svg, "<polygon"); n != 22 {
		t.Errorf("%d hexagons, want 22", n)
	}
	if !strings.Contains(svg, `class="h4x"`) || !strings.Contains(svg, "<title>Erfurt: 6 offen</title>") {
		t.Errorf("Erfurt is not the darkest: %s", svg)
	}
	seen := map[string]bool{}
	for _, c := range chart.Ranked(map[string]int{"16051": 6}) {
		place := fmt.Sprint(c.Row, c.Column)
		if seen[c.Code] || seen[place] {
			t.Errorf("%s or its place %s is there twice", c.Code, place)
		}
		seen[c.Code], seen[place] = true, true
	}
	if got := chart.Ranked(map[string]int{"16051": 6})[0].Name; got != "Erfurt" {
		t.Errorf("first of the table is %s, want Erfurt", got)
	}
}
