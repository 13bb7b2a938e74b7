// SPDX-License-Identifier: EUPL-1.2

package store

// ListOwn is for the test of its plan.
const ListOwn = listOwn
