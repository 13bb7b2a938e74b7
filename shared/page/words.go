// SPDX-License-Identifier: EUPL-1.2

package page

import (
	"maps"
	"slices"
)

// words are the identifiers of the design (§7) that people see. Their texts are
// the messages "word.<list>.<identifier>", so that every service says the same;
// "….hint" is the second line of a tile where there is one.
var words = map[string][]string{
	"severity":      {"critical", "high", "medium", "low"},
	"state":         {"new", "assessing", "working", "waiting", "contained", "recovering", "resolved", "closed", "merged"},
	"report_status": {"received", "in_progress", "waiting_for_you", "resolved", "closed"},
	"what": {
		"ransomware", "malware", "phishing", "account_takeover", "intrusion", "ddos", "data_leak", "lost_device",
		"outage", "mistake", "vulnerability", "tip", "unknown",
	},
	"impact": {"low", "medium", "high", "very_high", "unknown"},
	"system": {
		"workplace", "server", "identity", "mail", "web", "application", "network", "telephony", "backup", "ot", "cloud", "mobile",
	},
	"status_now": {"ongoing", "contained", "fixed", "recurring"},
	"services_affected": {
		"citizens_office", "passports", "registry", "vehicles", "driving_licences", "social", "youth", "housing_benefit",
		"immigration", "health", "public_order", "building", "treasury", "trade", "elections", "schools", "fire_service",
		"council", "website", "records", "e_invoice", "email", "telephony", "water", "internal_it",
	},
	"informed": {
		"head", "dpo", "tlfdi", "police", "bsi", "provider", "tlrz", "supervision", "staff_council", "insurance", "public",
	},
	"share_consent": {"vcv", "others_anonymous", "others_named", "police"},
	"reporter_role": {"ciso", "it_lead", "head", "dpo", "provider", "staff", "third_party"},
	"help_needed":   {"none", "advice", "callback", "forensics", "on_site", "communication", "fallback_it"},
	"disposition":   {"confirmed", "false_alarm", "duplicate", "deferred", "handed_over", "insufficient_data", "exercise"},
	"yesno":         {"yes", "no", "unclear"},
	"poll_answer":   {"not_affected", "fixed", "mitigating", "help", "checking"},
	"poll_detail":   {"not_in_use", "in_use", "patched", "compromised"},
	"warning_level": {"1", "2", "3", "4"},
	"alert_state":   {"draft", "published", "withdrawn"},
	"delivery":      {"pending", "sent", "failed", "bounced", "cancelled"},
	"level":         {"land", "state_body", "kreis", "kreisfrei", "gemeinde", "vg", "zweckverband", "provider"},
	"scope":         {"report", "read", "edit", "alerts", "polls"},
	"role": {
		"guest", "officer", "org_admin", "provider", "duty", "analyst", "lead", "editor", "approver",
		"constituency", "auditor", "admin", "steering",
	},
	"tlp":     {"RED", "AMBER+STRICT", "AMBER", "GREEN", "CLEAR"},
	"channel": {"portal", "guest", "phone", "mail", "api"},
	"rsit_class": {
		"abusive-content", "malicious-code", "information-gathering", "intrusion-attempts", "intrusions",
		"availability", "information-content-security", "fraud", "vulnerable", "other", "test",
	},
	"rsit": rsitTypes,
}

// rsitTypes are the 39 types of the Reference Security Incident Taxonomy v1003
// (ENISA, CC0-1.0), "class:type" as the API writes them.
var rsitTypes = []string{
	"abusive-content:spam", "abusive-content:harmful-speech", "abusive-content:violence",
	"malicious-code:infected-system", "malicious-code:c2-server", "malicious-code:malware-distribution",
	"malicious-code:malware-configuration",
	"information-gathering:scanner", "information-gathering:sniffing", "information-gathering:social-engineering",
	"intrusion-attempts:ids-alert", "intrusion-attempts:brute-force", "intrusion-attempts:exploit",
	"intrusions:privileged-account-compromise", "intrusions:unprivileged-account-compromise",
	"intrusions:application-compromise", "intrusions:system-compromise", "intrusions:burglary",
	"availability:dos", "availability:ddos", "availability:misconfiguration", "availability:sabotage", "availability:outage",
	"information-content-security:unauthorised-information-access",
	"information-content-security:unauthorised-information-modification",
	"information-content-security:data-loss", "information-content-security:data-leak",
	"fraud:unauthorised-use-of-resources", "fraud:copyright", "fraud:masquerade", "fraud:phishing",
	"vulnerable:weak-crypto", "vulnerable:ddos-amplifier", "vulnerable:potentially-unwanted-accessible",
	"vulnerable:information-disclosure", "vulnerable:vulnerable-system",
	"other:other", "other:undetermined", "test:test",
}

// Words returns the identifiers of a list in the order they are shown, nil for
// an unknown list.
func Words(list string) []string { return slices.Clone(words[list]) }

// word is the text of an identifier: word "severity" .Severity.
func (e *edition) word(list string, id any) string {
	s := str(id)
	if s == "" {
		return "–"
	}
	return e.t("word." + list + "." + s)
}

// hint is the second line of a word, "" where there is none.
func (e *edition) hint(list, id string) string {
	return e.texts.plain["word."+list+"."+id+".hint"]
}

// Word returns the text of an identifier in a language, for mails and exports.
func (r *Renderer) Word(lang, list, id string) string {
	return r.Text(lang, "word."+list+"."+id)
}

// WordLists returns the names of the lists, sorted.
func WordLists() []string { return slices.Sorted(maps.Keys(words)) }
