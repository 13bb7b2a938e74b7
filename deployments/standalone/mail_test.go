// SPDX-License-Identifier: EUPL-1.2

package standalone_test

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/thueringencert/leitstelle/shared/devstack"
	"github.com/thueringencert/leitstelle/shared/devstack/mailsink"
)

var (
	alertReference = regexp.MustCompile(`W-\d{4}-\d{4,}`)
	answerLink     = regexp.MustCompile(`https?://\S+/warnungen/\S+\?e=\S+`)
)

// mail waits for a message to somebody that has the words.
func (w *world) mail(t testing.TB, to, words string) mailsink.Message {
	t.Helper()
	var found mailsink.Message
	devstack.Eventually(t, 20*time.Second, "mail to "+to+" with "+words, func() bool {
		for _, m := range w.Mail.Messages(to) {
			if strings.Contains(m.Subject()+"\n"+m.Text(), words) {
				found = m
				return true
			}
		}
		return false
	})
	return found
}

// link is the answer link of a warning in somebody's mail.
func (w *world) link(t testing.TB, to, reference string) string {
	t.Helper()
	link := answerLink.FindString(w.mail(t, to, reference).Text())
	if link == "" {
		t.Fatalf("the warning %s has no answer link", reference)
	}
	return link
}
