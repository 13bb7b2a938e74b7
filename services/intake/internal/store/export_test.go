// SPDX-License-Identifier: EUPL-1.2

package store

// ListTheirs is a list's statement, for its plan.
const ListTheirs = listTheirs

// ReportCases is the statement of the cases of reports, for its plan.
const ReportCases = reportCases

// CountedBodies and CountedCases are the statements of figures, for their plans.
const (
	CountedBodies = countedBodies
	CountedCases  = countedCases
)
