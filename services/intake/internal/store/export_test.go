// SPDX-License-Identifier: EUPL-1.2

package store

// ListTheirs is a list's statement, for its plan.
const ListTheirs = listTheirs
