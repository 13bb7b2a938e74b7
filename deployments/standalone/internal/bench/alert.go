// SPDX-License-Identifier: EUPL-1.2

package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/jmoiron/sqlx"
	"go.uber.org/zap"

	"github.com/thueringencert/leitstelle/deployments/standalone"
	"github.com/thueringencert/leitstelle/services/notification"
	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/bus"
	"github.com/thueringencert/leitstelle/shared/devstack"
	"github.com/thueringencert/leitstelle/shared/devstack/mailsink"
	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/outbox"
	"github.com/thueringencert/leitstelle/shared/runner"
	"github.com/thueringencert/leitstelle/shared/service"
	"github.com/thueringencert/leitstelle/shared/session"
)

// What an alert is measured with.
const (
	recipients  = 2000
	alertRounds = 9
	alertLimit  = 60 * time.Second
	mailConns   = 4 // the service's default
)

// Alert measures an alert to 2,000 organisations against a loop that sends the
// same mails with go-mail over as many connections into the same server and
// notes nothing. alert.ratio begins when the alert is released, so that both
// have their recipients, and ends when the server has the last mail, as the
// bare loop does; alert.noted.ratio ends when every delivery is noted as sent;
// alert.seconds and alert.whole.ratio also begin earlier, with the request that
// releases the alert, chooses the recipients and makes their answer links. The
// rounds alternate.
func Alert(ctx context.Context, p Plan, dir string) (f Figures, err error) {
	runner.Tune() // as the programs do
	a, err := startAlerts(ctx, dir)
	if err != nil {
		return nil, errors.Join(err, a.stop())
	}
	defer func() { err = errors.Join(err, a.stop()) }()
	var ratios, noted, wholes, seconds, bare []float64
	for i := range alertRounds + 1 {
		took, err := a.release(ctx)
		if err != nil {
			return nil, err
		}
		mails := a.sink.Messages("")
		a.sink.Clear()
		raw, err := sendBare(ctx, a.sink.Addr(), mails)
		if err != nil {
			return nil, err
		}
		if n := len(a.sink.Messages("")); n != recipients {
			return nil, fmt.Errorf("bare: %d mails arrived", n)
		}
		a.sink.Clear()
		if i == 0 {
			continue // warm-up
		}
		_, _ = fmt.Fprintf(p.Out, "  %d recipients: release %.2f s, then arrived after %.2f s, noted after %.2f s; bare go-mail %.2f s\n",
			recipients, took.release.Seconds(), took.arrived.Seconds(), took.noted.Seconds(), raw.Seconds())
		ratios, noted = append(ratios, raw.Seconds()/took.arrived.Seconds()), append(noted, raw.Seconds()/took.noted.Seconds())
		whole := (took.release + took.noted).Seconds()
		wholes, seconds, bare = append(wholes, raw.Seconds()/whole), append(seconds, whole), append(bare, raw.Seconds())
	}
	same := func(v float64) float64 { return v }
	f.Add("bare.alert.seconds", medianOf(bare, same), "s")
	f.Add("alert.seconds", medianOf(seconds, same), "s")
	f.Add("alert.whole.ratio", medianOf(wholes, same), "x")
	f.Add("alert.noted.ratio", medianOf(noted, same), "x")
	f.Add("alert.ratio", medianOf(ratios, same), "x")
	return f, nil
}

// alerts is the notification service alone, with everything it talks to.
type alerts struct {
	db     *sqlx.DB
	sink   *mailsink.Sink
	http   *httptest.Server
	editor standalone.Client
	second standalone.Client // the approver
	stops  []func() error    // in the order of the starts
}

func (a *alerts) stop() error {
	var err error
	for _, v := range slices.Backward(a.stops) {
		err = errors.Join(err, v())
	}
	return err
}

func (a *alerts) later(stop func()) {
	a.stops = append(a.stops, func() error { stop(); return nil })
}

func startAlerts(ctx context.Context, dir string) (*alerts, error) {
	a := &alerts{}
	server, err := devstack.StartPostgres(ctx, devstack.PostgresOptions{Dir: filepath.Join(dir, "postgres"), Durable: true, Password: "bench"})
	if err != nil {
		return a, err
	}
	a.stops = append(a.stops, server.Stop)
	if err := server.CreateDatabase(ctx, "notification"); err != nil {
		return a, err
	}
	broker, err := devstack.StartNATS(devstack.NATSOptions{Dir: filepath.Join(dir, "nats"), Sync: true, User: "bench", Password: "bench"})
	if err != nil {
		return a, err
	}
	a.later(broker.Stop)
	if a.sink, err = mailsink.Start(mailsink.Options{}); err != nil {
		return a, err
	}
	a.later(a.sink.Close)
	log := zap.Must(zap.NewProduction(zap.IncreaseLevel(zap.ErrorLevel)))
	b, err := broker.Connect("bench", log)
	if err != nil {
		return a, err
	}
	a.later(b.Close)
	if a.db, err = sqlx.ConnectContext(ctx, "postgres", server.URL("notification")); err != nil {
		return a, err
	}
	a.stops = append(a.stops, a.db.Close)
	return a, a.startService(ctx, server.URL("notification"), b, log, broker.SyncAlways)
}

func (a *alerts) startService(ctx context.Context, url string, b *bus.Bus, log *zap.Logger, synced func(context.Context) error) error {
	host, port, err := net.SplitHostPort(a.sink.Addr())
	if err != nil {
		return err
	}
	number, err := strconv.Atoi(port)
	if err != nil {
		return err
	}
	site := standalone.Site()
	cfg := notification.Config{
		Config: service.Config{DatabaseURL: url, Site: site}, AnswerKey: "00112233445566778899aabbccddeeff", InvitePath: "/konto/einladung/",
		Mail: notification.Mail{Host: host, Port: number, TLS: "none", From: site.Mail, FromName: site.Operator, Helo: "localhost", Conns: mailConns},
	}
	s, err := notification.New(ctx, cfg, service.Deps{Bus: b, Log: log, Synced: synced})
	if err != nil {
		return err
	}
	run, cancel := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() { done <- s.Run(run) }()
	a.stops = append(a.stops, func() error { cancel(); return <-done })
	a.http = httptest.NewServer(s.Handler())
	a.later(a.http.Close)
	editor, approver, err := seedAudience(ctx, b)
	if err != nil {
		return fmt.Errorf("seed the audience: %w", err)
	}
	a.editor, a.second = standalone.Client{URL: a.http.URL, Token: editor}, standalone.Client{URL: a.http.URL, Token: approver}
	return a.untilKnown(ctx, s)
}

// untilKnown waits until the service knows everybody.
func (a *alerts) untilKnown(ctx context.Context, s *notification.Service) error {
	ctx, cancel := context.WithTimeout(ctx, alertLimit)
	defer cancel()
	for {
		_, editor := s.Register.Session(ctx, session.Key(a.editor.Token), bus.Tokens)
		_, second := s.Register.Session(ctx, session.Key(a.second.Token), bus.Tokens)
		n, cert := len(s.Register.People("", actor.Officer)), len(s.Register.People("", actor.Editor, actor.Approver))
		if editor && second && n == recipients && cert == 2 && len(s.Register.Organisations()) == recipients+1 {
			return nil
		}
		if err := sleep(ctx, 20*time.Millisecond); err != nil {
			return fmt.Errorf("the register knows %d of %d people: %w", n, recipients, err)
		}
	}
}

// seedAudience publishes what the directory would: organisations with an officer
// each, an editor and an approver with their tokens.
func seedAudience(ctx context.Context, b *bus.Bus) (editor, approver string, err error) {
	if err := b.EnsureStreams(ctx); err != nil {
		return "", "", err
	}
	now := time.Now().UTC()
	cert := event.OrganisationChanged{ID: event.NewID(), Version: 1, Name: "ThüringenCERT", Level: "state_body", Active: true, ChangedAt: now}
	payloads := []event.Payload{cert}
	for i := range recipients {
		o := event.OrganisationChanged{
			ID: event.NewID(), Version: 1, AGS: fmt.Sprintf("16%06d", i), Name: fmt.Sprintf("Gemeinde %04d", i), Level: "gemeinde",
			Kreis: fmt.Sprintf("16%03d", i/1000), Active: true, ChangedAt: now,
		}
		payloads = append(payloads, o, person(fmt.Sprintf("it%04d@gemeinde%04d.example", i, i), o.ID, actor.Officer, now))
	}
	tokens, err := b.Bucket(ctx, bus.Tokens)
	if err != nil {
		return "", "", err
	}
	for _, role := range []actor.Role{actor.Editor, actor.Approver} {
		p := person(string(role)+"@cert.example", cert.ID, role, now)
		payloads = append(payloads, p)
		raw, err := json.Marshal(session.Session{ID: event.NewID(), Kind: session.KindToken, Person: p.ID, Version: 1, CreatedAt: now, ExpiresAt: now.Add(time.Hour)})
		if err != nil {
			return "", "", err
		}
		if _, err := tokens.Put(ctx, session.Key(benchToken+string(role)), raw); err != nil {
			return "", "", err
		}
	}
	return benchToken + string(actor.Editor), benchToken + string(actor.Approver), publish(ctx, b, payloads)
}

func person(email, organisation string, role actor.Role, at time.Time) event.PersonChanged {
	return event.PersonChanged{
		ID: event.NewID(), Version: 1, Name: "Kim Beispiel", Email: email, Language: "de", Active: true,
		Memberships: []event.Membership{{Organisation: organisation, Role: string(role)}}, ChangedAt: at,
	}
}

// publish hands events to the broker as the directory's relay would.
func publish(ctx context.Context, b *bus.Bus, payloads []event.Payload) error {
	const batch = 200
	for len(payloads) > 0 {
		n := min(batch, len(payloads))
		rows := make([]outbox.Message, n)
		for i, p := range payloads[:n] {
			e := event.New(p, event.Meta{At: time.Now(), Actor: "bench"})
			raw, err := json.Marshal(e)
			if err != nil {
				return err
			}
			rows[i] = outbox.Message{Seq: int64(i), ID: e.ID, Subject: e.Subject(), Body: string(raw)}
		}
		if _, err := b.Publish(ctx, rows); err != nil {
			return err
		}
		payloads = payloads[n:]
	}
	return nil
}

// benchAlert reaches everybody.
var benchAlert = map[string]any{
	"title": "Lücke in Muster-VPN wird ausgenutzt", "summary": "Angreifer übernehmen Muster-VPN-Gateways ohne Anmeldung.",
	"text":     "1. Prüfen, ob ein Muster-VPN-Gateway im Einsatz ist.\n   Auch bei Dienstleistern und in Schulen.\n2. Update auf 7.4.3 einspielen.\n3. Sitzungen beenden, Kennwörter ändern.",
	"severity": "critical", "warning_level": 3, "tlp": "GREEN", "category": "Schwachstelle", "cves": []string{"CVE-2026-12345"},
	"products": []map[string]string{{"name": "Muster-VPN", "versions": "7.0 bis 7.4.2"}},
	"audience": map[string]any{"levels": []string{"gemeinde"}}, "poll": map[string]any{"question": "Setzen Sie das Gerät ein?"},
}

// alertTimes are the parts of one alert's way: the request that releases it,
// and from its end until the last mail lies in the sink and until every
// delivery is noted as sent.
type alertTimes struct{ release, arrived, noted time.Duration }

// release drafts an alert, releases it and waits until it is delivered and noted.
func (a *alerts) release(ctx context.Context) (took alertTimes, err error) {
	var draft struct {
		ID string `json:"id"`
	}
	if _, err := a.editor.Do(ctx, http.MethodPost, "/api/notification/v1/alerts", http.StatusCreated, benchAlert, &draft); err != nil {
		return took, err
	}
	start := time.Now()
	if _, err := a.second.Do(ctx, http.MethodPost, "/api/notification/v1/alerts/"+draft.ID+"/release", http.StatusOK, nil, nil, "If-Match", `"1"`); err != nil {
		return took, err
	}
	released := time.Now()
	took.release = released.Sub(start)
	ctx, cancel := context.WithTimeout(ctx, alertLimit)
	defer cancel()
	for {
		// Asking the sink costs little; the database is asked when all lie there.
		if len(a.sink.Messages("")) < recipients {
			if err := sleep(ctx, 2*time.Millisecond); err != nil {
				return took, fmt.Errorf("%d of %d mails arrived: %w", len(a.sink.Messages("")), recipients, err)
			}
			continue
		}
		if took.arrived == 0 {
			took.arrived = time.Since(released)
		}
		var sent int
		if err := a.db.GetContext(ctx, &sent, `
			SELECT count(*) FROM deliveries d JOIN notices n ON n.id = d.notice WHERE n.alert = $1 AND d.state = 'sent'`, draft.ID); err != nil {
			return took, err
		}
		if sent == recipients {
			took.noted = time.Since(released)
			if n := len(a.sink.Messages("")); n != recipients {
				return took, fmt.Errorf("%d deliveries are noted as sent, %d mails arrived", sent, n)
			}
			return took, nil
		}
		if err := sleep(ctx, 5*time.Millisecond); err != nil {
			return took, fmt.Errorf("%d of %d deliveries sent: %w", sent, recipients, err)
		}
	}
}
