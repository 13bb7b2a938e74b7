// SPDX-License-Identifier: EUPL-1.2

package email

import (
	"io"

	"github.com/wneessen/go-mail"

	"github.com/thueringencert/leitstelle/services/notification/internal/message"
	"github.com/thueringencert/leitstelle/shared/fault"
)

// write builds the message. Only the subject and the body hold text of people;
// the subject is encoded, the recipient stands alone without a name.
func (c *Channel) write(w io.Writer, m message.Mail) error {
	if !m.Addressed() {
		return fault.New(fault.Invalid, "the recipient's address cannot be used")
	}
	msg := mail.NewMsg(mail.WithNoDefaultUserAgent())
	if err := msg.FromFormat(c.cfg.FromName, c.cfg.From); err != nil {
		return fault.Wrap(fault.Unavailable, err, "the sender's address is not set up rightly")
	}
	if err := msg.To(m.To); err != nil {
		return fault.Wrap(fault.Invalid, err, "the recipient's address cannot be used")
	}
	if c.cfg.ReplyTo != "" {
		if err := msg.ReplyTo(c.cfg.ReplyTo); err != nil {
			return fault.Wrap(fault.Unavailable, err, "the reply address is not set up rightly")
		}
	}
	msg.Subject(m.Subject)
	msg.SetMessageIDWithValue(m.MessageID)
	msg.SetDateWithValue(c.now())
	msg.SetGenHeader("Auto-Submitted", "auto-generated")
	if m.ListID != "" {
		msg.SetGenHeader("List-Id", "<"+m.ListID+">")
	}
	if m.Alert != "" {
		msg.SetGenHeader("X-CERT-Warnung", m.Alert)
	}
	if m.Urgent {
		msg.SetImportance(mail.ImportanceHigh)
	}
	msg.SetBodyString("text/plain; format=flowed", m.Text)
	if _, err := msg.WriteTo(w); err != nil {
		return fault.Wrap(fault.Invalid, err, "the message cannot be written")
	}
	return nil
}
