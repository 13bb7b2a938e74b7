// SPDX-License-Identifier: EUPL-1.2

package web

import (
	"net/url"
	"strings"
	"time"
	_ "time/tzdata" // Europe/Berlin also where the system has no zone files

	"github.com/labstack/echo/v4"

	"github.com/thueringencert/leitstelle/services/triage/internal/casefile"
	"github.com/thueringencert/leitstelle/shared/page"
)

// berlin is where the weeks of the charts begin.
var berlin = func() *time.Location {
	loc, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		return time.UTC // cannot be: the zone files are part of the program
	}
	return loc
}()

// log puts the timeline into words.
func (h *Handler) log(c echo.Context, d casefile.Dossier) []logView {
	merged := map[string]string{}
	for _, e := range d.Merges {
		if e.Kind == casefile.KindAbsorbed {
			merged[e.Ref] = e.To
		}
	}
	out := make([]logView, len(d.Timeline))
	for i, e := range d.Timeline {
		out[i] = h.line(c, e)
		if e.Case != d.ID {
			out[i].Other = merged[e.Case]
		}
	}
	return out
}

// line is one entry in the reader's language.
func (h *Handler) line(c echo.Context, e casefile.Entry) logView {
	lang := page.Language(c)
	word := func(list, id string) string { return h.Pages.Word(lang, list, id) }
	v := logView{ID: e.ID, At: e.At, Who: e.Actor.Name, Reason: e.Reason}
	if strings.HasPrefix(e.Actor.ID, "service:") {
		v.Who = h.Pages.T(c, "triage.system")
	}
	t := func(id string, args ...any) string { return h.Pages.T(c, "triage.log."+id, args...) }
	switch e.Kind {
	case casefile.KindOpened:
		v.Text, v.Tone = t("opened", "Ref", e.Ref, "Channel", word("channel", e.From), "Severity", word("severity", e.To)), "in"
	case casefile.KindSupplement:
		v.Text, v.Tone = t("supplemented", "Who", h.somebody(c, e.To), "Ref", e.Ref), "me"
	case casefile.KindMessageIn:
		v.Text, v.Tone = t("message.in", "Who", h.somebody(c, e.To)), "me"
	case casefile.KindAttachment:
		v.Text, v.Tone = t("attachment", "Who", h.somebody(c, e.To)), "me"
	case casefile.KindMessageOut:
		v.Text = t("message.out")
	case casefile.KindNote:
		v.Text = t("note")
	case casefile.KindAnswered:
		v.Text = t("answered")
	case casefile.KindAssigned:
		v.Text = t("assigned", "Name", e.To)
		if e.To == "" {
			v.Text = t("unassigned", "Name", e.From)
		}
	case casefile.KindState:
		v.Text = t("state", "From", word("state", e.From), "To", word("state", e.To))
	case casefile.KindReopened:
		v.Text = t("reopened")
	case casefile.KindClosed:
		v.Text = t("closed", "As", word("disposition", e.To))
	case casefile.KindSeverity:
		v.Text = t("severity", "From", word("severity", e.From), "To", word("severity", e.To))
	case casefile.KindClass:
		v.Text = t("class", "To", h.classWords(c, e.To))
	case casefile.KindTLP:
		v.Text = t("tlp", "From", e.From, "To", e.To)
	case casefile.KindTitle:
		v.Text = t("title", "From", e.From, "To", e.To)
	case casefile.KindVerified:
		v.Text = t("verified", "Name", e.To)
	case casefile.KindMerged:
		v.Text = t("merged", "Ref", e.To)
		if e.To == "" { // into one that the reader may not know
			v.Text = t("merged.away")
		}
	case casefile.KindAbsorbed:
		v.Text = t("absorbed", "Ref", e.To)
	case casefile.KindAlert:
		v.Text = t("alert", "Ref", e.Ref, "State", word("alert_state", e.To))
	case casefile.KindJoined:
		v.Text = t("joined", "Ref", e.To)
	case casefile.KindLeft:
		v.Text = t("left", "Ref", e.From)
	case casefile.KindTakenOver:
		v.Text, v.Tone = t("takenover", "Who", h.somebody(c, e.To)), "me"
	case casefile.KindReturned:
		v.Text, v.Tone = t("returned", "Who", h.somebody(c, e.To)), "me"
	case casefile.KindContradict:
		v.Text, v.Tone = t("contradicted", "Who", h.somebody(c, e.To)), "in"
	case casefile.KindUndeliver:
		v.Text, v.Tone = t("undelivered", "Channel", e.To), "in"
	case casefile.KindSucceeded:
		v.Text, v.Tone = t("succeeded", "From", e.From, "To", e.To), "in"
	case casefile.KindHold:
		v.Text = t("hold")
	case casefile.KindRelease:
		v.Text = t("release")
	case casefile.KindLocked:
		v.Text = t("locked")
	case casefile.KindUnlocked:
		v.Text = t("unlocked")
	default:
		v.Text = e.Kind
	}
	return v
}

// somebody names who a guest is.
func (h *Handler) somebody(c echo.Context, name string) string {
	if name == "" {
		return h.Pages.T(c, "triage.reporter")
	}
	return name
}

// safeBack is where a form leads back to: only into the Lagezentrum.
func safeBack(s, otherwise string) string {
	u, err := url.Parse(s)
	if err != nil || u.IsAbs() || u.Host != "" || !strings.HasPrefix(u.Path, "/lage/") || strings.Contains(s, `\`) {
		return otherwise
	}
	return u.RequestURI()
}

// withTab is an address of the queue with another tab of the pane.
func withTab(back, tab string) string {
	u, err := url.Parse(back)
	if err != nil {
		return inboxPath
	}
	q := u.Query()
	q.Set("t", tab)
	u.RawQuery = q.Encode()
	return u.RequestURI()
}
