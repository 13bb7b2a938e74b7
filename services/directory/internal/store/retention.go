// SPDX-License-Identifier: EUPL-1.2

package store

import "github.com/thueringencert/leitstelle/shared/retention"

// Retention are the rules of the directory's own data (docs/datenschutz.md).
// Sessions go a day after they expire, tries to sign in after their window, an
// uploaded register after a day.
func Retention() []retention.Rule {
	return []retention.Rule{{
		Class: "invitations", Keep: 90 * retention.Day, Auto: true,
		Title: retention.Text{DE: "Angenommene, zurückgezogene und abgelaufene Einladungen", EN: "Invitations that were accepted, withdrawn or ran out"},
		After: retention.Text{DE: "nach ihrem Ende", EN: "after they ended"},
		Then:  retention.Text{DE: "gelöscht", EN: "deleted"},
		Due: `SELECT id::text AS id, coalesce(accepted_at, withdrawn_at, expires_at) AS at, false AS held FROM invitation
			WHERE coalesce(accepted_at, withdrawn_at, expires_at) < $1`,
		Steps: []string{`DELETE FROM invitation WHERE id = ANY ($1::uuid[])`},
	}, {
		Class: "tokens", Keep: 90 * retention.Day, Auto: true,
		Title: retention.Text{DE: "Abgelaufene und widerrufene API-Schlüssel", EN: "Expired and revoked API tokens"},
		After: retention.Text{DE: "nach Ablauf oder Widerruf", EN: "after they expired or were revoked"},
		Then:  retention.Text{DE: "gelöscht", EN: "deleted"},
		Due: `SELECT id::text AS id, least(expires_at, revoked_at) AS at, false AS held FROM token
			WHERE least(expires_at, revoked_at) < $1 AND projected >= version`,
		Steps: []string{`DELETE FROM token WHERE id = ANY ($1::uuid[])`},
	}}
}
