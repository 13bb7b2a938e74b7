// SPDX-License-Identifier: EUPL-1.2

//go:build norules

package actor

const noRules = true
