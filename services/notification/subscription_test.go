// SPDX-License-Identifier: EUPL-1.2

package notification_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/thueringencert/leitstelle/shared/actor"
)

func TestWhoUnsubscribedStillGetsWhatIsMandatory(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	put := func(want, version int, body string) {
		t.Helper()
		r := request{method: http.MethodPut, path: "/api/notification/v1/subscriptions", as: actor.Officer, json: body, header: ifMatch(version)}
		if want == http.StatusPreconditionRequired {
			r.header = nil
		}
		e.want(want, r)
	}
	put(http.StatusPreconditionRequired, 0, `{"organisation":"16071043","off":true,"min_severity":"","categories":[]}`)
	put(http.StatusPreconditionFailed, 7, `{"organisation":"16071043","off":true,"min_severity":"","categories":[]}`)
	put(http.StatusOK, 0, `{"organisation":"16071043","off":true,"min_severity":"","categories":[]}`)
	put(http.StatusPreconditionFailed, 0, `{"organisation":"16071043","off":false,"min_severity":"","categories":[]}`)
	put(http.StatusUnprocessableEntity, 0, `{"organisation":"16071043","mailbox":"a@x.example, b@y.example","off":false,"min_severity":"","categories":[]}`)
	put(http.StatusOK, 0, `{"organisation":"16071043","mailbox":"it@musterhausen.example","off":false,"min_severity":"","categories":[]}`)
	put(http.StatusNotFound, 0, `{"organisation":"16071000","off":true,"min_severity":"","categories":[]}`)
	mild := strings.Replace(strings.Replace(draft, `"warning_level":3`, `"warning_level":2`, 1), `"severity":"critical"`, `"severity":"high"`, 1)
	e.released(named(mild, "16071043"))
	e.mails("it@musterhausen.example", 1)
	e.released(named(draft, "16071043"))
	e.mails("officer@example.org", 1)
	box := e.mails("it@musterhausen.example", 2)
	if n := len(e.sink.Messages("officer@example.org")); n != 1 {
		t.Errorf("the officer got %d mails, want only the mandatory one", n)
	}
	m := linkIn.FindStringSubmatch(box[0].Text())
	if m == nil {
		t.Fatal("no link in the mail to the mailbox")
	}
	path, tok := token(t, m[1])
	e.want(http.StatusSeeOther, request{method: http.MethodPost, path: path + "/antwort", form: url.Values{"e": {tok}, "answer": {"not_affected"}}})
	page := e.want(http.StatusOK, request{path: "/warnungen/abo", cookie: actor.Officer})
	if !strings.Contains(page.body, "Ab Warnstufe 3 kommt jede Warnung.") || !strings.Contains(page.body, "it@musterhausen.example") {
		t.Errorf("page of subscriptions:\n%s", short(page.body))
	}
}

// Two people of a body change its mailbox: the second keeps what was typed, sees
// why it was not saved, and can save it on what is there now.
func TestASettingThatSomebodyElseChangedKeepsWhatWasTyped(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	form := func(version, mailbox string) request {
		return request{method: http.MethodPost, path: "/warnungen/abo", cookie: actor.Officer, form: url.Values{
			"organisation": {muster}, "box": {"yes"}, "version": {version}, "mailbox": {mailbox},
		}}
	}
	e.want(http.StatusSeeOther, form("0", "erste@musterhausen.example"))
	res := e.want(http.StatusPreconditionFailed, form("0", "zweite@musterhausen.example"))
	for _, want := range []string{"Jemand hat diese Einstellung inzwischen geändert.", `value="zweite@musterhausen.example"`, `name="version" value="1"><input type="hidden" name="box"`} {
		if !strings.Contains(res.body, want) {
			t.Errorf("the page does not have %s:\n%s", want, short(res.body))
		}
	}
	e.want(http.StatusSeeOther, form("1", "zweite@musterhausen.example"))
}
