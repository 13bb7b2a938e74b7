// SPDX-License-Identifier: EUPL-1.2

package report

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"time"
)

// Draft is an unfinished report of the form. It is kept for a day, and who has
// its code opens it on any device. It holds what was typed, right or wrong, so
// that nothing is lost.
type Draft struct {
	ID        string // DraftID of the code: the code itself is stored nowhere
	Form      Form
	CreatedAt time.Time
	ExpiresAt time.Time
}

// Form is what was typed.
type Form struct {
	What         string   `json:"what,omitempty"`
	Description  string   `json:"description,omitempty"`
	Impact       string   `json:"impact,omitempty"`
	NoticedAt    string   `json:"noticed_at,omitempty"` // as the input sends it, local time
	Approx       bool     `json:"approx,omitempty"`
	StillRunning string   `json:"still_running,omitempty"`
	Systems      []string `json:"systems,omitempty"`
	Affected     []string `json:"affected,omitempty"` // chosen organisation ids
	Body         string   `json:"body,omitempty"`     // as typed
	FreeText     bool     `json:"free_text,omitempty"`
	Name         string   `json:"name,omitempty"`
	Phone        string   `json:"phone,omitempty"`
	Email        string   `json:"email,omitempty"`
	Help         []string `json:"help,omitempty"`
	Exercise     bool     `json:"exercise,omitempty"`
	Alert        string   `json:"alert,omitempty"`
}

// DraftID is under what a code's draft is stored.
func DraftID(code string) string {
	sum := sha256.Sum256([]byte("draft\x00" + code))
	return hex.EncodeToString(sum[:])
}

// MaskPhone hides a number from whoever opens a draft elsewhere: the last two
// digits stay, so that its owner knows it again.
func MaskPhone(p string) string {
	var b strings.Builder
	digits := 0
	for _, r := range p {
		if r >= '0' && r <= '9' {
			digits++
		}
	}
	n := 0
	for _, r := range p {
		if r >= '0' && r <= '9' {
			n++
			if n > digits-2 {
				b.WriteRune(r)
				continue
			}
			b.WriteRune('•')
			continue
		}
		if r == '+' || r == ' ' || r == '/' || r == '-' {
			b.WriteRune(r)
		}
	}
	return b.String()
}
