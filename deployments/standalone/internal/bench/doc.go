// SPDX-License-Identifier: EUPL-1.2

// Package bench measures the system against bare programs on the same machine
// and the same parts, in alternating rounds: absolute figures of a shared
// machine vary, ratios taken together hold. `make bench` runs it.
package bench
