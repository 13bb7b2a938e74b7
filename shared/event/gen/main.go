// SPDX-License-Identifier: EUPL-1.2

// Command gen writes docs/events.md to its output: every type of event with its
// subject, its senders and receivers and its fields, all read from the source.
//
//	go run ./shared/event/gen > docs/events.md
package main

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
)

func main() {
	if err := run(".", os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

// run writes the page about the tree below root.
func run(root string, w io.Writer) error {
	c, err := readContract(root + "/shared/event")
	if err != nil {
		return err
	}
	if c.streams, err = readStreams(root + "/shared/bus/bus.go"); err != nil {
		return err
	}
	if err := c.readUse(root); err != nil {
		return err
	}
	_, err = io.WriteString(w, c.markdown())
	return err
}

const head = `<!-- Written by "make docs" from shared/event; do not edit. -->
# Events

Everything one service tells another is an event on NATS JetStream. It is written to the sender's outbox in the
transaction of the change, published from there, and applied once by each receiver (inbox). Fields are only added;
a breaking change is a new type beside the old one.

`

const regions = `Region tokens: ` + "`<land>.<kreis>.<gemeinde>`" + ` are the AGS of the body concerned, so that a consumer can filter by
region: a Gemeinde 16.071.043, a Landkreis 16.071.000, a body without an own AGS its Kreis or 16.000.000, a body that a
guest typed and nobody has confirmed 00.000.000.
`

func (c *contract) markdown() string {
	var b strings.Builder
	b.WriteString(head)
	c.writeEnvelope(&b)
	b.WriteString("## Streams\n\n| stream | subjects | kept |\n|---|---|---|\n")
	for _, s := range c.streams {
		_, _ = fmt.Fprintf(&b, "| %s | %s | %s |\n", s.name, s.subjects, s.kept)
	}
	b.WriteString("\n" + regions)
	b.WriteString("\n## Overview\n\n| event | from | to |\n|---|---|---|\n")
	for _, p := range c.payloads {
		_, _ = fmt.Fprintf(&b, "| [%s](#%s) | %s | %s |\n", p.kind, anchor(p.kind), names(p.from), names(p.to))
	}
	b.WriteString("\n## Types\n")
	for _, p := range c.payloads {
		_, _ = fmt.Fprintf(&b, "\n### %s\n\n%s\n\nSubject `%s`. From %s to %s.\n", p.kind, p.doc, p.subject, names(p.from), names(p.to))
		c.writeFields(&b, p.typeName)
	}
	b.WriteString("\n## Parts\n")
	for _, name := range c.parts() {
		_, _ = fmt.Fprintf(&b, "\n### %s\n\n%s\n", name, c.structs[name].doc)
		c.writeFields(&b, name)
	}
	return b.String()
}

func (c *contract) writeEnvelope(b *strings.Builder) {
	_, _ = fmt.Fprintf(b, "## Envelope\n\n%s\n", c.structs["Event"].doc)
	c.writeFields(b, "Event")
	b.WriteString("\n")
}

func (c *contract) writeFields(b *strings.Builder, name string) {
	b.WriteString("\n| field | type | meaning |\n|---|---|---|\n")
	for _, f := range c.fields(name) {
		optional := ""
		if f.optional {
			optional = ", may be missing"
		}
		_, _ = fmt.Fprintf(b, "| `%s` | %s%s | %s |\n", f.json, c.typeText(f.typ), optional, strings.ReplaceAll(f.doc, "|", "\\|"))
	}
}

// typeText links a type of the contract and names the others as JSON knows them.
func (c *contract) typeText(t string) string {
	switch {
	case strings.HasPrefix(t, "[]"):
		return "list of " + c.typeText(t[2:])
	case strings.HasPrefix(t, "*"):
		return c.typeText(t[1:])
	case t == "time.Time":
		return "time"
	case t == "json.RawMessage", t == "map[string]any":
		return "object"
	case t == "int", t == "int64":
		return "number"
	case t == "bool":
		return "true/false"
	}
	if _, ok := c.structs[t]; ok {
		return "[" + t + "](#" + anchor(t) + ")"
	}
	return t
}

// anchor is how GitHub and openCode name a heading.
func anchor(heading string) string {
	return strings.ReplaceAll(strings.ToLower(heading), ".", "")
}

func names(services []string) string {
	if len(services) == 0 {
		return "–"
	}
	slices.Sort(services)
	return strings.Join(services, ", ")
}
