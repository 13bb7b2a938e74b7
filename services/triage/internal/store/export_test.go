// SPDX-License-Identifier: EUPL-1.2

package store

// ListQuery lets a test explain the statement that List runs.
var ListQuery = listQuery
