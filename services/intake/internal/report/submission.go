// SPDX-License-Identifier: EUPL-1.2

package report

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/fault"
	"github.com/thueringencert/leitstelle/shared/tlp"
)

// Submission is what somebody wants to report, before it is checked.
type Submission struct {
	Affected     []string // AGS or organisation ids
	Members      []Member // what is said about single ones of them
	AffectedText string   // a guest's own words for a body that is in no list
	Content
	Alert string // id or reference of the warning this answers
}

// noticedSkew is how far in the future "noticed at" may lie: clocks differ.
const (
	noticedSkew = 10 * time.Minute
	noticedPast = 10 * 365 * 24 * time.Hour
)

// Tidy trims what people type and fills defaults: TLP AMBER, for a guest
// AMBER+STRICT; help "none" beside others means the others.
func (s *Submission) Tidy(guest bool) {
	s.AffectedText = oneLine(s.AffectedText)
	s.Description = strings.TrimSpace(strings.ReplaceAll(s.Description, "\r\n", "\n"))
	s.Callback = event.Contact{Name: oneLine(s.Callback.Name), Phone: oneLine(s.Callback.Phone), Email: strings.TrimSpace(s.Callback.Email)}
	if s.TLP == "" {
		s.TLP = string(tlp.Amber)
		if guest {
			s.TLP = string(tlp.AmberStrict)
		}
	}
	if l, err := tlp.Parse(s.TLP); err == nil {
		s.TLP = string(l)
	}
	s.NoticedAt = s.NoticedAt.UTC().Truncate(time.Microsecond)
	for i := range s.Affected {
		s.Affected[i] = strings.TrimSpace(s.Affected[i])
	}
	s.Systems = distinct(s.Systems)
	s.HelpNeeded = distinct(s.HelpNeeded)
	if len(s.HelpNeeded) > 1 {
		s.HelpNeeded = slices.DeleteFunc(s.HelpNeeded, func(h string) bool { return h == "none" })
	}
}

// Check returns every mistake at once; the bodies themselves are checked where
// the register is known.
func (s Submission) Check(now time.Time) fault.Fields {
	var f fault.Fields
	if len(s.Affected) == 0 && s.AffectedText == "" {
		f.Add("affected", "intake.err.affected", "name at least one affected body by AGS or id")
	}
	if len(s.Affected) > MaxAffected {
		f.Add("affected", "intake.err.affected.many", fmt.Sprintf("at most %d bodies in one report", MaxAffected))
	}
	checkText(&f, "affected_text", s.AffectedText, MaxName, false)
	if s.What == "" {
		f.Add("what", "intake.err.what", "choose what happened, or unknown")
	} else if !among(Whats, s.What) {
		f.Add("what", "intake.err.choice", "what is none of: "+strings.Join(Whats, ", "))
	}
	checkText(&f, "description", s.Description, MaxText, true)
	s.checkTime(&f, now)
	if s.Impact == "" {
		f.Add("impact", "intake.err.impact", "choose the impact, or unknown")
	} else if !among(Impacts, s.Impact) {
		f.Add("impact", "intake.err.choice", "impact is none of: "+strings.Join(Impacts, ", "))
	}
	if s.StillRunning != "" && !among(YesNo, s.StillRunning) {
		f.Add("still_running", "intake.err.choice", "still_running is none of: "+strings.Join(YesNo, ", "))
	}
	checkList(&f, "systems", s.Systems, Systems)
	checkList(&f, "help_needed", s.HelpNeeded, Helps)
	checkContact(&f, "callback.", s.Callback)
	if _, err := tlp.Parse(s.TLP); err != nil {
		f.Add("tlp", "intake.err.choice", "tlp is none of: RED, AMBER+STRICT, AMBER, GREEN, CLEAR")
	}
	if len(s.Alert) > 64 {
		f.Add("alert_id", "intake.err.alert", "this warning is not known")
	}
	return f
}

func (s Submission) checkTime(f *fault.Fields, now time.Time) {
	switch {
	case s.NoticedAt.IsZero():
		f.Add("noticed_at", "intake.err.noticed", "say when it was noticed")
	case s.NoticedAt.After(now.Add(noticedSkew)):
		f.Add("noticed_at", "intake.err.noticed.future", "noticed_at lies in the future")
	case s.NoticedAt.Before(now.Add(-noticedPast)):
		f.Add("noticed_at", "intake.err.noticed.past", "noticed_at lies more than ten years back")
	}
}

func checkContact(f *fault.Fields, at string, c event.Contact) {
	if c.Name == "" {
		f.Add(at+"name", "intake.err.name", "give the name of whom to call back")
	}
	checkText(f, at+"name", c.Name, MaxName, false)
	if code, detail := badPhone(c.Phone); code != "" {
		f.Add(at+"phone", code, detail)
	}
	if code, detail := badEmail(c.Email); code != "" {
		f.Add(at+"email", code, detail)
	}
}

// badPhone accepts what people write: digits, spaces and signs, with an area code.
func badPhone(p string) (code, detail string) {
	if p == "" {
		return "intake.err.phone", "give a phone number with area code"
	}
	digits := 0
	for _, r := range p {
		switch {
		case r >= '0' && r <= '9':
			digits++
		case strings.ContainsRune("+-/() .,;:xX#*", r) || r == '\u00a0' || unicode.IsLetter(r):
		default:
			return "intake.err.phone.signs", "the phone number has signs that cannot be dialled"
		}
	}
	switch {
	case digits < 6:
		return "intake.err.phone", "give a phone number with area code"
	case utf8.RuneCountInString(p) > MaxPhone:
		return "intake.err.long", fmt.Sprintf("the phone number is longer than %d characters", MaxPhone)
	}
	return "", ""
}

func badEmail(e string) (code, detail string) {
	if e == "" {
		return "", ""
	}
	local, domain, ok := strings.Cut(e, "@")
	switch {
	case !ok:
		return "intake.err.email.at", "the e-mail address has no @"
	case local == "" || domain == "" || strings.Contains(domain, "@") || !strings.Contains(domain, ".") ||
		strings.HasPrefix(domain, ".") || strings.HasSuffix(domain, ".") || strings.ContainsFunc(e, badInAddress):
		return "intake.err.email", "the e-mail address cannot be right"
	case len(e) > MaxEmail:
		return "intake.err.long", fmt.Sprintf("the e-mail address is longer than %d characters", MaxEmail)
	}
	return "", ""
}

func badInAddress(r rune) bool {
	return unicode.IsSpace(r) || unicode.IsControl(r) || strings.ContainsRune(`<>,;:"()[]\`, r)
}

// checkText bounds a text and refuses characters that cannot be seen.
func checkText(f *fault.Fields, name, v string, limit int, lines bool) {
	if utf8.RuneCountInString(v) > limit {
		f.Add(name, "intake.err.long", fmt.Sprintf("%s is longer than %d characters", name, limit))
	}
	for _, r := range v {
		if unicode.IsControl(r) && !(lines && (r == '\n' || r == '\t')) {
			f.Add(name, "intake.err.control", name+" has control characters")
			return
		}
	}
}

func checkList(f *fault.Fields, name string, got, known []string) {
	for _, v := range got {
		if !among(known, v) {
			f.Add(name, "intake.err.choice", fmt.Sprintf("%s has a value that is none of: %s", name, strings.Join(known, ", ")))
			return
		}
	}
}

// oneLine joins what was typed into one line without doubled spaces.
func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

func distinct(list []string) []string {
	var out []string
	for _, v := range list {
		if v = strings.TrimSpace(v); v != "" && !slices.Contains(out, v) {
			out = append(out, v)
		}
	}
	return out
}
