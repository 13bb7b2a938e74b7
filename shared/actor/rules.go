// SPDX-License-Identifier: EUPL-1.2

//go:build !norules

package actor

// noRules switches the application's rules off. No program is built with the
// tag norules; one test is, to show that the database alone keeps organisations
// apart (reliability model §2.4, D17).
const noRules = false
