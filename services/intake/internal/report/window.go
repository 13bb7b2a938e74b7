// SPDX-License-Identifier: EUPL-1.2

package report

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/thueringencert/leitstelle/shared/fault"
)

// The lists of a thread that grow as long as somebody writes.
const (
	ListMessages    = "messages"
	ListSupplements = "supplements"
	ListAttachments = "attachments"
	ListSteps       = "steps"
)

// ThreadLists names them all.
func ThreadLists() []string {
	return []string{ListMessages, ListSupplements, ListAttachments, ListSteps}
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
}

// String is the cursor as an address carries it.
func (c Cursor) String() string {
	return c.List + "." + strconv.FormatInt(c.At.UnixMicro(), 10) + "." + c.ID
}

// ParseCursor reads a cursor; "" is none, anything else Malformed.
func ParseCursor(s string) (Cursor, error) {
	if s == "" {
		return Cursor{}, nil
	}
	parts := strings.SplitN(s, ".", 3)
	if len(parts) == 3 && len(s) < 120 {
		at, err := strconv.ParseInt(parts[1], 10, 64)
		plain := strings.Trim(parts[2], "0123456789abcdef-") == ""
		if err == nil && at > 0 && slices.Contains(ThreadLists(), parts[0]) && parts[2] != "" && plain {
			return Cursor{List: parts[0], At: time.UnixMicro(at).UTC(), ID: parts[2]}, nil
		}
	}
	return Cursor{}, fault.New(fault.Malformed, "before is no cursor of this report")
}

// Window is how much of a thread is read: the newest of each list, of one of them
// what came before a place. The zero value is the usual number.
type Window struct {
	Before Cursor
	Limit  int
	Paper  bool   // for print: as much as MaxPrint
	File   string // of the attachments only this one
}

// Size is how many lines of each list are read.
func (w Window) Size() int {
	switch {
	case w.Paper:
		return MaxPrint
	case w.Limit <= 0:
		return WindowSize
	}
	return min(w.Limit, MaxWindow)
}
