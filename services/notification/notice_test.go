// SPDX-License-Identifier: EUPL-1.2

package notification_test

import (
	"strings"
	"testing"
	"time"

	"github.com/thueringencert/leitstelle/shared/devstack"
	"github.com/thueringencert/leitstelle/shared/event"
)

// wish is a notice of the directory to somebody.
func wish(kind, email string) event.NoticeWanted {
	id := event.NewID()
	return event.NoticeWanted{
		ID: id, Kind: kind, Topic: kind + "-" + id, Name: "Kim Muster", Email: email, Language: "de",
		Organisation: body(muster, "16071043", "Stadt Musterhausen", "gemeinde").Ref(), Path: "/verzeichnis/mandat/geheim123",
		Data: map[string]any{"principal": "Stadt Musterhausen", "agent": "KIV"},
	}
}

func TestWhatTheDirectoryWantsSaidIsMailedOnce(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	granted, unknown := wish("mandate_granted", "granted@example.org"), wish("kind_of_tomorrow", "unknown@example.org")
	again := granted
	again.Topic = "another"
	late := wish("contact_check", "late@example.org")
	over := start.Add(-time.Minute)
	late.ExpiresAt = &over
	broken := wish("contact_check", "no address")
	e.publish(granted, again, late, broken, unknown)

	m := e.mails("granted@example.org", 1)[0]
	if s := m.Subject(); s != "Mandat: Stadt Musterhausen und KIV" || !strings.Contains(m.Text(), "https://cert.example.org/verzeichnis/mandat/geheim123") {
		t.Errorf("subject = %q\n%s", s, m.Text())
	}
	if m := e.mails("unknown@example.org", 1)[0]; !strings.Contains(m.Text(), "eine neue Nachricht") {
		t.Errorf("a kind without words:\n%s", m.Text())
	}
	devstack.Eventually(t, 5*time.Second, "the links wiped and the useless wish put aside", func() bool {
		var links, dead int
		return e.db.Get(&links, `SELECT count(*) FROM notices WHERE data::text LIKE '%geheim123%'`) == nil && links == 0 &&
			e.db.Get(&dead, `SELECT count(*) FROM dead_event`) == nil && dead == 1
	})
	if n := len(e.sink.Messages("granted@example.org")) + len(e.sink.Messages("late@example.org")); n != 1 {
		t.Errorf("%d mails, want the one", n)
	}
}

// The mail server was away until the link had no use any more; or the person left.
func TestANoticeThatIsOverWhenItCouldGoIsNotSent(t *testing.T) {
	t.Parallel()
	gone := event.PersonChanged{ID: event.NewID(), Version: 1, Name: "Weg", Email: "gone@example.org", ChangedAt: start}
	e := newEnv(t, gone)
	w := wish("contact_check", "gone@example.org")
	w.Person = gone.ID
	e.publish(w)
	devstack.Eventually(t, 5*time.Second, "the delivery given up", func() bool {
		var n int
		return e.db.Get(&n, `SELECT count(*) FROM deliveries WHERE state = 'cancelled'`) == nil && n == 1
	})
	if n := len(e.sink.Messages("gone@example.org")); n != 0 {
		t.Errorf("%d mails to somebody who left", n)
	}
}
