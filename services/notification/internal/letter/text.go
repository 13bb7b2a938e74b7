// SPDX-License-Identifier: EUPL-1.2

package letter

import (
	"net/url"
	"strconv"
	"strings"
	"text/template"
	"time"
	"unicode"
	"unicode/utf8"
)

// columns is the longest line of a mail (RFC 5322 §2.1.1 advises 78, RFC 3676 72).
const columns = 72

func (w *Writer) funcs(lang string) template.FuncMap {
	en := lang == "en"
	layout := func(v any, de, english string) string {
		t, ok := instant(v)
		if !ok {
			return "–"
		}
		if en {
			return t.In(w.location).Format(english)
		}
		return t.In(w.location).Format(de)
	}
	return template.FuncMap{
		"site":  func() Site { return w.site },
		"upper": strings.ToUpper,
		"word":  func(list, id string) string { return w.words.Word(lang, list, id) },
		"dt":    func(v any) string { return layout(v, "02.01.2006, 15:04 Uhr", "2 Jan 2006, 15:04") },
		"day":   func(v any) string { return layout(v, "02.01.2006", "2 Jan 2006") },
		"clock": func(v any) string { return layout(v, "15:04 Uhr", "15:04") },
		"short": func(v any) string { return layout(v, "02.01., 15:04 Uhr", "2 Jan, 15:04") },
		"callback": func(t time.Time) bool {
			return !t.IsZero()
		},
		"number": func(i int) string { return strconv.Itoa(i + 1) },
		"steps":  func(what string) []string { return firstSteps(lang, what) },
		"join":   join,
		"link": func(parts ...string) string {
			path := parts[0]
			if len(parts) > 1 {
				path += url.PathEscape(parts[1])
			}
			return w.address(lang, path)
		},
	}
}

// join lists names; more than ten are counted.
func join(names []string) string {
	if len(names) > 10 {
		return strings.Join(names[:10], ", ") + " +" + strconv.Itoa(len(names)-10)
	}
	return strings.Join(names, ", ")
}

func instant(v any) (time.Time, bool) {
	switch t := v.(type) {
	case time.Time:
		return t, !t.IsZero()
	case *time.Time:
		if t != nil {
			return *t, true
		}
	}
	return time.Time{}, false
}

// OneLine makes any text fit for a header: one line, no control characters, no
// separators, no signs that turn the direction of writing.
func OneLine(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case r == utf8.RuneError, r >= '\u202a' && r <= '\u202e', r >= '\u2066' && r <= '\u2069':
			return -1
		case unicode.IsControl(r), r == '\u2028', r == '\u2029':
			return ' '
		}
		return r
	}, s)
	return strings.Join(strings.Fields(s), " ")
}

// flowed wraps a text to 72 columns as format=flowed (RFC 3676): a line that
// goes on ends in a space; what a reader might take for a quote is stuffed with
// one. Indented lines of the templates count as stuffed: a reader of flowed text
// shows them one space less. Control characters go, so that a text cannot end
// the message.
func flowed(body string) string {
	var out strings.Builder
	flow(body, func(line string) { wrap(&out, line) })
	return out.String()
}

// flow hands each line of a text on, before it is wrapped.
func flow(body string, each func(line string)) {
	body = strings.Map(func(r rune) rune {
		switch {
		case r == '\n':
			return r
		case r == '\t':
			return ' '
		case unicode.IsControl(r), r == utf8.RuneError:
			return -1
		case r == '\u2028', r == '\u2029':
			return '\n'
		}
		return r
	}, strings.ReplaceAll(body, "\r\n", "\n"))
	blank := 0
	for line := range strings.SplitSeq(strings.Trim(body, "\n"), "\n") {
		line = strings.TrimRight(line, " ")
		if line == "" {
			if blank++; blank > 1 {
				continue // templates leave gaps where a part is missing
			}
		} else {
			blank = 0
		}
		each(line)
	}
}

func wrap(out *strings.Builder, line string) {
	indent := line[:len(line)-len(strings.TrimLeft(line, " "))]
	current := ""
	flush := func(soft bool) {
		s := current
		if soft {
			s += " "
		}
		if strings.HasPrefix(s, ">") || strings.HasPrefix(s, "From ") {
			s = " " + s
		}
		out.WriteString(s + "\n")
	}
	if utf8.RuneCountInString(line) < columns {
		current = line
		flush(false)
		return
	}
	for word := range strings.FieldsSeq(line) {
		switch {
		case current == "":
			current = indent + word
		case utf8.RuneCountInString(current)+1+utf8.RuneCountInString(word) > columns-2:
			flush(true)
			current = word
		default:
			current += " " + word
		}
	}
	flush(false)
}

// firstSteps are what to do at once, by what happened. The CERT approves the
// wording (ux §4.4).
func firstSteps(lang, what string) []string {
	de, en := steps(what)
	if lang == "en" {
		return en
	}
	return de
}

func steps(what string) (de, en []string) {
	switch what {
	case "ransomware", "malware", "intrusion":
		return []string{
				"Betroffene Geräte vom Netz trennen, aber nicht ausschalten.", "Datensicherungen vom Netz nehmen.",
				"Nichts löschen, nichts neu installieren, nicht zahlen.",
			},
			[]string{
				"Take affected devices off the network, but do not switch them off.", "Take backups off the network.",
				"Delete nothing, reinstall nothing, pay nothing.",
			}
	case "phishing", "account_takeover":
		return []string{
				"Kennwort des Kontos von einem anderen Gerät aus ändern.", "Die E-Mail nicht löschen und nicht weiterleiten.",
				"Alle warnen, die sie auch bekommen haben.",
			},
			[]string{
				"Change the password of the account from another device.", "Neither delete nor forward the mail.",
				"Warn everybody who got it too.",
			}
	case "data_leak", "lost_device":
		return []string{"Zugänge des Geräts oder Kontos sperren.", "Die Datenschutzbeauftragten informieren: Die Frist von 72 Stunden läuft."},
			[]string{"Block the accounts of the device.", "Tell your data protection officer: the 72 hours are running."}
	}
	return nil, nil
}
