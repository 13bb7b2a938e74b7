// SPDX-License-Identifier: EUPL-1.2

package message_test

import (
	"strings"
	"testing"
	"time"

	"github.com/thueringencert/leitstelle/services/notification/internal/message"
	"github.com/thueringencert/leitstelle/shared/event"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func TestPausesGrow(t *testing.T) {
	t.Parallel()
	for attempts, want := range map[int]time.Duration{1: time.Minute, 2: 2 * time.Minute, 3: 5 * time.Minute, 4: 15 * time.Minute, 5: 30 * time.Minute, 50: 30 * time.Minute} {
		next, ok := message.After(attempts, noon, noon)
		if got := next.Sub(noon); !ok || got != want {
			t.Errorf("after %d attempts wait %s, %v; want %s", attempts, got, ok, want)
		}
	}
	if _, ok := message.After(3, noon, noon.Add(message.GiveUp+time.Second)); ok {
		t.Error("a message is tried for ever")
	}
}

func TestAMessageIDStaysWithItsDelivery(t *testing.T) {
	t.Parallel()
	d := message.Delivery{ID: event.NewID()}
	again := message.Delivery{ID: d.ID, Attempts: 3}
	other := message.Delivery{ID: event.NewID()}
	if d.MessageID("x.example") != again.MessageID("x.example") || d.MessageID("x.example") == other.MessageID("x.example") {
		t.Error("message ids do not follow from the delivery alone")
	}
}

func TestContactOf(t *testing.T) {
	t.Parallel()
	me := &message.To{Email: "Kim@stadt.example", Person: "p"}
	for name, tt := range map[string]struct {
		callback string
		person   *message.To
		want     string
	}{
		"a guest without an address":   {"", nil, ""},
		"a guest's address":            {"kim@privat.example", nil, "kim@privat.example"},
		"both addresses":               {"kim@privat.example", me, "kim@privat.example Kim@stadt.example"},
		"the same address once":        {"kim@STADT.example", me, "kim@STADT.example"},
		"what is no address is none":   {"kim@privat.example\r\nBcc: x@y.example", me, "Kim@stadt.example"},
		"a quoted trick is none":       {`"a> BCC:x"@y.example`, nil, ""},
		"two addresses are no address": {"a@x.example,b@y.example", nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := message.ContactOf(event.ReportSubmitted{Callback: event.Contact{Email: tt.callback}}, tt.person)
			var got []string
			for _, to := range c.To {
				got = append(got, to.Email)
			}
			if strings.Join(got, " ") != tt.want {
				t.Errorf("ContactOf = %v, want %q", got, tt.want)
			}
		})
	}
}

func TestNeedsCall(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		severity, state string
		want            bool
	}{
		"a new critical case calls":   {"critical", "new", true},
		"one that became critical":    {"critical", "working", true},
		"not a high one":              {"high", "new", false},
		"not a closed one":            {"critical", "closed", false},
		"not one that became another": {"critical", "merged", false},
	} {
		if got := message.NeedsCall(event.Case{Severity: tt.severity, State: tt.state}); got != tt.want {
			t.Errorf("%s: NeedsCall = %v, want %v", name, got, tt.want)
		}
	}
}

// reliability §2.5: a mail about AMBER+STRICT or RED says no more than "log in";
// the steps to take would tell what happened.
func TestAReceiptSaysWhatHappenedUpToAMBEROnly(t *testing.T) {
	t.Parallel()
	for label, want := range map[string]bool{"CLEAR": true, "GREEN": true, "AMBER": true, "AMBER+STRICT": false, "RED": false, "": false, "nonsense": false} {
		n := message.ReceiptOf("1", event.ReportSubmitted{Report: "r", Reference: "M-2026-000123", What: "ransomware", TLP: label}, noon)
		if got := strings.Contains(string(n.Data), "ransomware"); got != want {
			t.Errorf("TLP %q: the receipt says what happened = %v, want %v: %s", label, got, want, n.Data)
		}
	}
}

func TestNoNoticeHoldsContent(t *testing.T) {
	t.Parallel()
	r := event.ReportSubmitted{
		Report: "r", Reference: "M-2026-000123", Description: "CANARY", Callback: event.Contact{Name: "CANARY", Phone: "CANARY"},
		Affected: event.Organisation{Name: "CANARY"}, Systems: []string{"CANARY"},
	}
	c := event.Case{ID: "c", Title: "CANARY", Organisation: event.Organisation{Name: "CANARY"}}
	m := event.CaseMessagePosted{Message: "m", Text: "CANARY", Reference: "V-2026-000147", TLP: "RED", Organisation: event.Organisation{Name: "CANARY"}}
	for _, n := range []message.Notice{message.ReceiptOf("1", r, noon), message.OnCallOf("2", c, noon), message.QuestionOf("3", m, message.Contact{}, noon)} {
		if strings.Contains(string(n.Data), "CANARY") || n.Kind == message.Question && strings.Contains(string(n.Data), "V-2026") {
			t.Errorf("notice %s holds content: %s", n.Kind, n.Data)
		}
	}
}

func TestANoticeLeadsToThisSiteOnly(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]bool{
		"/verzeichnis/mandat/1": true, "/konto?t=abc_-": true, "": false, "//evil.example": false, "https://evil.example": false,
		`/\evil.example`: false, "/a\r\nBcc: x@y.example": false, "/a b": false, "/ä": false, "javascript:alert(1)": false,
	} {
		if got := message.OnThisSite(path); got != want {
			t.Errorf("OnThisSite(%q) = %v, want %v", path, got, want)
		}
		n := message.WantedOf("1", event.NoticeWanted{ID: "w", Kind: "k", Path: path, Data: map[string]any{"a": "b", "n": 7.0}}, noon)
		if got := strings.Contains(string(n.Data), `"path"`); got != want || n.Key != "notice:w" || strings.Contains(string(n.Data), "7") {
			t.Errorf("notice %q of path %q: %s", n.Key, path, n.Data)
		}
	}
}

func TestWhatIsOverIsNotSaid(t *testing.T) {
	t.Parallel()
	until := noon.Add(time.Hour)
	n := message.WantedOf("1", event.NoticeWanted{ID: "w", Kind: "k", ExpiresAt: &until}, noon)
	if n.Over(until) || !n.Over(until.Add(time.Second)) {
		t.Error("a notice is over at its end, not before, not later")
	}
	if message.WantedOf("1", event.NoticeWanted{ID: "w", Kind: "k"}, noon).Over(until.AddDate(9, 0, 0)) {
		t.Error("a notice without an end is never over")
	}
	if !message.InvitationOf("1", "e", event.PersonInvited{ExpiresAt: noon}, noon).Over(until) {
		t.Error("an invitation is over when its token is")
	}
}
