// SPDX-License-Identifier: EUPL-1.2

package alert

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/fault"
	"github.com/thueringencert/leitstelle/shared/tlp"
)

// The longest texts, in characters. A title has to fit into a subject.
const (
	MaxTitle   = 120
	MaxSummary = 600
	MaxText    = 20000
	MaxNote    = 2000
)

var (
	cveID    = regexp.MustCompile(`^CVE-\d{4}-\d{4,}$`)
	kreisKey = regexp.MustCompile(`^\d{5}$`)
)

// Levels lists the levels of organisations (design §7).
func Levels() []string {
	return []string{"land", "state_body", "kreis", "kreisfrei", "gemeinde", "vg", "zweckverband", "provider"}
}

// check is what must hold for a draft already, so that what is typed is never
// lost but never nonsense either. All mistakes come at once.
func (c *Content) check(now time.Time) error {
	c.tidy()
	var f fault.Fields
	text := func(name, value string, most int, needed, oneLine bool) {
		switch {
		case needed && value == "":
			f.Add(name, "notification.error."+name, name+" is missing")
		case utf8.RuneCountInString(value) > most:
			f.Add(name, "notification.error.long", fmt.Sprintf("%s has more than %d characters", name, most))
		case unsafe(value, oneLine):
			f.Add(name, "notification.error.signs", name+" has control characters")
		}
	}
	text("title", c.Title, MaxTitle, true, true)
	text("summary", c.Summary, MaxSummary, true, false)
	text("text", c.Text, MaxText, false, false)
	text("changes", c.Changes, MaxNote, false, false)
	text("category", c.Category, 80, false, true)
	if !slices.Contains(Severities(), c.Severity) {
		f.Add("severity", "notification.error.severity", "severity is critical, high, medium or low")
	}
	if c.WarningLevel < 1 || c.WarningLevel > 4 {
		f.Add("warning_level", "notification.error.warning_level", "warning_level is 1, 2, 3 or 4")
	}
	if l, err := tlp.Parse(string(c.TLP)); err != nil {
		f.Add("tlp", "notification.error.tlp", "tlp is RED, AMBER+STRICT, AMBER, GREEN or CLEAR")
	} else {
		c.TLP = l
	}
	c.checkLists(&f)
	c.checkTimes(&f, now)
	return f.Err()
}

func (c *Content) checkLists(f *fault.Fields) {
	for _, x := range c.CVEs {
		if !cveID.MatchString(x) {
			f.Add("cves", "notification.error.cves", fmt.Sprintf("%q is no CVE id such as CVE-2026-12345", x))
			break
		}
	}
	for _, p := range c.Products {
		if p.Name == "" || len(p.Name)+len(p.Versions) > 300 || unsafe(p.Name+p.Versions, true) {
			f.Add("products", "notification.error.products", "a product needs a name, and fits into one line")
			break
		}
	}
	if len(c.CVEs) > 100 || len(c.Products) > 100 || len(c.Audience.Organisations) > 2000 {
		f.Add("products", "notification.error.many", "a list is too long")
	}
	for _, l := range c.Audience.Levels {
		if !slices.Contains(Levels(), l) {
			f.Add("levels", "notification.error.levels", fmt.Sprintf("there is no level %q", l))
			break
		}
	}
	for _, k := range c.Audience.Kreise {
		if !kreisKey.MatchString(k) {
			f.Add("kreise", "notification.error.kreise", fmt.Sprintf("%q is no Kreis key of 5 digits", k))
			break
		}
	}
}

func (c *Content) checkTimes(f *fault.Fields, now time.Time) {
	if c.ValidUntil != nil && !c.ValidUntil.After(now) {
		f.Add("valid_until", "notification.error.past", "valid_until lies in the past")
	}
	if c.Poll == nil {
		return
	}
	if utf8.RuneCountInString(c.Poll.Question) > 300 || unsafe(c.Poll.Question, true) {
		f.Add("question", "notification.error.long", "the question has more than 300 characters")
	}
	if c.Poll.DueAt != nil && !c.Poll.DueAt.After(now) {
		f.Add("due_at", "notification.error.past", "due_at lies in the past")
	}
	if c.Poll.DueAt != nil && c.ValidUntil != nil && c.Poll.DueAt.After(*c.ValidUntil) {
		f.Add("due_at", "notification.error.order", "due_at lies after valid_until")
	}
}

// releasable is what must hold beyond check at the moment of release.
func (v *Version) releasable(now time.Time) error {
	if err := v.check(now); err != nil {
		return err
	}
	var f fault.Fields
	if v.TLP == tlp.Red && len(v.Audience.Organisations) == 0 {
		f.Add("organisations", "notification.error.red", "TLP:RED goes to named organisations only")
	}
	return f.Err()
}

// tidy removes what nobody means: outer space, empty lines in lists.
func (c *Content) tidy() {
	for _, s := range []*string{&c.Title, &c.Summary, &c.Text, &c.Changes, &c.Category} {
		*s = strings.TrimSpace(strings.ReplaceAll(*s, "\r\n", "\n"))
	}
	c.CVEs = tidyList(c.CVEs, strings.ToUpper)
	c.Audience.Levels = tidyList(c.Audience.Levels, nil)
	c.Audience.Kreise = tidyList(c.Audience.Kreise, nil)
	c.Audience.Organisations = tidyList(c.Audience.Organisations, nil)
	c.Products = slices.DeleteFunc(c.Products, func(p event.Product) bool { return p == event.Product{} })
}

func tidyList(in []string, change func(string) string) []string {
	var out []string
	for _, s := range in {
		s = strings.TrimSpace(s)
		if change != nil {
			s = change(s)
		}
		if s != "" && !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}

// unsafe finds what could end a header or hide text: control characters, line
// and paragraph separators, and the signs that turn the direction of writing.
func unsafe(s string, oneLine bool) bool {
	if !utf8.ValidString(s) {
		return true
	}
	for _, r := range s {
		switch {
		case r == '\n' || r == '\t':
			if oneLine {
				return true
			}
		case unicode.IsControl(r), r == '\u2028', r == '\u2029',
			r >= '\u202a' && r <= '\u202e', r >= '\u2066' && r <= '\u2069':
			return true
		}
	}
	return false
}
