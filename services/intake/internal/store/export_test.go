// SPDX-License-Identifier: EUPL-1.2

package store

// ListTheirs is a list's statement, for its plan.
const ListTheirs = listTheirs

// CountedBodies and CountedCases are the statements of figures, for their plans.
const (
	CountedBodies = countedBodies
	CountedCases  = countedCases
)
