// SPDX-License-Identifier: EUPL-1.2

package standalone_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/thueringencert/leitstelle/deployments/standalone/internal/contract"
)

// Every route of the API is described, and nothing is described that is not there.
func TestTheContractHasExactlyTheRoutesOfTheServices(t *testing.T) {
	w := shared(t)
	c, err := loadContract()
	if err != nil {
		t.Fatalf("docs/openapi.yaml: %v", err)
	}
	var registered []string
	for _, service := range serviceNames {
		for _, r := range w.Routes(service) {
			if strings.HasPrefix(r.Path, "/api/") {
				registered = append(registered, r.Method+" "+contract.Anonymous(r.Path))
			}
		}
	}
	slices.Sort(registered)
	described := c.Operations()
	for _, r := range registered {
		if !slices.Contains(described, r) {
			t.Errorf("docs/openapi.yaml does not have %s", r)
		}
	}
	for _, d := range described {
		if !slices.Contains(registered, d) {
			t.Errorf("no service has %s, which docs/openapi.yaml describes", d)
		}
	}
	for path, item := range c.Doc.Paths.Map() {
		for method, op := range item.Operations() {
			if op.OperationID == "" || op.Summary == "" || len(op.Tags) != 1 {
				t.Errorf("%s %s needs an operationId, a summary and one tag", method, path)
			}
			if op.Responses.Value("401") == nil {
				t.Errorf("%s %s does not say what a Bearer that does not hold gets", method, path)
			}
		}
	}
}
