// SPDX-License-Identifier: EUPL-1.2

package standalone

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/thueringencert/leitstelle/shared/actor"
)

// many is the case that the field fails at: one provider reports for all of its
// members in one step.
type many struct {
	members  []string // ids of the bodies under its mandates
	report   struct{ ID, Reference string }
	campaign struct{ ID, Reference string }
	officers []DemoPerson // of members
}

type campaignView struct {
	ID, Reference string
	Report        *struct{ ID string }
	Cases         struct {
		Total, New, Contradicted int
		TakenOver                int `json:"taken_over"`
	}
}

// reportForAll sends one report of the provider for all its members.
func (r *road) reportForAll(ctx context.Context) error {
	var me struct {
		Mandates []struct {
			Principal struct{ ID string }
			Scopes    []string
		}
	}
	if _, err := r.as[actor.Provider].Do(ctx, http.MethodGet, "/api/directory/v1/me", http.StatusOK, nil, &me); err != nil {
		return err
	}
	for _, m := range me.Mandates {
		if slices.Contains(m.Scopes, "report") {
			r.many.members = append(r.many.members, m.Principal.ID)
		}
	}
	for _, p := range r.demo.People {
		if slices.Contains(p.Roles, actor.Officer) && slices.Contains(r.many.members, p.Organisation.ID) {
			r.many.officers = append(r.many.officers, p)
		}
	}
	if len(r.many.members) < 70 || len(r.many.officers) < 3 {
		return fmt.Errorf("the provider has %d members, %d of them with an officer", len(r.many.members), len(r.many.officers))
	}
	me2 := r.people[actor.Provider]
	_, err := r.as[actor.Provider].Do(ctx, http.MethodPost, "/api/intake/v1/reports", http.StatusCreated, map[string]any{
		"affected": r.many.members, "what": "ransomware", "impact": "very_high", "tlp": "AMBER",
		"description": "Die Server im gemeinsamen Rechenzentrum sind verschlüsselt, die Fachverfahren aller Mitglieder stehen.",
		"noticed_at":  time.Now().UTC().Add(-10 * time.Minute).Format(time.RFC3339),
		"callback":    map[string]string{"name": me2.Name, "phone": "+49 361 000000", "email": me2.Email},
		"help_needed": []string{"callback", "forensics"}, "exercise": false,
	}, &r.many.report)
	return err
}

// findCampaign reads the campaign of the report.
func (r *road) findCampaign(ctx context.Context) (campaignView, error) {
	var list struct{ Items []campaignView }
	_, err := r.as[actor.Duty].Do(ctx, http.MethodGet, "/api/triage/v1/campaigns?limit=20", http.StatusOK, nil, &list)
	for _, k := range list.Items {
		if k.Report != nil && k.Report.ID == r.many.report.ID {
			return k, err
		}
	}
	return campaignView{}, err
}

func (r *road) oneCampaign(ctx context.Context) error {
	return until(ctx, func() (bool, error) {
		k, err := r.findCampaign(ctx)
		r.many.campaign.ID, r.many.campaign.Reference = k.ID, k.Reference
		return k.Cases.Total == len(r.many.members), err
	})
}

// eachAlone looks as members: each is told by mail, and sees itself alone.
func (r *road) eachAlone(ctx context.Context) error {
	for _, p := range r.many.officers {
		text, err := r.mail(ctx, p.Email, r.many.report.Reference)
		if err != nil {
			return err
		}
		c := Client{URL: r.demo.URL, Token: p.Token}
		var seen struct{ Affected []struct{ ID, Name string } }
		if _, err := c.Do(ctx, http.MethodGet, "/api/intake/v1/reports/"+r.many.report.ID, http.StatusOK, nil, &seen); err != nil {
			return fmt.Errorf("%s reads the own part: %w", p.Email, err)
		}
		if len(seen.Affected) != 1 || seen.Affected[0].ID != p.Organisation.ID {
			return fmt.Errorf("%s sees %d bodies, want only the own", p.Email, len(seen.Affected))
		}
		for _, other := range r.many.officers {
			if other.Organisation.ID != p.Organisation.ID && strings.Contains(text, other.Organisation.Name) {
				return fmt.Errorf("the mail to %s names %s", p.Email, other.Organisation.Name)
			}
		}
		if _, err := c.Do(ctx, http.MethodGet, "/api/triage/v1/campaigns/"+r.many.campaign.Reference, http.StatusNotFound, nil, nil); err != nil {
			return fmt.Errorf("%s at the campaign: %w", p.Email, err)
		}
	}
	return nil
}

// oneMailEach counts what the provider and the duty got: one receipt, one call.
func (r *road) oneMailEach(ctx context.Context) error {
	for _, x := range []struct{ to, words, what string }{
		{r.people[actor.Provider].Email, "[" + r.many.report.Reference + "]", "confirmation"},
		{r.people[actor.Duty].Email, r.many.campaign.Reference, "call"},
	} {
		if _, err := r.mail(ctx, x.to, x.words); err != nil {
			return fmt.Errorf("the %s: %w", x.what, err)
		}
		var box struct{ Items []struct{ Subject string } }
		if _, err := (Client{URL: r.demo.URL}).Do(ctx, http.MethodGet, "/postfach/messages?limit=200&to="+url.QueryEscape(x.to), http.StatusOK, nil, &box); err != nil {
			return err
		}
		n := 0
		for _, m := range box.Items {
			if strings.Contains(m.Subject, x.words) {
				n++
			}
		}
		if n != 1 {
			return fmt.Errorf("%s got %d mails as %s, want one", x.to, n, x.what)
		}
	}
	return nil
}

// membersSpeak lets one member disagree and another take over.
func (r *road) membersSpeak(ctx context.Context) error {
	at := "/api/intake/v1/reports/" + r.many.report.ID
	a, b := r.many.officers[0], r.many.officers[1]
	_, err := (Client{URL: r.demo.URL, Token: a.Token}).Do(ctx, http.MethodPost, at+"/contradiction", http.StatusCreated,
		map[string]any{"text": "Bei uns läuft alles."}, nil)
	_, errB := (Client{URL: r.demo.URL, Token: b.Token}).Do(ctx, http.MethodPost, at+"/takeover", http.StatusCreated,
		map[string]any{"callback": map[string]string{"name": b.Name, "phone": "+49 361 111111", "email": b.Email}}, nil)
	if err := errors.Join(err, errB); err != nil {
		return err
	}
	return until(ctx, func() (bool, error) {
		k, err := r.findCampaign(ctx)
		return k.Cases.Contradicted == 1 && k.Cases.TakenOver == 1, err
	})
}

// askAll writes to the reporters of all cases in one step; each gets a message
// of their own case, and who took over is asked in the provider's place.
func (r *road) askAll(ctx context.Context) error {
	path := "/api/triage/v1/campaigns/" + r.many.campaign.ID
	var job struct {
		ID                  string
		Total, Done, Failed int
	}
	if _, err := r.as[actor.Lead].Do(ctx, http.MethodPost, path+"/messages", http.StatusAccepted,
		map[string]any{"text": "Bitte lassen Sie alle Server ausgeschaltet."}, &job); err != nil {
		return err
	}
	if err := until(ctx, func() (bool, error) {
		_, err := r.as[actor.Lead].Do(ctx, http.MethodGet, path+"/jobs/"+job.ID, http.StatusOK, nil, &job)
		return job.Done+job.Failed == job.Total, err
	}); err != nil {
		return err
	}
	if job.Done != len(r.many.members) {
		return fmt.Errorf("%d of %d cases got the message", job.Done, len(r.many.members))
	}
	_, err := r.mail(ctx, r.many.officers[1].Email, "Neue Nachricht")
	return err
}
