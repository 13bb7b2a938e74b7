// SPDX-License-Identifier: EUPL-1.2

// Command triage runs the service that works case files.
package main

import (
	"github.com/thueringencert/leitstelle/services/triage"
	"github.com/thueringencert/leitstelle/shared/service"
)

func main() {
	service.Main("triage", &triage.Config{}, func(c *triage.Config) *service.Config { return &c.Config }, triage.New)
}
