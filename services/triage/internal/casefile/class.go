// SPDX-License-Identifier: EUPL-1.2

package casefile

import (
	"slices"
	"strings"
)

// classes are the classes and types of the Reference Security Incident Taxonomy
// v1003 (ENISA, CC0-1.0). The class is mandatory, the type wanted; a case keeps
// "class:type" or just "class".
var classes = []struct {
	class string
	types []string
}{
	{"abusive-content", []string{"spam", "harmful-speech", "violence"}},
	{"malicious-code", []string{"infected-system", "c2-server", "malware-distribution", "malware-configuration"}},
	{"information-gathering", []string{"scanner", "sniffing", "social-engineering"}},
	{"intrusion-attempts", []string{"ids-alert", "brute-force", "exploit"}},
	{"intrusions", []string{
		"privileged-account-compromise", "unprivileged-account-compromise",
		"application-compromise", "system-compromise", "burglary",
	}},
	{"availability", []string{"dos", "ddos", "misconfiguration", "sabotage", "outage"}},
	{"information-content-security", []string{
		"unauthorised-information-access",
		"unauthorised-information-modification", "data-loss", "data-leak",
	}},
	{"fraud", []string{"unauthorised-use-of-resources", "copyright", "masquerade", "phishing"}},
	{"vulnerable", []string{
		"weak-crypto", "ddos-amplifier", "potentially-unwanted-accessible",
		"information-disclosure", "vulnerable-system",
	}},
	{"other", []string{"other", "undetermined"}},
	{"test", []string{"test"}},
}

// Classes lists the RSIT classes without their types.
func Classes() []string {
	out := make([]string, len(classes))
	for i, c := range classes {
		out[i] = c.class
	}
	return out
}

// ValidClass reports whether v is an RSIT class or class:type.
func ValidClass(v string) bool {
	class, kind, typed := strings.Cut(v, ":")
	for _, c := range classes {
		if c.class == class {
			return !typed || slices.Contains(c.types, kind)
		}
	}
	return false
}

// ClassGroup is the class of "class:type".
func ClassGroup(v string) string {
	class, _, _ := strings.Cut(v, ":")
	return class
}

// suggestions is the RSIT type that the reporter's tile hints at (domain page §1b).
var suggestions = map[string]string{
	"ransomware":       "malicious-code:infected-system",
	"malware":          "malicious-code:infected-system",
	"phishing":         "fraud:phishing",
	"account_takeover": "intrusions:unprivileged-account-compromise",
	"intrusion":        "intrusions:system-compromise",
	"ddos":             "availability:ddos",
	"data_leak":        "information-content-security:data-leak",
	"lost_device":      "information-content-security:data-loss",
	"outage":           "availability:outage",
	"mistake":          "availability:misconfiguration",
	"vulnerability":    "vulnerable:vulnerable-system",
}

// SuggestedClass is the RSIT type for a tile; undetermined where it says nothing.
func SuggestedClass(what string) string {
	if c, ok := suggestions[what]; ok {
		return c
	}
	return "other:undetermined"
}

// titles are the first words of a new case's title, in the CERT's working
// language; the analyst edits them.
var titles = map[string]string{
	"ransomware":       "Verschlüsselung oder Erpressung",
	"malware":          "Verdacht auf Schadsoftware",
	"phishing":         "Phishing oder verdächtige E-Mail",
	"account_takeover": "Übernommenes Konto",
	"intrusion":        "Einbruch in System oder Website",
	"ddos":             "Überlasteter Dienst",
	"data_leak":        "Abfluss oder Fehlversand von Daten",
	"lost_device":      "Verlorenes oder gestohlenes Gerät",
	"outage":           "Ausfall ohne erkennbaren Angriff",
	"mistake":          "Bedienfehler oder falsche Einstellung",
	"vulnerability":    "Entdeckte Sicherheitslücke",
	"tip":              "Hinweis von außen",
}

// FirstTitle is the title of a new case: what happened, and where.
func FirstTitle(what, organisation string) string {
	t, ok := titles[what]
	if !ok {
		t = "Unklarer Vorfall"
	}
	return clip(t+" – "+organisation, MaxTitle)
}

func clip(s string, n int) string {
	r := []rune(s)
	if len(r) <= n {
		return s
	}
	return string(r[:n-1]) + "…"
}
