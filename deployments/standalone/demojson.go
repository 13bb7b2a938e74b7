// SPDX-License-Identifier: EUPL-1.2

package standalone

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/thueringencert/leitstelle/shared/actor"
)

// Demo is DIR/demo.json: where the running instance is and who may sign in. It
// appears when everything is ready, mode 0600, and goes when the instance stops.
type Demo struct {
	URL      string       `json:"url"`
	NATS     string       `json:"nats"`
	Postgres string       `json:"postgres"` // without a database; databases are named as the services
	SMTP     string       `json:"smtp"`
	People   []DemoPerson `json:"people"`
	// Provider is the OpenID provider to try, nil when there is none.
	Provider *DemoProvider `json:"provider,omitempty"`
}

// DemoPerson is one sign-in.
type DemoPerson struct {
	Name         string           `json:"name"`
	Email        string           `json:"email"`
	Password     string           `json:"password"`
	TOTPSecret   string           `json:"totp_secret"` // base 32
	Token        string           `json:"token"`       // for the API
	Roles        []actor.Role     `json:"roles"`
	Organisation DemoOrganisation `json:"organisation"`
}

// DemoOrganisation is the body a person belongs to.
type DemoOrganisation struct {
	ID   string `json:"id"`
	AGS  string `json:"ags"`
	Name string `json:"name"`
}

const demoFile = "demo.json"

// ReadDemo reads the demo.json of a running instance.
func ReadDemo(dir string) (Demo, error) {
	var d Demo
	b, err := os.ReadFile(filepath.Join(dir, demoFile)) //nolint:gosec // the operator's own folder
	if err != nil {
		return d, err
	}
	return d, json.Unmarshal(b, &d)
}

func (d Demo) write(dir string) error {
	b, err := json.MarshalIndent(d, "", "  ")
	if err != nil {
		return err
	}
	return writeAtomic(filepath.Join(dir, demoFile), append(b, '\n'))
}

// Person returns the first person with the role.
func (d Demo) Person(role actor.Role) (DemoPerson, error) {
	for _, p := range d.People {
		if slices.Contains(p.Roles, role) {
			return p, nil
		}
	}
	return DemoPerson{}, fmt.Errorf("demo.json has nobody with the role %s", role)
}

// Database is the URL of one service's database.
func (d Demo) Database(service string) string {
	return withDatabase(d.Postgres, service)
}
