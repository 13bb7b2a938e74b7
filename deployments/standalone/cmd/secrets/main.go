// SPDX-License-Identifier: EUPL-1.2

// Command secrets makes the passwords and keys that docker-compose.yml needs,
// where they are missing.
//
//	go run ./deployments/standalone/cmd/secrets deployments/secrets
package main

import (
	"fmt"
	"os"
	"time"

	"github.com/thueringencert/leitstelle/deployments/standalone/internal/secrets"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: secrets FOLDER")
		os.Exit(2)
	}
	made, err := secrets.Write(os.Args[1], secrets.Compose, time.Now())
	if err != nil {
		fmt.Fprintln(os.Stderr, "secrets:", err)
		os.Exit(1)
	}
	_, _ = fmt.Fprintf(os.Stdout, "%d secrets made in %s. Keep a copy apart from the backup of the data.\n", len(made), os.Args[1])
}
