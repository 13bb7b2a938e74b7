// SPDX-License-Identifier: EUPL-1.2

// Package tlp holds the Traffic Light Protocol 2.0 (FIRST, August 2022): who
// may pass information on to whom.
package tlp

import (
	"strings"

	"github.com/thueringencert/leitstelle/shared/fault"
)

// Label is a TLP 2.0 label, without the prefix "TLP:".
type Label string

// The labels, from the narrowest to the widest circle.
const (
	Red         Label = "RED"
	AmberStrict Label = "AMBER+STRICT"
	Amber       Label = "AMBER"
	Green       Label = "GREEN"
	Clear       Label = "CLEAR"
)

// Labels lists all labels, narrowest first.
func Labels() []Label { return []Label{Red, AmberStrict, Amber, Green, Clear} }

// Parse reads a label in any case, with or without "TLP:". WHITE of TLP 1.0
// becomes CLEAR. Anything else is Invalid.
func Parse(s string) (Label, error) {
	l := Label(strings.TrimPrefix(strings.ToUpper(strings.TrimSpace(s)), "TLP:"))
	switch l {
	case Red, AmberStrict, Amber, Green, Clear:
		return l, nil
	case "WHITE":
		return Clear, nil
	}
	return "", fault.New(fault.Invalid, "%q is no TLP 2.0 label", s)
}

// MailShowsText reports whether a mail may carry the text itself. From AMBER on
// a mail is only a pointer to the portal.
func (l Label) MailShowsText() bool { return l == Green || l == Clear }

// MailShowsTitle reports whether a mail may name the title: not for RED and
// AMBER+STRICT, whose mails say only that there is a new message.
func (l Label) MailShowsTitle() bool { return l == Amber || l.MailShowsText() }

// Wider reports whether l lets more people read than than.
func (l Label) Wider(than Label) bool { return rank(l) > rank(than) }

func rank(l Label) int {
	for i, x := range Labels() {
		if x == l {
			return i
		}
	}
	return -1
}
