// SPDX-License-Identifier: EUPL-1.2

package standalone_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/thueringencert/leitstelle/deployments/standalone"
	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/devstack"
)

// A mail server takes an invitation and reports later that nobody is there: that
// becomes a task with the address and what was said, over three services.
func TestAMailThatComesBackBecomesATask(t *testing.T) {
	w := shared(t)
	manager := w.as(t, actor.Constituency)
	address := "niemand" + standalone.LostDomain
	must(t, manager, http.MethodPost, "/api/directory/v1/people", http.StatusCreated, map[string]any{
		"name": "Nina Niemand", "email": address, "function": "", "language": "de",
		"memberships": []map[string]string{{"organisation": w.organisation(t, "16064000"), "role": "org_admin"}},
	}, nil)
	var list struct {
		Items []struct{ Kind, Address, Detail string }
	}
	devstack.Eventually(t, 20*time.Second, "a task about "+address, func() bool {
		must(t, manager, http.MethodGet, "/api/directory/v1/tasks?limit=200", http.StatusOK, nil, &list)
		for _, x := range list.Items {
			if x.Address == address {
				if x.Kind != "bounce" || !strings.Contains(x.Detail, "mailbox unavailable") {
					t.Errorf("the task says %+v", x)
				}
				return true
			}
		}
		return false
	})
}
