// SPDX-License-Identifier: EUPL-1.2

// Package deploy holds the tests of what lies in deployments/ and of
// docker-compose.yml: as far as it goes without a container engine, they run
// the very files that a deployment uses.
package deploy
