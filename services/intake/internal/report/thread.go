// SPDX-License-Identifier: EUPL-1.2

package report

import (
	"io"
	"time"

	"github.com/thueringencert/leitstelle/shared/event"
)

// Side says who speaks in the conversation.
type Side string

// The sides.
const (
	CERT     Side = "cert"
	Reporter Side = "reporter"
)

// Entry is what every addition to a report has. Bodies are the organisations
// whose people may see it; "" stands for a body that a guest typed.
type Entry struct {
	ID     string
	Report string
	Author event.Person
	Bodies []string
	Agent  string // name of the organisation that acted on behalf of the bodies, "" for none
	At     time.Time
}

// Message is one message of the conversation.
type Message struct {
	Entry
	Side Side
	Case string // the case file of a message of the CERT
	Text string
}

// Supplement is what the reporter's side added later. Fields are the later
// fields of domain facts §1d by their ids.
type Supplement struct {
	Entry
	Description string
	Fields      map[string]any
}

// Attachment is a file at a report. It lies encrypted under Blob.
type Attachment struct {
	Entry
	Name      string
	MediaType string // sniffed, advisory only
	Size      int64
	SHA256    string
	Blob      string
	OnlyHome  string // the agent's organisation, when only its people and the CERT see the file

	DestroyedAt *time.Time // its period ended: nobody can read it again
}

// StepKind is what a body does about a report that its provider sent.
type StepKind string

// The steps.
const (
	TakenOver    StepKind = "taken_over"
	GivenBack    StepKind = "given_back"
	Contradicted StepKind = "contradicted"
)

// Step is one of them, with its author and what was said.
type Step struct {
	Entry
	Kind    StepKind
	Text    string
	Contact event.Contact
}

// Thread is what came after the report, of each list a window.
type Thread struct {
	Window      Window
	Earlier     map[string]Cursor // of each list that has more before what was read
	Messages    []Message
	Supplements []Supplement
	Attachments []Attachment
	Steps       []Step
}

// Seen is a report as one reader may see it.
type Seen struct {
	Report
	Thread
	Deadlines []Deadline
	ByCode    bool // the reader is the guest
	MayAdd    bool // the reader may supplement, write and attach
	MayRead   bool // the reader may download files

	Several     bool // the reader deals with several bodies: a provider, or the CERT
	Agent       bool // the reader acts on behalf of a body
	MayExtend   bool // the reader may name more bodies
	MayTakeOver bool // the reader may take the report over, and contradict it
	MayReturn   bool // the reader may give it back to the provider
}

// Deadline is a promise or a duty that runs.
type Deadline struct {
	Rule  string
	State string // running, to_check, met, overdue, or what triage says
	DueAt *time.Time
}

// Alert is intake's copy of a published warning.
type Alert struct {
	ID        string
	Reference string
	Version   int
	Title     string
	TLP       string
	State     string
}

// Stored is a file that lies in the store.
type Stored struct {
	Key       string
	Size      int64
	SHA256    string
	MediaType string
}

// File is an upload: its bytes are read once, and encrypted before they touch
// a disk.
type File struct {
	Name   string
	Body   io.Reader
	ForAll bool // the people of all addressed bodies may see it, not only the agent's
}
