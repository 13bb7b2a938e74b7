// SPDX-License-Identifier: EUPL-1.2

package web

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/thueringencert/leitstelle/services/triage/internal/casefile"
	"github.com/thueringencert/leitstelle/services/triage/internal/duty"
	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/page"
)

// tabs of a case, as the address names them.
var tabs = []string{"uebersicht", "meldung", "nachrichten", "dateien", "protokoll"}

type tabView struct {
	ID, Label, Href string
	Count           int
	Current         bool
}

// clockView is one clock in words.
type clockView struct {
	Name  string
	Due   *time.Time
	State string // for clockchip
	Text  string // instead of a chip, such as "zu prüfen"
}

// logView is one line of the timeline.
type logView struct {
	ID     string
	At     time.Time
	Who    string
	Text   string
	Reason string
	Tone   string
	Other  string // reference of the merged case it happened on
}

// can says what this person may do with this case now.
type can struct {
	Take, Assign, Edit, Classify, Message, Note, Merge, Attachment, Alert, Verify, Close, Lock, Unlock bool
}

// caseView is a case in the pane or as a page of its own.
type caseView struct {
	casefile.Dossier
	Tab, Path, Back string
	Tabs            []tabView
	Whole           bool // a page of its own
	Fragment        string
	Place           string // level, population, the administration that works for it
	Clocks          []clockView
	Main            *casefile.Report // what the overview quotes
	Log             []logView
	Latest          []logView
	ClassWords      string
	SuggestedWords  string
	Can             can
	Acts            map[string]actView
	Into            string // reference of the case it was merged into
	Channel         string
	Supplemented    map[string][]supplementView
}

type supplementView struct {
	casefile.Supplement
	Rows []page.Row
}

// openCase reads a case for the pane or page: that writes one line of audit.
func (h *Handler) openCase(c echo.Context, ref, tab, back string) (*caseView, error) {
	return h.openAs(c, by(c), ref, tab, back)
}

func (h *Handler) openAs(c echo.Context, who casefile.By, ref, tab, back string) (*caseView, error) {
	before, err := casefile.ParseCursor(c.QueryParam("vor"))
	if err != nil {
		return nil, err
	}
	d, err := h.desk().Dossier(c.Request().Context(), who, ref, casefile.Window{Before: before})
	if err != nil {
		return nil, err
	}
	return h.viewOf(c, d, tab, back), nil
}

func (h *Handler) viewOf(c echo.Context, d casefile.Dossier, tab, back string) *caseView {
	if !slices.Contains(tabs, tab) {
		tab = tabs[0]
	}
	v := &caseView{Dossier: d, Tab: tab, Path: "/lage/fall/" + d.Reference, Back: back, Place: h.place(c, d.Organisation)}
	v.Fragment = v.Path + "/teil?t=" + tab + v.before() + "&zurueck=" + url.QueryEscape(back)
	if len(d.Filed) > 0 {
		v.Main = &d.Filed[0]
		v.Channel = h.Pages.Word(page.Language(c), "channel", v.Main.Channel)
	}
	v.Clocks = h.clocks(c, d)
	v.Log = h.log(c, d)
	v.Latest = v.Log[max(0, len(v.Log)-6):]
	v.ClassWords, v.SuggestedWords = h.classWords(c, d.Class), h.classWords(c, d.Suggested)
	v.Can = abilities(by(c), d)
	v.Acts = h.acts(c, v)
	for _, e := range d.Merges {
		if e.Case == d.ID && e.Kind == casefile.KindMerged {
			v.Into = e.To
		}
	}
	v.Supplemented = map[string][]supplementView{}
	for _, s := range d.Supplements {
		v.Supplemented[s.Report] = append(v.Supplemented[s.Report], supplementView{s, h.fieldRows(c, s.Fields)})
	}
	v.Tabs = h.tabsOf(c, v)
	return v
}

// before is the place in one of the lists that the address asks for: a fragment
// that comes live stays there.
func (v *caseView) before() string {
	if v.Window.Before.List == "" {
		return ""
	}
	return "&vor=" + url.QueryEscape(v.Window.Before.String())
}

// EarlierHref leads to what came before in a list, "" when nothing did.
func (v *caseView) EarlierHref(list string) string {
	c, ok := v.Earlier[list]
	if !ok {
		return ""
	}
	return v.Path + "?t=" + v.Tab + "&vor=" + url.QueryEscape(c.String())
}

// NewestHref leads back to the newest of a list, "" when they are shown.
func (v *caseView) NewestHref(list string) string {
	if v.Window.Before.List != list {
		return ""
	}
	return v.Path + "?t=" + v.Tab
}

// LineHref is a lasting link to one line of a list.
func (v *caseView) LineHref(list, tab string, at time.Time, id string) string {
	return v.Path + "?t=" + tab + "&vor=" + url.QueryEscape(casefile.Cursor{List: list, At: at, ID: id, Upto: true}.String()) + "#x-" + id
}

func (h *Handler) tabsOf(c echo.Context, v *caseView) []tabView {
	counts := map[string]int{
		"meldung":     len(v.Filed) + v.Counts[casefile.ListSupplements],
		"nachrichten": v.Counts[casefile.ListMessages] + v.Counts[casefile.ListNotes], "dateien": v.Counts[casefile.ListAttachments],
	}
	if counts["meldung"] == 1 {
		counts["meldung"] = 0
	}
	out := make([]tabView, len(tabs))
	for i, id := range tabs {
		href := v.Path + "?t=" + id
		if !v.Whole && strings.HasPrefix(v.Back, inboxPath) {
			href = withTab(v.Back, id)
		}
		out[i] = tabView{ID: id, Label: h.Pages.T(c, "triage.tab."+id), Href: href, Count: counts[id], Current: id == v.Tab}
	}
	return out
}

// abilities asks the matrix once for the page.
func abilities(who casefile.By, d casefile.Dossier) can {
	o := d.Object()
	may := func(a actor.Action) bool { return who.May(a, o).Allowed }
	live := !d.State.Ended()
	mine := d.Assignee != nil && d.Assignee.ID == who.Actor.Person
	return can{
		Take:   live && may(actor.CaseTake) && (d.Assignee == nil || mine && d.State == casefile.New),
		Assign: live && may(actor.CaseAssign), Edit: d.State != casefile.Merged && may(actor.CaseEdit),
		Classify: live && may(actor.CaseClassify), Message: d.State != casefile.Merged && may(actor.CaseMessage),
		Note: d.State != casefile.Merged && may(actor.CaseNote), Merge: d.State.CanMove(casefile.Merged) && may(actor.CaseMerge),
		Attachment: may(actor.CaseAttachment), Alert: may(actor.AlertDraft), Verify: live && !d.Verified && may(actor.CaseClassify),
		Close: d.State.CanMove(casefile.Closed) && may(actor.CaseEdit),
		Lock:  d.State != casefile.Merged && !d.Locked && may(actor.CaseLock), Unlock: d.State != casefile.Merged && d.Locked && may(actor.CaseLock),
	}
}

// place is "Gemeinde · 14 200 Einw.".
func (h *Handler) place(c echo.Context, o event.Organisation) string {
	var parts []string
	if o.Level != "" {
		parts = append(parts, h.Pages.Word(page.Language(c), "level", o.Level))
	}
	if known, ok := h.Register.Organisation(o.ID); ok {
		if known.KreisName != "" && known.KreisName != o.Name {
			parts = append(parts, known.KreisName)
		}
		if known.Population > 0 {
			parts = append(parts, h.Pages.T(c, "triage.population", known.Population))
		}
		if by, ok := h.Register.Organisation(known.Administration); ok && known.Administration != "" {
			parts = append(parts, h.Pages.T(c, "triage.administration", "Name", by.Name))
		}
	}
	if _, heir, ok := h.Register.Successor(o.ID); ok {
		parts = append(parts, h.Pages.T(c, "triage.succeeded", "Name", heir.Name))
	}
	return strings.Join(parts, " · ")
}

func (h *Handler) clocks(c echo.Context, d casefile.Dossier) []clockView {
	var out []clockView
	for _, k := range d.Clocks {
		v := clockView{Name: h.Pages.T(c, "triage.clock."+k.Rule), Due: k.DueAt}
		switch k.At(h.Now()) {
		case duty.Done:
			v.State = "met"
		case duty.Waived:
			continue
		case duty.ToCheck:
			v.Text = h.Pages.T(c, "triage.clock.check")
		case duty.Running, duty.Overdue:
		}
		out = append(out, v)
	}
	return out
}

// classWords is "Betrug · Phishing".
func (h *Handler) classWords(c echo.Context, class string) string {
	if class == "" {
		return ""
	}
	lang := page.Language(c)
	group := casefile.ClassGroup(class)
	words := h.Pages.Word(lang, "rsit_class", group)
	if group != class {
		words += " · " + h.Pages.Word(lang, "rsit", class)
	}
	return words
}

// fieldRows shows the later fields of a report in words.
func (h *Handler) fieldRows(c echo.Context, fields map[string]any) []page.Row {
	var out []page.Row
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		label := strings.ReplaceAll(name, "_", " ") // a field that a newer intake sends
		if slices.Contains(laterFields, name) {
			label = h.Pages.T(c, "triage.later."+name)
		}
		out = append(out, page.Row{Label: label, Value: h.fieldValue(c, name, fields[name])})
	}
	return out
}

// laterFields are the later fields of a report that have a label of their own.
var laterFields = []string{
	"reporter_role", "status_now", "impact", "malicious_suspected", "cross_border", "cross_org_spread",
	"personal_data", "services_affected", "help_needed", "informed", "share_consent",
}

// fieldValue is a value in words: of the field's own list, or yes and no.
func (h *Handler) fieldValue(c echo.Context, list string, v any) string {
	switch x := v.(type) {
	case bool:
		return h.fieldValue(c, list, map[bool]string{true: "yes", false: "no"}[x])
	case string:
		for _, known := range []string{list, "yesno"} {
			if slices.Contains(page.Words(known), x) {
				return h.Pages.Word(page.Language(c), known, x)
			}
		}
		return x
	case []any:
		return h.fieldValues(c, list, x)
	case map[string]any: // who or which first, then what is known of it
		var parts []any
		for _, key := range []string{"service", "who", "degree", "since", "at", "workaround", "reference"} {
			if y, ok := x[key]; ok {
				parts = append(parts, y)
			}
		}
		return h.fieldValues(c, list, parts)
	}
	return fmt.Sprint(v)
}

func (h *Handler) fieldValues(c echo.Context, list string, values []any) string {
	parts := make([]string, len(values))
	for i, y := range values {
		parts[i] = h.fieldValue(c, list, y)
	}
	return strings.Join(parts, ", ")
}

// casePage is the view of a case as a page of its own.
type casePage struct {
	page.Base
	Case *caseView
}

// caseWhole is GET /lage/fall/{ref}.
func (h *Handler) caseWhole(c echo.Context) error {
	v, err := h.openCase(c, c.Param("ref"), c.QueryParam("t"), "")
	if err != nil {
		return err
	}
	h.whole(c, v)
	p := &casePage{Base: h.base(c, v.Reference+" "+v.Title, page.NavCases), Case: v}
	p.Exercise = v.Exercise
	return h.Pages.Render(c, http.StatusOK, "case", p)
}

// whole makes the pane a page of its own.
func (h *Handler) whole(c echo.Context, v *caseView) {
	v.Whole, v.Back = true, v.Path+"?t="+v.Tab
	v.Fragment = v.Path + "/teil?ganz=1&t=" + v.Tab + v.before()
	v.Acts, v.Tabs = h.acts(c, v), h.tabsOf(c, v)
}

// casePart is GET /lage/fall/{ref}/teil: the pane anew, for the stream.
func (h *Handler) casePart(c echo.Context) error {
	back := safeBack(c.QueryParam("zurueck"), inboxPath+"?fall="+c.Param("ref"))
	v, err := h.openCase(c, c.Param("ref"), c.QueryParam("t"), back)
	if err != nil {
		return err
	}
	if c.QueryParam("ganz") != "" {
		h.whole(c, v)
		return h.Pages.Fragment(c, http.StatusOK, "case", "whole", v)
	}
	return h.Pages.Fragment(c, http.StatusOK, "inbox", "pane", v)
}

// casePrint is GET /lage/fall/{ref}/druck: the whole file on paper, with the TLP
// in the head and foot of each sheet. The audit calls it an export.
func (h *Handler) casePrint(c echo.Context) error {
	who := by(c)
	who.Export = true
	v, err := h.openAs(c, who, c.Param("ref"), "", "")
	if err != nil {
		return err
	}
	p := &casePage{Base: page.Base{Title: v.Reference, Layout: page.Print, TLP: string(v.TLP), Exercise: v.Exercise}, Case: v}
	return h.Pages.Render(c, http.StatusOK, "print", p)
}
