// SPDX-License-Identifier: EUPL-1.2

package directory_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/thueringencert/leitstelle/services/directory"
	"github.com/thueringencert/leitstelle/shared/actor"
)

type counts struct {
	Total          struct{ Bodies, Active, Mandate *int }
	Levels, Kreise []struct {
		Key, Name string
		Bodies    int
		Active    *int
	}
	Months []struct {
		Key    string
		Bodies int
	}
}

func TestParticipationIsCountedAndSmallNumbersStaySecret(t *testing.T) {
	t.Parallel()
	b := setup(t, "klett", "pflege", "fremd")
	b.load([]directory.Person{person("gremium", directory.Membership{Organisation: "tmdi", Role: actor.Steering})})
	ctx := context.Background()
	for range 2 { // the second count of a month takes the place of the first
		if err := b.CountParticipation(ctx); err != nil {
			t.Fatal(err)
		}
	}
	b.clock.pass(31 * 24 * time.Hour)
	if err := b.CountParticipation(ctx); err != nil {
		t.Fatal(err)
	}
	const path = "/api/directory/v1/participation"
	b.want(ask{path: path, as: "klett"}, 404)
	var all, few counts
	b.want(ask{path: path, as: "pflege"}, 200).decode(t, &all)
	if all.Total.Active == nil || *all.Total.Active != 1 || *all.Total.Bodies != 685 || len(all.Kreise) != 22 {
		t.Errorf("the manager sees %+v, %d Kreise; want one active of 685 and 22", all.Total, len(all.Kreise))
	}
	if len(all.Months) != 2 || all.Months[0].Key != "2026-11" || all.Months[0].Bodies != 685 {
		t.Errorf("months %+v, want November and December", all.Months)
	}
	b.want(ask{path: path, as: "gremium"}, 200).decode(t, &few)
	if few.Total.Active != nil {
		t.Errorf("the committee sees %d, want nothing so small", *few.Total.Active)
	}
	for _, k := range few.Kreise {
		if k.Active != nil && *k.Active > 0 && *k.Active < 5 {
			t.Errorf("%s shows %d", k.Name, *k.Active)
		}
	}
	body := b.want(ask{path: "/verzeichnis/beteiligung", as: "gremium"}, 200).body
	if !strings.Contains(body, "unter 5") || !strings.Contains(body, "<svg") || strings.Contains(body, "Klettbach") {
		t.Error("the page lacks what is hidden, or the picture, or names a body")
	}
	a := b.want(ask{path: "/verzeichnis/beteiligung.csv", as: "gremium"}, 200)
	if !strings.Contains(a.body, ";unter 5;") || !strings.Contains(a.Header.Get("Content-Disposition"), "attachment") {
		t.Errorf("table: %s", a.body)
	}
	for line := range strings.SplitSeq(strings.TrimPrefix(a.body, "\ufeff"), "\n") {
		for cell := range strings.SplitSeq(line, ";") {
			if cell != "" && strings.ContainsAny(cell[:1], "=+-@\t") {
				t.Errorf("a spreadsheet would reckon with %q", cell)
			}
		}
	}
}

func TestALandkreisSeesHowFarItsMunicipalitiesAreAndNoMore(t *testing.T) {
	t.Parallel()
	b := setup(t, "klett", "pflege")
	b.load([]directory.Person{person("kreis", directory.Membership{Organisation: "16071000", Role: actor.Officer})})
	for who, want := range map[string]bool{"kreis": true, "pflege": true, "klett": false} {
		body := b.want(ask{path: "/verzeichnis/kommunen/16071000", as: who}, 200).body
		if strings.Contains(body, "noch nicht begonnen") != want {
			t.Errorf("%s sees the members: %v, want %v", who, !want, want)
		}
	}
}
