// SPDX-License-Identifier: EUPL-1.2

package report

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/thueringencert/leitstelle/shared/fault"
)

// Service is a municipal service that the incident touches.
type Service struct {
	Service    string     `json:"service"`
	Degree     string     `json:"degree,omitempty"`
	Since      *time.Time `json:"since,omitempty"`
	Workaround string     `json:"workaround,omitempty"`
}

// Told is somebody who was informed already.
type Told struct {
	Who       string     `json:"who"`
	At        *time.Time `json:"at,omitempty"`
	Reference string     `json:"reference,omitempty"`
}

// Later are the fields that may be added after the first report (domain facts
// §1d, as far as S2: within 24 hours). Empty ones are not said.
type Later struct {
	Description        string    `json:"description,omitempty"`
	ReporterRole       string    `json:"reporter_role,omitempty"`
	StatusNow          string    `json:"status_now,omitempty"`
	Impact             string    `json:"impact,omitempty"`
	MaliciousSuspected string    `json:"malicious_suspected,omitempty"`
	CrossBorder        string    `json:"cross_border,omitempty"`
	CrossOrgSpread     string    `json:"cross_org_spread,omitempty"`
	PersonalData       string    `json:"personal_data,omitempty"`
	ServicesAffected   []Service `json:"services_affected,omitempty"`
	HelpNeeded         []string  `json:"help_needed,omitempty"`
	Informed           []Told    `json:"informed,omitempty"`
	ShareConsent       []string  `json:"share_consent,omitempty"`
}

func (l *Later) tidy() {
	l.Description = strings.TrimSpace(strings.ReplaceAll(l.Description, "\r\n", "\n"))
	l.HelpNeeded, l.ShareConsent = distinct(l.HelpNeeded), distinct(l.ShareConsent)
	for i := range l.ServicesAffected {
		l.ServicesAffected[i].Workaround = oneLine(l.ServicesAffected[i].Workaround)
	}
	for i := range l.Informed {
		l.Informed[i].Reference = oneLine(l.Informed[i].Reference)
	}
}

func (l Later) check(now time.Time) fault.Fields {
	var f fault.Fields
	checkText(&f, "description", l.Description, MaxText, true)
	one := func(name, v string, known []string) {
		if v != "" && !among(known, v) {
			f.Add(name, "intake.err.choice", name+" is none of: "+strings.Join(known, ", "))
		}
	}
	one("reporter_role", l.ReporterRole, Roles)
	one("status_now", l.StatusNow, Situations)
	one("impact", l.Impact, Impacts)
	one("malicious_suspected", l.MaliciousSuspected, YesNo)
	one("cross_border", l.CrossBorder, YesNo)
	one("cross_org_spread", l.CrossOrgSpread, YesNo)
	one("personal_data", l.PersonalData, YesNo)
	checkList(&f, "help_needed", l.HelpNeeded, Helps)
	checkList(&f, "share_consent", l.ShareConsent, Consents)
	l.checkLists(&f, now)
	if len(f) == 0 && l.Description == "" && len(l.fields()) == 0 {
		f.Add("description", "intake.err.nothing", "add at least one thing")
	}
	return f
}

func (l Later) checkLists(f *fault.Fields, now time.Time) {
	if len(l.ServicesAffected) > len(Services) || len(l.Informed) > 2*len(Informed) {
		f.Add("services_affected", "intake.err.choice", "too many entries")
		return
	}
	future := func(t *time.Time) bool { return t != nil && t.After(now.Add(noticedSkew)) }
	for i, s := range l.ServicesAffected {
		if !among(Services, s.Service) || s.Degree != "" && !among(Degrees, s.Degree) || future(s.Since) {
			f.Add("services_affected", "intake.err.choice", fmt.Sprintf("services_affected[%d] needs a known service and degree (none, partial, full), not in the future", i))
		}
		checkText(f, "services_affected", s.Workaround, 500, false)
	}
	for i, t := range l.Informed {
		if !among(Informed, t.Who) || future(t.At) {
			f.Add("informed", "intake.err.choice", fmt.Sprintf("informed[%d].who is none of: %s", i, strings.Join(Informed, ", ")))
		}
		checkText(f, "informed", t.Reference, 200, false)
	}
}

// fields are the given later fields by their ids, without the description.
func (l Later) fields() map[string]any {
	l.Description = ""
	raw, err := json.Marshal(l)
	if err != nil {
		panic("report: supplement cannot be encoded: " + err.Error()) // plain values only
	}
	out := map[string]any{}
	if err := json.Unmarshal(raw, &out); err != nil {
		panic("report: supplement cannot be read back: " + err.Error())
	}
	if len(out) == 0 {
		return nil
	}
	return out
}

// Order is the order in which later fields are shown.
func Order(fields map[string]any) []string {
	known := []string{
		"status_now", "impact", "services_affected", "personal_data", "malicious_suspected", "cross_org_spread",
		"cross_border", "help_needed", "informed", "share_consent", "reporter_role",
	}
	return slices.DeleteFunc(known, func(k string) bool { _, ok := fields[k]; return !ok })
}
