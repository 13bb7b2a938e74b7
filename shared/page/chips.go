// SPDX-License-Identifier: EUPL-1.2

package page

import (
	"fmt"
	"html/template"
	"strings"
	"time"
)

var esc = template.HTMLEscapeString

// chip is text, shape and colour together, so that none is needed alone
// (WCAG 1.4.1).
func chip(class, ic, text string) template.HTML {
	pic := ""
	if ic != "" {
		pic = string(icon(ic))
	}
	return template.HTML(`<span class="chip ` + esc(class) + `">` + pic + esc(text) + `</span>`) //nolint:gosec // escaped
}

var sevRank = map[string]string{"critical": "1", "high": "2", "medium": "3", "low": "4"}

// sevchip shows a severity: sevchip .Severity, or sevchip .Severity "lg".
func (e *edition) sevchip(sev any, size ...string) template.HTML {
	s := str(sev)
	n, ok := sevRank[s]
	if !ok {
		return chip("st"+large(size), "", e.word("severity", s))
	}
	return chip("s"+n+large(size), "s"+n, e.word("severity", s))
}

// tlpchip shows a label in FIRST's colours on black.
func tlpchip(label any, size ...string) template.HTML {
	s := strings.ToUpper(strings.TrimPrefix(str(label), "TLP:"))
	class := "tlp tlp--" + strings.ToLower(strings.ReplaceAll(s, "+", "-"))
	return chip(class+large(size), "", "TLP:"+s)
}

// statechip shows the state of a case. A new one stands out.
func (e *edition) statechip(state any, size ...string) template.HTML {
	return e.stateChip("state", str(state), size)
}

// wordchip shows any other state: wordchip "report_status" .Status.
func (e *edition) wordchip(list string, id any, size ...string) template.HTML {
	return e.stateChip(list, str(id), size)
}

var chipTone = map[string]string{
	"new": " st--new", "waiting_for_you": " st--new", "published": " st--ok", "sent": " st--ok", "fixed": " st--ok",
	"not_affected": " st--ok", "failed": " st--bad", "bounced": " st--bad", "help": " st--bad", "mitigating": " st--warn",
	"withdrawn": " st--off", "closed": " st--off", "merged": " st--off", "cancelled": " st--off",
}

func (e *edition) stateChip(list, id string, size []string) template.HTML {
	return chip("st"+chipTone[id]+large(size), "", e.word(list, id))
}

// soon is when a running clock starts to warn.
const soon = 4 * time.Hour

// clockchip shows a deadline: clockchip .Due, clockchip .Due "met" or "waiting"
// for a clock that stands, clockchip .Due "" "Erstreaktion" with a name before it.
func (e *edition) clockchip(due any, more ...string) template.HTML {
	state, name := "", ""
	if len(more) > 0 {
		state = more[0]
	}
	if len(more) > 1 {
		name = more[1] + " "
	}
	if state == "met" || state == "waiting" {
		return chip("clk clk--done", "", name+e.t("page.clock."+state))
	}
	left, ok := e.left(due)
	if !ok {
		return chip("clk clk--done", "", name+"–")
	}
	class, ic, sign := "clk", "clock", ""
	word := e.t("page.clock.left")
	switch {
	case left < 0:
		class, ic, sign, left = "clk clk--over", "over", "−", -left
		word = e.t("page.clock.over")
	case left < soon:
		class = "clk clk--soon"
	}
	hide := ""
	if name == "" {
		hide = " sr"
	} else {
		sign = ""
	}
	attrs := ""
	if iso := e.iso(due); iso != "" {
		attrs = ` data-due="` + iso + `" title="` + esc(e.dt(due)) + `"`
	}
	return template.HTML(fmt.Sprintf(`<span class="chip %s"%s>%s%s<span class="clk__w%s">%s</span><span class="clk__t">%s</span></span>`, //nolint:gosec // escaped
		class, attrs, icon(ic), esc(name), hide, esc(word), esc(sign+span(left))))
}

// avatar shows who works on something: initials, and the name for screen readers.
func (e *edition) avatar(name any) template.HTML {
	s := str(name)
	if s == "" {
		return template.HTML(`<span class="av av--none" aria-hidden="true">–</span><span class="sr">` + esc(e.t("page.nobody")) + `</span>`) //nolint:gosec // escaped
	}
	u := User{Name: s}
	return template.HTML(`<span class="av" aria-hidden="true" title="` + esc(s) + `">` + esc(u.Initials()) + `</span><span class="sr">` + esc(s) + `</span>`) //nolint:gosec // escaped
}

func large(size []string) string {
	if len(size) > 0 && size[0] == "lg" {
		return " chip--lg"
	}
	return ""
}

// str takes identifiers of any string type, and none for nil.
func str(v any) string {
	switch s := v.(type) {
	case nil:
		return ""
	case string:
		return s
	}
	return fmt.Sprint(v)
}
