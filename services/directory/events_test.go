// SPDX-License-Identifier: EUPL-1.2

package directory_test

import (
	"context"
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/bus"
	"github.com/thueringencert/leitstelle/shared/devstack"
	"github.com/thueringencert/leitstelle/shared/register"
	"github.com/thueringencert/leitstelle/shared/service"
	"github.com/thueringencert/leitstelle/shared/session"
)

// background runs a part until the test ends.
func background(t *testing.T, run func(context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("stopped with %v", err)
		}
	})
}

func TestAnotherServiceLearnsEverything(t *testing.T) {
	t.Parallel()
	nats := devstack.NewNATS(t)
	b := setupOn(t, devstack.Bus(t, nats), "klett", "chefin", "kiv", "analyst")
	mandate := b.mandate("16071043")
	background(t, b.Run)
	db, url := devstack.NewDB(t, service.Migrations()...)
	other := register.New(db, url, "intake", devstack.Bus(t, nats), zap.NewNop(), b.clock.Now)
	background(t, other.Run)

	devstack.Eventually(t, 30*time.Second, "the whole register there", func() bool {
		_, person := other.ActorOf(b.people["kiv"].ID)
		return len(other.Organisations()) == 687 && person
	})
	town, ok := other.Resolve("16071043")
	if !ok || town.Name != "Klettbach" || town.Kreis != "16071" || town.KreisName != "Landkreis Weimarer Land" || town.Population != 1239 ||
		town.Level != "gemeinde" || town.ARS != "160715007043" || town.Ref().Region() != "16.071.043" {
		t.Errorf("Klettbach arrived as %+v", town)
	}
	if office, ok := other.Organisation(town.Administration); !ok || office.Name != "VG Kranichfeld" || office.Ref().Region() != "16.071.000" {
		t.Errorf("its administration arrived as %+v, %v", office, ok)
	}
	if cert, _ := other.Organisation(b.people["analyst"].Organisation.ID); cert.Ref().Region() != "16.000.000" {
		t.Errorf("the CERT's region is %s, want the state's", cert.Ref().Region())
	}

	cookie := b.signIn("klett")
	s, ok := other.Session(context.Background(), session.Key(cookie), bus.Sessions)
	if !ok || s.Person != b.people["klett"].ID || !s.Valid(b.clock.Now()) {
		t.Errorf("the session right after signing in: %+v, %v", s, ok)
	}
	b.want(ask{method: "DELETE", path: "/api/directory/v1/sessions", as: "klett"}, 204)
	devstack.Eventually(t, 5*time.Second, "the session ended elsewhere", func() bool {
		s, _ := other.Session(context.Background(), session.Key(cookie), bus.Sessions)
		return !s.Valid(b.clock.Now())
	})

	reads := func() bool {
		a, _ := other.ActorOf(b.people["kiv"].ID)
		return a.May(actor.ReportRead, actor.Object{Organisation: town.ID}).Allowed
	}
	devstack.Eventually(t, 5*time.Second, "the mandate in force elsewhere", reads)
	b.decide(ask{method: "DELETE", path: "/api/directory/v1/mandates/" + mandate, as: "chefin"}, 204)
	devstack.Eventually(t, 5*time.Second, "the mandate ended elsewhere", func() bool { return !reads() })
}

func TestANewBrokerIsToldEverythingAgain(t *testing.T) {
	t.Parallel()
	nats := devstack.NewNATS(t)
	b := setupOn(t, devstack.Bus(t, nats), "klett")
	background(t, b.Run)
	devstack.Eventually(t, 30*time.Second, "everything published", func() bool {
		return b.count(`SELECT count(*) FROM outbox WHERE published_at IS NULL`) == 0 && b.count(`SELECT count(*) FROM stream_made`) == 1
	})
	cookie := b.signIn("klett")
	nats.Stop()
	if err := nats.Wipe(); err != nil {
		t.Fatal(err)
	}
	if err := nats.Start(); err != nil {
		t.Fatal(err)
	}
	db, url := devstack.NewDB(t, service.Migrations()...)
	late := register.New(db, url, "late", devstack.Bus(t, nats), zap.NewNop(), b.clock.Now)
	background(t, late.Run)
	devstack.Eventually(t, 30*time.Second, "a late service filled", func() bool {
		s, ok := late.Session(context.Background(), session.Key(cookie), bus.Sessions)
		_, person := late.ActorOf(b.people["klett"].ID)
		return len(late.Organisations()) == 687 && person && ok && s.Kind == session.KindPerson
	})
}
