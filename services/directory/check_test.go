// SPDX-License-Identifier: EUPL-1.2

package directory_test

import (
	"context"
	"encoding/json"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/thueringencert/leitstelle/services/directory"
	"github.com/thueringencert/leitstelle/shared/devstack"
	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/outbox"
)

const aDay = 24 * time.Hour

// round does the day's work and returns how many contacts were asked.
func (b *bench) round() int {
	b.t.Helper()
	n, err := b.ContactRound(context.Background())
	if err != nil {
		b.t.Fatal(err)
	}
	return n
}

// links are the paths of the mails of a kind, the oldest first.
func (b *bench) links(kind string) []string {
	b.t.Helper()
	var bodies []string
	if err := b.db.Select(&bodies, `SELECT body FROM outbox WHERE type = 'directory.notice.wanted' AND body LIKE '%"kind":"' || $1 || '"%' ORDER BY seq`, kind); err != nil {
		b.t.Fatal(err)
	}
	var out []string
	for _, s := range bodies {
		var e struct{ Data event.NoticeWanted }
		if err := json.Unmarshal([]byte(s), &e); err != nil {
			b.t.Fatal(err)
		}
		out = append(out, e.Data.Path)
	}
	return out
}

// old loads contacts of Klettbach that were confirmed long ago.
func (b *bench) old(contacts ...directory.Contact) {
	b.t.Helper()
	for i := range contacts {
		contacts[i].Organisation, contacts[i].Functions = "16071043", []string{"head"}
	}
	if err := b.LoadContacts(context.Background(), contacts); err != nil {
		b.t.Fatal(err)
	}
}

func TestAContactIsAskedOnceAYearAndOnlyAPostConfirms(t *testing.T) {
	t.Parallel()
	b := setup(t, "klett")
	b.old(directory.Contact{Name: "Alt", Email: "alt@example.org", Age: 400 * aDay}, directory.Contact{Name: "Frisch", Email: "frisch@example.org", Age: 10 * aDay}, directory.Contact{Name: "Nie", Email: "nie@example.org", Age: -1})
	if n := b.round(); n != 2 {
		t.Fatalf("%d contacts asked, want the old one and the one never confirmed", n)
	}
	if n := b.round(); n != 0 {
		t.Errorf("%d asked again on the same day", n)
	}
	link := b.links("contact_check")[1] // never confirmed comes first
	if secret := strings.TrimPrefix(link, "/verzeichnis/bestaetigen/"); len(secret) != 16 || b.count(`SELECT count(*) FROM contact_check WHERE encode(sum, 'escape') LIKE '%' || $1 || '%'`, secret) != 0 {
		t.Errorf("the secret of the link %q is not 80 bits, or it is in the database", link)
	}
	shown := b.want(ask{path: link}, 200)
	if !strings.Contains(shown.body, "alt@example.org") || strings.Contains(shown.body, "frisch@example.org") {
		t.Error("the link does not show exactly its own contact")
	}
	if n := b.count(`SELECT count(*) FROM contact_check WHERE answered_at IS NOT NULL`); n != 0 {
		t.Fatal("a GET confirmed: every mail scanner would")
	}
	form := map[string]string{"Sec-Fetch-Site": "same-origin"}
	b.want(ask{method: "POST", path: link, form: url.Values{}, header: form}, 303)
	b.want(ask{method: "POST", path: link, form: url.Values{}, header: form}, 303) // a second tap
	if n := b.count(`SELECT count(*) FROM contact WHERE email = 'alt@example.org' AND confirmed_at > now() - interval '10 years' AND version = 2`); n != 1 {
		t.Error("the POST did not confirm it once")
	}
	if !strings.Contains(b.want(ask{path: link}, 200).body, "Danke!") {
		t.Error("the used link does not say that the answer arrived")
	}
	for _, bad := range []string{"/verzeichnis/bestaetigen/aaaaaaaaaaaaaaaa", link + "a", "/verzeichnis/bestaetigen/%00"} {
		b.want(ask{path: bad}, 404)
		b.want(ask{method: "POST", path: bad, form: url.Values{}, header: form}, 404)
	}
	b.clock.pass(61 * aDay)
	b.want(ask{path: link}, 404)
	b.clock.pass(370 * aDay)
	if n := b.round(); n != 3 {
		t.Errorf("%d asked after another year, want all three", n)
	}
	b.chain()
}

func TestWhoDoesNotAnswerBecomesATask(t *testing.T) {
	t.Parallel()
	b := setup(t, "klett", "chefin", "pflege", "fremd")
	b.old(directory.Contact{Name: "Stumm", Email: "stumm@example.org", Age: 400 * aDay}, directory.Contact{Name: "Ohne", Phone: "036209 9", Age: 400 * aDay})
	b.round() // asks the one, hands over the other, who has no address
	b.clock.pass(15 * aDay)
	if n := b.round(); n != 1 {
		t.Fatalf("%d reminders, want 1", n)
	}
	if l := b.links("contact_check"); len(l) != 2 || l[0] == l[1] {
		t.Fatalf("links %q, want another one in the reminder", l)
	}
	b.clock.pass(15 * aDay)
	b.round()
	b.round()
	var list struct {
		Items []struct{ ID, Kind, Address, Contact string }
	}
	b.want(ask{path: "/api/directory/v1/tasks", as: "pflege"}, 200).decode(t, &list)
	if len(list.Items) != 2 || list.Items[0].Kind != "unconfirmed" {
		t.Fatalf("tasks %+v, want one for each contact", list.Items)
	}
	b.want(ask{path: "/api/directory/v1/tasks", as: "klett"}, 404)
	b.want(ask{path: "/api/directory/v1/tasks", as: "chefin"}, 200).decode(t, &list)
	if len(list.Items) != 0 {
		t.Errorf("the town sees the CERT's tasks: %+v", list.Items)
	}
	// Both links are still good; the answer settles the task.
	for _, l := range b.links("contact_check") {
		b.want(ask{path: l}, 200)
	}
	b.want(ask{method: "POST", path: b.links("contact_check")[0], form: url.Values{"do": {"change"}, "wish": {""}}}, 422)
	b.want(ask{method: "POST", path: b.links("contact_check")[0], form: url.Values{"do": {"change"}, "wish": {"Neue Nummer <script>"}}}, 303)
	b.want(ask{path: "/api/directory/v1/tasks", as: "chefin"}, 200).decode(t, &list)
	if len(list.Items) != 1 || list.Items[0].Kind != "change_wanted" {
		t.Fatalf("tasks of the town: %+v, want the wish", list.Items)
	}
	if n := b.count(`SELECT count(*) FROM contact WHERE email = 'stumm@example.org' AND version = 1`); n != 1 {
		t.Error("the link changed the contact itself")
	}
	if page := b.want(ask{path: "/verzeichnis/aufgaben", as: "chefin"}, 200); !strings.Contains(page.body, "Neue Nummer &lt;script&gt;") {
		t.Error("the wish is not on the page, or as markup")
	}
	id := list.Items[0].ID
	b.want(ask{method: "POST", path: "/api/directory/v1/tasks/" + id + "/done", as: "fremd", json: map[string]string{"note": "x"}}, 404)
	b.want(ask{method: "POST", path: "/api/directory/v1/tasks/" + id + "/done", as: "chefin", json: map[string]string{"note": "eingetragen"}}, 200)
	b.want(ask{method: "POST", path: "/api/directory/v1/tasks/" + id + "/done", as: "chefin", json: map[string]string{"note": "x"}}, 409)
	contact := b.count(`SELECT count(*) FROM task WHERE done_at IS NULL AND kind = 'unconfirmed'`)
	if contact != 2 {
		t.Errorf("%d open, want both unconfirmed ones", contact)
	}
	b.chain()
}

func TestAMailThatDoesNotArriveIsOneTask(t *testing.T) {
	t.Parallel()
	nats := devstack.NewBus(t)
	b := setupOn(t, nats, "klett", "chefin", "fremd", "pflege")
	c := b.name("chefin", "1", map[string]any{"name": "A B", "functions": []string{"head"}, "phone": "036209 1", "email": "weg@example.org"})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); _ = b.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
	town := b.people["klett"].Organisation.ID
	fail := func(f event.DeliveryFailed) {
		t.Helper()
		f.Delivery, f.At = event.NewID(), b.clock.Now()
		e := event.New(f, event.Meta{At: f.At, Actor: "service:notification"})
		body, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		devstack.Eventually(t, 20*time.Second, "the failure is published", func() bool {
			if nats.EnsureStreams(ctx) != nil {
				return false
			}
			_, err := nats.Publish(ctx, []outbox.Message{{Seq: 1, ID: e.ID, Subject: e.Subject(), Body: string(body)}})
			return err == nil
		})
	}
	gone := event.DeliveryFailed{Channel: "email", Organisation: town, Recipient: "WEG@example.org", Reason: "550 no such user"}
	fail(event.DeliveryFailed{Channel: "email", Reason: "a guest's own address"})
	fail(event.DeliveryFailed{Channel: "email", Organisation: event.NewID(), Recipient: "x@example.org"})
	fail(gone)
	fail(gone)
	fail(event.DeliveryFailed{Channel: "email", Person: b.people["chefin"].ID, Reason: "mailbox full"})
	devstack.Eventually(t, 10*time.Second, "two tasks, one counted twice", func() bool {
		return b.count(`SELECT count(*) FROM task WHERE kind = 'bounce'`) == 2 && b.count(`SELECT times FROM task WHERE address = 'weg@example.org'`) == 2
	})
	if n := len(b.links("contact_task")); n != 1 {
		t.Errorf("%d mails about it, want one to the administrator, none about her own address", n)
	}
	var list struct {
		Items []struct{ Address, Contact string }
	}
	b.want(ask{path: "/api/directory/v1/tasks", as: "chefin"}, 200).decode(t, &list)
	if len(list.Items) != 1 || list.Items[0].Contact != c.ID {
		t.Errorf("tasks of the town %+v, want the contact's", list.Items)
	}
	b.want(ask{path: "/api/directory/v1/tasks", as: "fremd"}, 200).decode(t, &list)
	if len(list.Items) != 0 {
		t.Errorf("another town sees %+v", list.Items)
	}
	b.want(ask{method: "PATCH", path: klettbachContacts + "/" + c.ID, as: "pflege", json: map[string]any{"email": "neu@example.org"}, header: ifMatch("1")}, 200)
	if n := b.count(`SELECT count(*) FROM task WHERE address = 'weg@example.org' AND done_at IS NOT NULL`); n != 1 {
		t.Error("a new address does not settle the task")
	}
	b.chain()
}
