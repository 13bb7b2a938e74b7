// SPDX-License-Identifier: EUPL-1.2

package casefile

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/thueringencert/leitstelle/shared/fault"
)

// The lists of a case that grow as long as somebody works on it.
const (
	ListTimeline    = "timeline"
	ListMessages    = "messages"
	ListNotes       = "notes"
	ListSupplements = "supplements"
	ListAttachments = "attachments"
)

// Lists names them all.
func Lists() []string {
	return []string{ListTimeline, ListMessages, ListNotes, ListSupplements, ListAttachments}
}

// How much of a list is read: usually, at most, and on paper.
const (
	WindowSize = 50
	MaxWindow  = 200
	MaxPrint   = 5000
)

// Cursor is a place in one list: what came before it is the next page. Clients
// take it as it is.
type Cursor struct {
	List string
	At   time.Time
	ID   string
	Upto bool // together with the line itself: a link to it
}

// String is the cursor as an address carries it.
func (c Cursor) String() string {
	upto := ""
	if c.Upto {
		upto = "="
	}
	return c.List + upto + "." + strconv.FormatInt(c.At.UnixMicro(), 10) + "." + c.ID
}

// ParseCursor reads a cursor; "" is none, anything else Malformed.
func ParseCursor(s string) (Cursor, error) {
	if s == "" {
		return Cursor{}, nil
	}
	parts := strings.SplitN(s, ".", 3)
	if len(parts) == 3 && len(s) < 300 {
		list, upto := strings.CutSuffix(parts[0], "=")
		at, err := strconv.ParseInt(parts[1], 10, 64)
		if err == nil && at > 0 && slices.Contains(Lists(), list) && parts[2] != "" && !strings.ContainsFunc(parts[2], func(r rune) bool { return r < ' ' || r > '~' }) {
			return Cursor{List: list, At: time.UnixMicro(at).UTC(), ID: parts[2], Upto: upto}, nil
		}
	}
	return Cursor{}, fault.New(fault.Malformed, "before is no cursor of this case")
}

// Window is how much of a case's lists is read: the newest of each, of one of
// them what came before a place.
type Window struct {
	Before Cursor
	Limit  int // 0: the usual number
}

// Size is how many lines of each list are read.
func (w Window) Size(export bool) int {
	switch {
	case export:
		return MaxPrint
	case w.Limit <= 0:
		return WindowSize
	}
	return min(w.Limit, MaxWindow)
}
