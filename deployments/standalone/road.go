// SPDX-License-Identifier: EUPL-1.2

package standalone

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/audit"
	"github.com/thueringencert/leitstelle/shared/pg"
)

// road is the main job from end to end: a report becomes a case file becomes a
// warning becomes an answer. Each step asks the running system for what the one
// before it caused.
type road struct {
	demo    Demo
	as      map[actor.Role]Client
	people  map[actor.Role]DemoPerson
	report  struct{ ID, Reference, Code string }
	caseID  string
	caseRef string
	alert   struct{ ID, Reference string }
	link    string
	many    many
}

// PlayDemo plays the road against a running instance, prints each step with its
// time and returns the first step that failed.
func PlayDemo(ctx context.Context, d Demo, out io.Writer) error {
	r := &road{demo: d, as: map[actor.Role]Client{}, people: map[actor.Role]DemoPerson{}}
	for _, role := range []actor.Role{actor.Officer, actor.Provider, actor.Duty, actor.Analyst, actor.Lead, actor.Editor, actor.Approver} {
		p, err := d.Person(role)
		if err != nil {
			return err
		}
		r.people[role], r.as[role] = p, Client{URL: d.URL, Token: p.Token}
	}
	began := time.Now()
	for _, step := range []struct {
		name string
		do   func(context.Context) error
	}{
		{"an officer reports ransomware; the answer has reference, code and receipt", r.submit},
		{"the reporter's mailbox has the confirmation", r.receipt},
		{"the case stands in the analysts' queue", r.queue},
		{"the duty officer takes it", r.take},
		{"the case is rated critical and classified; the duty officers are called", r.classify},
		{"a question goes to the reporter, as a pointer without content", r.ask},
		{"the reporter reads it in the portal and answers", r.reply},
		{"the reply is in the case file", r.replied},
		{"the editor drafts a warning from the case", r.draft},
		{"the author cannot release it, the approver can", r.release},
		{"every subscriber gets a mail of their own", r.delivered},
		{"opening the link answers nothing, one tap answers", r.answer},
		{"the board and the case's service know the answer", r.board},
		{"the case is closed with class and disposition", r.finish},
		{"the reporter sees that it is closed", r.closed},
		{"the closed case is locked: for an analyst it is not there, for the lead it is", r.lockAway},
		{"a provider reports for all its members in one step", r.reportForAll},
		{"one campaign, one case for each member", r.oneCampaign},
		{"each member is told and sees only itself", r.eachAlone},
		{"one confirmation for the provider, one call for the duty officers", r.oneMailEach},
		{"one member disagrees, one takes over; the campaign shows both", r.membersSpeak},
		{"one step writes to all: a message for each case, to who answers for it", r.askAll},
		{"somebody signs in with an account at an OpenID provider", r.atProvider},
		{"every service's audit chain verifies", r.audit},
	} {
		start := time.Now()
		if err := step.do(ctx); err != nil {
			_, _ = fmt.Fprintf(out, "%8s  FAILED: %s\n          %v\n", time.Since(start).Round(time.Millisecond), step.name, err)
			return ErrFailed{step.name}
		}
		_, _ = fmt.Fprintf(out, "%8s  %s\n", time.Since(start).Round(time.Millisecond), step.name)
	}
	_, _ = fmt.Fprintf(out, "%8s  all of it: %s became %s became %s\n", time.Since(began).Round(time.Millisecond),
		r.report.Reference, r.caseRef, r.alert.Reference)
	return nil
}

const soon = 15 * time.Second

func (r *road) submit(ctx context.Context) error {
	me := r.people[actor.Officer]
	in := map[string]any{
		"affected": []string{me.Organisation.AGS}, "what": "ransomware", "impact": "high", "tlp": "AMBER",
		"description": "Kollegen kommen nicht mehr an ihre Dateien. Auf dem Server liegt README_RESTORE.txt.",
		"noticed_at":  time.Now().UTC().Add(-20 * time.Minute).Format(time.RFC3339), "noticed_approx": true,
		"callback":    map[string]string{"name": me.Name, "phone": "+49 152 0000000", "email": me.Email},
		"help_needed": []string{"callback"}, "exercise": false,
	}
	_, err := r.as[actor.Officer].Do(ctx, http.MethodPost, "/api/intake/v1/reports", http.StatusCreated, in, &r.report)
	if err == nil && (r.report.Code == "" || !strings.HasPrefix(r.report.Reference, "M-")) {
		err = fmt.Errorf("the answer lacks reference or code: %+v", r.report)
	}
	return err
}

// mail waits for a message to somebody whose subject or text has the words.
func (r *road) mail(ctx context.Context, to, words string) (text string, err error) {
	err = until(ctx, func() (bool, error) {
		var box struct {
			Items []struct{ Subject, Text string }
		}
		path := "/postfach/messages?limit=200&to=" + url.QueryEscape(to)
		if _, err := (Client{URL: r.demo.URL}).Do(ctx, http.MethodGet, path, http.StatusOK, nil, &box); err != nil {
			return false, err
		}
		for _, m := range box.Items {
			if strings.Contains(m.Subject+"\n"+m.Text, words) {
				text = m.Text
				return true, nil
			}
		}
		return false, nil
	})
	return text, err
}

func (r *road) receipt(ctx context.Context) error {
	text, err := r.mail(ctx, r.people[actor.Officer].Email, r.report.Reference)
	if err == nil && strings.Contains(text, "README_RESTORE") {
		err = errors.New("the confirmation has content of the report")
	}
	return err
}

func (r *road) queue(ctx context.Context) error {
	return until(ctx, func() (bool, error) {
		var list struct {
			Items []struct{ ID, Reference string }
		}
		q := "/api/triage/v1/cases?limit=10&organisation=" + url.QueryEscape(r.people[actor.Officer].Organisation.ID)
		if _, err := r.as[actor.Duty].Do(ctx, http.MethodGet, q, http.StatusOK, nil, &list); err != nil {
			return false, err
		}
		for _, c := range list.Items {
			full, _, err := r.open(ctx, c.ID)
			if err != nil {
				return false, err
			}
			for _, rep := range full.Reports {
				if rep.ID == r.report.ID {
					r.caseID, r.caseRef = c.ID, c.Reference
					return true, nil
				}
			}
		}
		return false, nil
	})
}

type caseView struct {
	State, Severity string
	Reports         []struct{ ID, Reference string }
	Messages        []struct{ Text string }
	Version         int
}

// open reads a case and its entity tag.
func (r *road) open(ctx context.Context, id string) (caseView, string, error) {
	var v caseView
	h, err := r.as[actor.Duty].Do(ctx, http.MethodGet, "/api/triage/v1/cases/"+id, http.StatusOK, nil, &v)
	return v, h.Get("ETag"), err
}

// change posts to the case with the version that was just seen, and looks again
// when somebody, or an event, changed it in between.
func (r *road) change(ctx context.Context, what string, want int, in any) error {
	for tries := 0; ; tries++ {
		_, tag, err := r.open(ctx, r.caseID)
		if err != nil {
			return err
		}
		_, err = r.as[actor.Duty].Do(ctx, http.MethodPost, "/api/triage/v1/cases/"+r.caseID+"/"+what, want, in, nil, "If-Match", tag)
		if err == nil || tries == 5 || !strings.Contains(err.Error(), "got 412") {
			return err
		}
	}
}

func (r *road) take(ctx context.Context) error {
	var me struct{ Person struct{ ID string } }
	if _, err := r.as[actor.Duty].Do(ctx, http.MethodGet, "/api/directory/v1/me", http.StatusOK, nil, &me); err != nil {
		return err
	}
	if err := r.change(ctx, "assign", http.StatusOK, map[string]string{"assignee": me.Person.ID}); err != nil {
		return err
	}
	v, _, err := r.open(ctx, r.caseID)
	if err == nil && v.State != "assessing" {
		err = fmt.Errorf("state after taking is %s, want assessing", v.State)
	}
	return err
}

func (r *road) classify(ctx context.Context) error {
	if err := r.change(ctx, "classify", http.StatusOK, map[string]string{
		"severity": "critical", "reason": "Fachverfahren steht", "class": "malicious-code:infected-system",
	}); err != nil {
		return err
	}
	_, err := r.mail(ctx, r.people[actor.Duty].Email, r.caseRef)
	return err
}

const question = "Sind die Sicherungen vom Netz getrennt?"

func (r *road) ask(ctx context.Context) error {
	if err := r.change(ctx, "messages", http.StatusCreated, map[string]string{"text": question}); err != nil {
		return err
	}
	return until(ctx, func() (bool, error) {
		var box struct {
			Items []struct{ Subject, Text string }
		}
		path := "/postfach/messages?limit=200&to=" + url.QueryEscape(r.people[actor.Officer].Email)
		if _, err := (Client{URL: r.demo.URL}).Do(ctx, http.MethodGet, path, http.StatusOK, nil, &box); err != nil {
			return false, err
		}
		for _, m := range box.Items {
			if strings.Contains(m.Text, question) {
				return false, errors.New("the mail has the text of the message")
			}
		}
		return len(box.Items) >= 2, nil
	})
}

func (r *road) reply(ctx context.Context) error {
	path := "/api/intake/v1/reports/" + r.report.ID
	err := until(ctx, func() (bool, error) {
		var v struct{ Messages []struct{ Text string } }
		if _, err := r.as[actor.Officer].Do(ctx, http.MethodGet, path, http.StatusOK, nil, &v); err != nil {
			return false, err
		}
		for _, m := range v.Messages {
			if m.Text == question {
				return true, nil
			}
		}
		return false, nil
	})
	if err != nil {
		return err
	}
	_, err = r.as[actor.Officer].Do(ctx, http.MethodPost, path+"/messages", http.StatusCreated, map[string]string{"text": "Ja, seit 07:30 Uhr."}, nil)
	return err
}

func (r *road) replied(ctx context.Context) error {
	return until(ctx, func() (bool, error) {
		v, _, err := r.open(ctx, r.caseID)
		for _, m := range v.Messages {
			if strings.HasPrefix(m.Text, "Ja, seit 07:30") {
				return true, err
			}
		}
		return false, err
	})
}

func (r *road) finish(ctx context.Context) error {
	return r.change(ctx, "state", http.StatusOK, map[string]string{
		"state": "closed", "class": "malicious-code:infected-system",
		"disposition": "confirmed", "reason": "Systeme wiederhergestellt",
	})
}

func (r *road) closed(ctx context.Context) error {
	return until(ctx, func() (bool, error) {
		var v struct{ Status string }
		_, err := r.as[actor.Officer].Do(ctx, http.MethodGet, "/api/intake/v1/reports/"+r.report.ID, http.StatusOK, nil, &v)
		return v.Status == "closed", err
	})
}

func (r *road) audit(ctx context.Context) error {
	for _, name := range serviceNames {
		db, err := pg.Open(r.demo.Database(name), pg.Options{Name: "demo", MaxConns: 1, Stmt: time.Minute})
		if err != nil {
			return err
		}
		report, err := audit.Verify(ctx, db, nil)
		if err := errors.Join(err, db.Close()); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if !report.OK() || report.Entries == 0 {
			return fmt.Errorf("%s: entry %d bad: %s (%d entries)", name, report.Bad, report.Why, report.Entries)
		}
	}
	return nil
}
