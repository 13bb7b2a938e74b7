// SPDX-License-Identifier: EUPL-1.2

// Package contact holds whom the CERT reaches in an organisation: people with
// their functions, telephones and hours, and whether somebody still says that
// all of it is right. It grants nobody anything; roles are the account's.
package contact

import (
	"slices"
	"strings"
	"time"

	"github.com/thueringencert/leitstelle/services/directory/internal/constituency"
	"github.com/thueringencert/leitstelle/shared/fault"
)

// Function is what a person does in an organisation (domain facts §5).
type Function string

// The functions. Coordination is for a Landkreis: who speaks with the CERT for
// its municipalities, without access to their incidents.
const (
	Head         Function = "head"
	ISB          Function = "isb"
	ISBDeputy    Function = "isb_deputy"
	ITLead       Function = "it_lead"
	DPO          Function = "dpo"
	Emergency    Function = "emergency"
	Press        Function = "press"
	StaffCouncil Function = "staff_council"
	Reporting    Function = "reporting"
	Coordination Function = "coordination"
)

// Functions lists the functions that people of a body of the level can have.
func Functions(l constituency.Level) []Function {
	all := []Function{Head, ISB, ISBDeputy, ITLead, DPO, Emergency, Press, StaffCouncil, Reporting}
	if l == constituency.Kreis {
		all = append(all, Coordination)
	}
	return all
}

// Lengths of what people write.
const (
	maxName  = 200
	maxHours = 200
)

// Contact is one person whom an organisation names, with all their functions
// there. The same person in another organisation is another contact.
type Contact struct {
	ID           string
	Organisation string
	Person       string // of the register's people; "" without an account in the organisation
	Name         string
	Functions    []Function
	Phone        string
	Mobile       string
	Email        string // lower case
	Hours        string // when they are reached, in words
	Always       bool   // reached day and night
	ConfirmedAt  *time.Time
	CreatedAt    time.Time
	UpdatedAt    time.Time
	RemovedAt    *time.Time
	Version      int
}

// Details are what people type about a contact.
type Details struct {
	Name      string
	Functions []Function
	Phone     string
	Mobile    string
	Email     string
	Hours     string
	Always    bool
}

// clean trims and puts the functions into their usual order; all mistakes come
// back at once.
func (d *Details) clean(l constituency.Level) error {
	d.Name, d.Phone, d.Mobile = strings.TrimSpace(d.Name), strings.TrimSpace(d.Phone), strings.TrimSpace(d.Mobile)
	d.Email, d.Hours = strings.ToLower(strings.TrimSpace(d.Email)), strings.TrimSpace(d.Hours)
	var bad fault.Fields
	if d.Name == "" || len([]rune(d.Name)) > maxName || strings.ContainsFunc(d.Name, control) {
		bad.Add("name", "directory.error.name", "name must have 1 to 200 characters")
	}
	known := slices.DeleteFunc(Functions(l), func(f Function) bool { return !slices.Contains(d.Functions, f) })
	if len(known) == 0 || slices.ContainsFunc(d.Functions, func(f Function) bool { return !slices.Contains(Functions(l), f) }) {
		bad.Add("functions", "directory.contact.error.functions", "functions must be at least one of those that the organisation can have")
	}
	if d.Phone != "" && !constituency.ValidPhone(d.Phone) {
		bad.Add("phone", "directory.error.phone", "phone must have 3 to 40 digits, spaces or +/-()")
	}
	if d.Mobile != "" && !constituency.ValidPhone(d.Mobile) {
		bad.Add("mobile", "directory.error.phone", "mobile must have 3 to 40 digits, spaces or +/-()")
	}
	if d.Email != "" && !constituency.ValidEmail(d.Email) {
		bad.Add("email", "directory.error.email", "email is not an address")
	}
	if d.Phone == "" && d.Mobile == "" && d.Email == "" {
		bad.Add("phone", "directory.contact.error.way", "give a phone, a mobile or an e-mail address")
	}
	if slices.Contains(known, Emergency) && d.Phone == "" && d.Mobile == "" {
		bad.Add("mobile", "directory.contact.error.emergency", "an emergency contact needs a phone or a mobile")
	}
	if len([]rune(d.Hours)) > maxHours || strings.ContainsFunc(d.Hours, control) {
		bad.Add("hours", "directory.contact.error.hours", "hours has at most 200 characters")
	}
	d.Functions = known
	return bad.Err()
}

func control(r rune) bool { return r < ' ' || r == 0x7f }

// details are those the contact has now.
func (c Contact) details() Details {
	return Details{c.Name, c.Functions, c.Phone, c.Mobile, c.Email, c.Hours, c.Always}
}

// set takes over what was typed. Whoever enters or changes it has just looked
// at it: that confirms it.
func (c *Contact) set(d Details, at time.Time) {
	c.Name, c.Functions, c.Phone, c.Mobile, c.Email, c.Hours, c.Always = d.Name, d.Functions, d.Phone, d.Mobile, d.Email, d.Hours, d.Always
	c.ConfirmedAt = &at
	c.UpdatedAt = at
	c.Version++
}

// Amend changes the contact; the address is free again when it reports true.
func (c *Contact) Amend(d Details, l constituency.Level, at time.Time) (bool, error) {
	if c.RemovedAt != nil {
		return false, fault.New(fault.NotFound, "no contact %s", c.ID)
	}
	if err := d.clean(l); err != nil {
		return false, err
	}
	now := c.details()
	if now.Name == d.Name && slices.Equal(now.Functions, d.Functions) && now.Phone == d.Phone && now.Mobile == d.Mobile &&
		now.Email == d.Email && now.Hours == d.Hours && now.Always == d.Always {
		return c.Confirm(at), nil
	}
	c.set(d, at)
	return true, nil
}

// Confirm notes that somebody says all of it is right. It reports whether that
// is news: twice on a day is once.
func (c *Contact) Confirm(at time.Time) bool {
	if c.RemovedAt != nil || c.ConfirmedAt != nil && at.Sub(*c.ConfirmedAt) < time.Minute {
		return false
	}
	c.ConfirmedAt = &at
	c.Version++
	return true
}

// Remove ends the contact; the record is deleted after Keep.
func (c *Contact) Remove(at time.Time) error {
	if c.RemovedAt != nil {
		return fault.New(fault.NotFound, "no contact %s", c.ID)
	}
	c.RemovedAt, c.UpdatedAt = &at, at
	c.Version++
	return nil
}

// Keep is how long a removed contact stays (reliability model §5: until
// replaced + 30 days).
const Keep = 30 * 24 * time.Hour

// Has reports whether the person has the function.
func (c Contact) Has(f Function) bool { return slices.Contains(c.Functions, f) }

// Callable reports whether there is a number to call.
func (c Contact) Callable() bool { return c.Phone != "" || c.Mobile != "" }

// Age says how fresh the record is.
type Age string

// The ages: confirmed within the time, longer ago, never.
const (
	Fresh Age = "fresh"
	Old   Age = "old"
	Never Age = "never"
)

// AgeAt is the age of the record, when it counts as fresh for the given time.
func (c Contact) AgeAt(at time.Time, fresh time.Duration) Age {
	switch {
	case c.ConfirmedAt == nil:
		return Never
	case at.Sub(*c.ConfirmedAt) > fresh:
		return Old
	}
	return Fresh
}

// Missing lists what an organisation's contacts lack: functions nobody has, and
// Emergency also when nobody of that function can be called. A municipality
// whose administration is done elsewhere needs only its head and the emergency
// contact: the rest is the administration's.
func Missing(o constituency.Organisation, contacts []Contact) []Function {
	wanted := []Function{Head, ISB, ISBDeputy, ITLead, DPO, Emergency}
	if o.Administration != "" {
		wanted = []Function{Head, Emergency}
	}
	return slices.DeleteFunc(wanted, func(f Function) bool {
		return slices.ContainsFunc(contacts, func(c Contact) bool { return c.Has(f) && (f != Emergency || c.Callable()) })
	})
}

// WithoutEmergency reports whether nobody can be called in an emergency.
func WithoutEmergency(contacts []Contact) bool {
	return !slices.ContainsFunc(contacts, func(c Contact) bool { return c.Has(Emergency) && c.Callable() })
}
