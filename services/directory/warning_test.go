// SPDX-License-Identifier: EUPL-1.2

package directory_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/thueringencert/leitstelle/services/directory"
	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/devstack"
	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/outbox"
)

type share struct {
	Total          struct{ Asked, Answered *int }
	Kreise, Months []struct {
		Key             string
		Asked, Answered *int
	}
}

// TestTheShareThatAnsweredTheLastWarningCountsThoseWhoWereAsked: of the bodies
// that got the last warning with a question, how many answered; whatever order
// the events come in, however often, and whatever older or other warnings say.
func TestTheShareThatAnsweredTheLastWarningCountsThoseWhoWereAsked(t *testing.T) {
	t.Parallel()
	nats := devstack.Bus(t, devstack.NewNATS(t))
	b := setupOn(t, nats, "klett", "pflege")
	b.load([]directory.Person{person("gremium", directory.Membership{Organisation: "tmdi", Role: actor.Steering})})
	background(t, b.Run)
	var towns []string
	if err := b.db.Select(&towns, `SELECT id FROM organisation WHERE level = 'gemeinde' AND kreis = '16071' AND gone_at IS NULL ORDER BY ags LIMIT 9`); err != nil || len(towns) != 9 {
		t.Fatalf("%d towns, %v", len(towns), err)
	}
	ctx, seq := context.Background(), int64(0)
	tell := func(p event.Payload) {
		t.Helper()
		e := event.New(p, event.Meta{At: b.clock.Now(), Actor: "service:notification"})
		body, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		seq++
		devstack.Eventually(t, 20*time.Second, "the event is published", func() bool {
			if nats.EnsureStreams(ctx) != nil {
				return false
			}
			_, err := nats.Publish(ctx, []outbox.Message{{Seq: seq, ID: e.ID, Subject: e.Subject(), Body: string(body)}})
			return err == nil
		})
	}
	last, old, drill, silent := event.NewID(), event.NewID(), event.NewID(), event.NewID()
	warn := func(id string, version int, after time.Duration, poll *event.Poll, exercise bool, bodies []string) {
		t.Helper()
		tell(event.AlertPublished{Bodies: bodies, Alert: event.Alert{
			ID: id, Version: version, State: "published", Poll: poll, Exercise: exercise, PublishedAt: b.clock.Now().Add(after),
		}})
	}
	answer := func(id, organisation, what string) {
		t.Helper()
		tell(event.PollAnswered{Alert: id, Organisation: event.Organisation{ID: organisation}, Answer: what, At: b.clock.Now()})
	}
	question := &event.Poll{Question: "Sind Sie betroffen?"}
	answer(last, towns[0], "fixed") // before its warning
	warn(last, 1, time.Minute, question, false, towns[:8])
	warn(last, 1, time.Minute, question, false, towns[:8]) // told again
	warn(old, 1, 0, question, false, towns)
	warn(drill, 1, time.Hour, question, true, towns)
	warn(silent, 1, time.Hour, nil, false, towns)
	for _, town := range towns[:5] {
		answer(last, town, "checking")
		answer(last, town, "fixed") // another answer of the same body
	}
	answer(last, towns[8], "fixed") // was not asked
	answer(old, towns[6], "fixed")
	const path = "/api/directory/v1/participation"
	var all, few share
	shows := func(asked, answered int) bool {
		all = share{}
		b.want(ask{path: path, as: "pflege"}, 200).decode(t, &all)
		return *all.Total.Asked == asked && *all.Total.Answered == answered
	}
	devstack.Eventually(t, 20*time.Second, "five of eight answered", func() bool {
		return shows(8, 5) && b.count(`SELECT count(*) FROM warning_body WHERE answered`) == 7
	})
	b.want(ask{path: path, as: "gremium"}, 200).decode(t, &few)
	if few.Total.Answered == nil || *few.Total.Answered != 5 {
		t.Errorf("the committee sees %v, want five", few.Total.Answered)
	}
	if err := b.CountParticipation(ctx); err != nil {
		t.Fatal(err)
	}
	if !shows(8, 5) || len(all.Months) != 1 || *all.Months[0].Asked != 8 || *all.Months[0].Answered != 5 {
		t.Errorf("the month is %+v, want five of eight", all.Months)
	}

	warn(event.NewID(), 1, 2*time.Minute, question, false, towns[:3]) // the newest one, to three
	devstack.Eventually(t, 20*time.Second, "nobody answered the newest", func() bool { return shows(3, 0) })
	few = share{}
	b.want(ask{path: path, as: "gremium"}, 200).decode(t, &few)
	if few.Total.Asked != nil {
		t.Errorf("the committee sees that %d were asked, want nothing so small", *few.Total.Asked)
	}
	table := b.want(ask{path: "/verzeichnis/beteiligung.csv", as: "gremium"}, 200).body
	page := b.want(ask{path: "/verzeichnis/beteiligung", as: "gremium"}, 200).body
	if !strings.Contains(table, "davon geantwortet") || !strings.Contains(page, "davon geantwortet") || strings.Contains(page, towns[0]) {
		t.Error("page or table lack the share, or name a body")
	}
}
