// SPDX-License-Identifier: EUPL-1.2

package catalogue

import (
	_ "embed"
	"encoding/json"
	"fmt"

	"github.com/thueringencert/leitstelle/services/directory/internal/constituency"
)

// shipped is an example to start from: the operator changes it in the pages.
//
//go:embed catalogue.json
var shipped []byte

// Shipped returns the catalogue that a new installation starts with.
func Shipped() ([]Service, error) {
	var rows []struct {
		Key         string                      `json:"key"`
		Name        Text                        `json:"name"`
		Description Text                        `json:"description"`
		Conditions  map[constituency.Level]Text `json:"conditions"`
		Status      Status                      `json:"status"`
		Contact     string                      `json:"contact"`
	}
	if err := json.Unmarshal(shipped, &rows); err != nil {
		return nil, fmt.Errorf("read the shipped catalogue: %w", err)
	}
	out := make([]Service, len(rows))
	for i, r := range rows {
		out[i] = Service{
			Key: r.Key, Name: r.Name, Description: r.Description, Conditions: r.Conditions, Status: r.Status, Contact: r.Contact, Position: (i + 1) * 10,
		}
		if err := out[i].check(); err != nil {
			return nil, fmt.Errorf("service %s: %w", r.Key, err)
		}
	}
	return out, nil
}
