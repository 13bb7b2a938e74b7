// SPDX-License-Identifier: EUPL-1.2

package subscription_test

import (
	"testing"

	"github.com/thueringencert/leitstelle/services/notification/internal/subscription"
	"github.com/thueringencert/leitstelle/shared/fault"
)

func TestWants(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		setting            subscription.Setting
		severity, category string
		want               bool
	}{
		"everything without a setting":    {severity: "low", want: true},
		"nothing when off":                {setting: subscription.Setting{Off: true}, severity: "critical"},
		"from the severity on":            {setting: subscription.Setting{MinSeverity: "high"}, severity: "high", want: true},
		"not below it":                    {setting: subscription.Setting{MinSeverity: "high"}, severity: "medium"},
		"a category in any case":          {setting: subscription.Setting{Categories: []string{"schwachstelle"}}, severity: "low", category: "Schwachstelle", want: true},
		"not another category":            {setting: subscription.Setting{Categories: []string{"phishing"}}, severity: "low", category: "Schwachstelle"},
		"an alert without category comes": {setting: subscription.Setting{Categories: []string{"phishing"}}, severity: "low", want: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := tt.setting.Wants(tt.severity, tt.category); got != tt.want {
				t.Errorf("Wants(%s, %s) = %v, want %v", tt.severity, tt.category, got, tt.want)
			}
		})
	}
}

func TestCheckFindsEveryMistakeAtOnce(t *testing.T) {
	t.Parallel()
	s := subscription.Setting{MinSeverity: "worst", Mailbox: "a@x.example, b@y.example", Categories: make([]string, 21)}
	if f := fault.FieldsOf(s.Check()); len(f) != 3 {
		t.Errorf("Check = %v, want three mistakes", f)
	}
}
