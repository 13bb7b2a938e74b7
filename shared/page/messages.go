// SPDX-License-Identifier: EUPL-1.2

package page

import (
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/nicksnyder/go-i18n/v2/i18n"
	"golang.org/x/text/language"
)

//go:embed messages/*.json
var ownMessages embed.FS

// OwnMessages are the ids of this package ("page.…") and the words that every
// service says the same ("word.…").
func OwnMessages() fs.FS { return ownMessages }

// catalogue is one language's texts. Plain texts are answered from a map;
// plurals and placeholders go through go-i18n.
type catalogue struct {
	lang  string
	plain map[string]string
	known map[string]bool
	loc   *i18n.Localizer
}

// newCatalogue reads the messages of each source. An id in two sources
// is a mistake: ids are prefixed with the service's name.
func newCatalogue(lang string, sources ...fs.FS) (*catalogue, error) {
	tag, err := language.Parse(lang)
	if err != nil {
		return nil, fmt.Errorf("language %q: %w", lang, err)
	}
	bundle := i18n.NewBundle(tag)
	bundle.RegisterUnmarshalFunc("json", json.Unmarshal)
	c := &catalogue{lang: lang, plain: map[string]string{}, known: map[string]bool{}}
	for _, src := range sources {
		if src == nil {
			continue
		}
		if err := c.read(bundle, src); err != nil {
			return nil, err
		}
	}
	c.loc = i18n.NewLocalizer(bundle, lang)
	return c, nil
}

// read takes messages/<lang>.json and what a service keeps apart by topic:
// messages/<topic>.<lang>.json.
func (c *catalogue) read(bundle *i18n.Bundle, src fs.FS) error {
	topics, err := fs.Glob(src, "messages/*."+c.lang+".json")
	if err != nil {
		return fmt.Errorf("list messages: %w", err)
	}
	for _, name := range append([]string{"messages/" + c.lang + ".json"}, topics...) {
		if err := c.readFile(bundle, src, name); err != nil {
			return err
		}
	}
	return nil
}

func (c *catalogue) readFile(bundle *i18n.Bundle, src fs.FS, name string) error {
	raw, err := fs.ReadFile(src, name)
	if err != nil {
		return fmt.Errorf("read messages: %w", err)
	}
	file, err := bundle.ParseMessageFileBytes(raw, c.lang+".json")
	if err != nil {
		return fmt.Errorf("parse %s: %w", name, err)
	}
	for _, m := range file.Messages {
		if c.known[m.ID] {
			return fmt.Errorf("%s: id %q is there twice", name, m.ID)
		}
		c.known[m.ID] = true
		if m.One == "" && m.Few == "" && m.Many == "" && m.Zero == "" && m.Two == "" && !strings.Contains(m.Other, "{{") {
			c.plain[m.ID] = m.Other
		}
	}
	return nil
}

var errNoMessage = errors.New("no such message")

// text returns the message. args: a number first is the plural count ({{.Count}});
// then pairs of name and value ({{.Name}}).
func (c *catalogue) text(f format, id string, args []any) (string, error) {
	if s, ok := c.plain[id]; ok {
		return s, nil
	}
	if !c.known[id] {
		return "⟦" + id + "⟧", errNoMessage
	}
	cfg := &i18n.LocalizeConfig{MessageID: id}
	data := map[string]any{}
	if len(args)%2 == 1 {
		cfg.PluralCount = args[0]
		data["Count"] = f.num(args[0])
		args = args[1:]
	}
	for i := 0; i+1 < len(args); i += 2 {
		key, _ := args[i].(string)
		if key == "Count" && cfg.PluralCount == nil {
			cfg.PluralCount = args[i+1]
			data[key] = f.num(args[i+1])
			continue
		}
		data[key] = args[i+1]
	}
	cfg.TemplateData = data
	s, err := c.loc.Localize(cfg)
	if err != nil {
		return "⟦" + id + "⟧", fmt.Errorf("message %s: %w", id, err)
	}
	return s, nil
}
