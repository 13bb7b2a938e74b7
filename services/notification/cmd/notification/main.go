// SPDX-License-Identifier: EUPL-1.2

// Notification warns and asks: it runs the service as a program of its own.
package main

import (
	"github.com/thueringencert/leitstelle/services/notification"
	"github.com/thueringencert/leitstelle/shared/service"
)

func main() {
	service.Main("notification", &notification.Config{},
		func(c *notification.Config) *service.Config { return &c.Config }, notification.New)
}
