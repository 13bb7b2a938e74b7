// SPDX-License-Identifier: EUPL-1.2

package report

import "slices"

// The lists of the design (§7) that a report may take its values from. What
// comes first is the tile order of the form.
var (
	Whats = []string{
		"ransomware", "malware", "phishing", "account_takeover", "intrusion", "ddos", "data_leak",
		"lost_device", "outage", "mistake", "vulnerability", "tip", "unknown",
	}
	Impacts = []string{"low", "medium", "high", "very_high", "unknown"}
	YesNo   = []string{"yes", "no", "unclear"}
	Helps   = []string{"none", "advice", "callback", "forensics", "on_site", "communication", "fallback_it"}
	// Systems are the kinds of affected systems (domain facts §1d).
	Systems = []string{
		"workplace", "server", "identity", "mail", "web", "application", "network", "telephony",
		"backup", "ot", "cloud", "mobile",
	}
	// Roles are what the reporter is in the organisation.
	Roles = []string{"ciso", "it_lead", "head", "dpo", "provider", "staff", "third_party"}
	// Situations say how things stand.
	Situations = []string{"ongoing", "contained", "fixed", "recurring"}
	// Informed are those who may have been told already.
	Informed = []string{"head", "dpo", "tlfdi", "police", "bsi", "provider", "tlrz", "supervision", "staff_council", "insurance", "public"}
	// Consents say to whom the CERT may pass the report on.
	Consents = []string{"vcv", "others_anonymous", "others_named", "police"}
	// Services are the municipal services of domain facts §1e.
	Services = []string{
		"citizens_office", "passports", "registry", "vehicles", "driving_licences", "social", "youth", "housing_benefit",
		"immigration", "health", "public_order", "building", "treasury", "trade", "elections", "schools", "fire_service", "council",
		"website", "records", "e_invoice", "email", "telephony", "water", "internal_it",
	}
	// Degrees are how far a service is down.
	Degrees = []string{"none", "partial", "full"}
)

// Limits of what a field may hold, in characters or entries.
const (
	MaxText     = 4000
	MaxName     = 200
	MaxPhone    = 40
	MaxEmail    = 254
	MaxAffected = 2000 // more than the whole constituency
	MaxSystems  = 12
)

func among(list []string, v string) bool { return slices.Contains(list, v) }
