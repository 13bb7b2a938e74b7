// SPDX-License-Identifier: EUPL-1.2

package standalone

import (
	"context"
	"net/http"

	"github.com/thueringencert/leitstelle/shared/actor"
)

// lockAway keeps the case for those who need to know it.
func (r *road) lockAway(ctx context.Context) error {
	if err := r.change(ctx, "lock", http.StatusOK, map[string]string{"reason": "Die Polizei ermittelt, Az. 7 Js 1/26"}); err != nil {
		return err
	}
	for role, want := range map[actor.Role]int{actor.Analyst: http.StatusNotFound, actor.Lead: http.StatusOK} {
		if _, err := r.as[role].Do(ctx, http.MethodGet, "/api/triage/v1/cases/"+r.caseID, want, nil, nil); err != nil {
			return err
		}
	}
	return nil
}
