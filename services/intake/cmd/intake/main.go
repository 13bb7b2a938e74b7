// SPDX-License-Identifier: EUPL-1.2

// Command intake runs the service that takes reports in.
package main

import (
	"github.com/thueringencert/leitstelle/services/intake"
	"github.com/thueringencert/leitstelle/shared/service"
)

func main() {
	service.Main("intake", &intake.Config{}, func(c *intake.Config) *service.Config { return &c.Config }, intake.New)
}
