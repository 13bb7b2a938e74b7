// SPDX-License-Identifier: EUPL-1.2

package privacy

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/lib/pq"

	"github.com/thueringencert/leitstelle/shared/pg"
)

// Who is a person that JSON texts are to forget.
type Who struct {
	ID      string
	Name    string   // what they are called from now on
	Address []string // their e-mail addresses, where the service knows them
	Unsent  bool     // also in events that are still to be sent: the new record follows them
}

// mailbox stands where an e-mail address was: it has the form of one and reaches
// nobody.
func (w Who) mailbox() string { return w.ID + "@erased.invalid" }

// naming are the keys that name a person or say how to reach them.
var naming = []string{"name", "email", "phone", "mobile", "function", "recipient", "author_name", "reporter"}

// contacts are the keys of what a person left to be called back.
var contacts = []string{"callback", "report_contact", "contact"}

// Scrub takes the person out of a JSON text that has their id: what names them
// beside it, and the same words elsewhere in that text. Everything else, and the
// kind of every value, stays: a receiver still understands it. What is no JSON
// stays as it is.
func (w Who) Scrub(text string) (string, bool) {
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	var doc any
	if err := d.Decode(&doc); err != nil {
		return text, false
	}
	s := scrubber{Who: w, words: map[string]string{}}
	for _, a := range w.Address {
		s.words[strings.ToLower(a)] = w.mailbox()
	}
	s.collect(doc)
	if len(s.words) == 0 {
		return text, false
	}
	changed := false
	doc = s.replace(doc, &changed)
	if !changed {
		return text, false
	}
	out, err := json.Marshal(doc)
	if err != nil {
		return text, false
	}
	return string(out), true
}

type scrubber struct {
	Who
	words map[string]string // in lower case → what stands there instead
}

// collect finds the words that name the person: beside their id or address, and
// in the contact that they left.
func (s *scrubber) collect(v any) {
	switch x := v.(type) {
	case []any:
		for _, y := range x {
			s.collect(y)
		}
	case map[string]any:
		if s.is(x) {
			s.take(x)
		}
		for _, by := range []string{"reporter", "author"} {
			if p, ok := x[by].(map[string]any); ok && s.is(p) {
				for _, key := range contacts {
					if c, ok := x[key].(map[string]any); ok {
						s.take(c)
					}
				}
			}
		}
		for _, y := range x {
			s.collect(y)
		}
	}
}

// is reports whether an object is about the person.
func (s *scrubber) is(x map[string]any) bool {
	for _, key := range []string{"id", "person", "Person", "ID", "author_id", "reporter_id"} {
		if x[key] == s.ID {
			return true
		}
	}
	mail, _ := x["email"].(string)
	return mail != "" && slices.ContainsFunc(s.Address, func(a string) bool { return strings.EqualFold(a, mail) })
}

func (s *scrubber) take(x map[string]any) {
	for key, v := range x {
		text, ok := v.(string)
		if !ok || text == "" || !slices.Contains(naming, strings.ToLower(key)) {
			continue
		}
		switch {
		case text == s.Name || text == s.mailbox():
		case strings.Contains(text, "@"):
			s.words[strings.ToLower(text)] = s.mailbox()
		case strings.Contains(strings.ToLower(key), "name") || strings.EqualFold(key, "reporter"):
			s.words[strings.ToLower(text)] = s.Name
		default:
			s.words[strings.ToLower(text)] = ""
		}
	}
}

func (s *scrubber) replace(v any, changed *bool) any {
	switch x := v.(type) {
	case string:
		if to, ok := s.words[strings.ToLower(x)]; ok && x != "" {
			*changed = true
			return to
		}
	case []any:
		for i := range x {
			x[i] = s.replace(x[i], changed)
		}
	case map[string]any:
		for k := range x {
			x[k] = s.replace(x[k], changed)
		}
	}
	return v
}

// wires are the texts that a service keeps for the way between services and for
// repeated requests: what was sent, what was answered, what nobody could take in.
// A dead event may be any bytes. $1 of read are patterns, $2 whether events that wait are meant, too.
var wires = []struct{ read, write string }{
	{
		`SELECT seq::text AS id, body AS text FROM outbox WHERE (published_at IS NOT NULL OR $2) AND body ILIKE ANY ($1)`,
		`UPDATE outbox o SET body = x.text FROM unnest($1::text[], $2::text[]) AS x(id, text) WHERE o.seq = x.id::bigint`,
	},
	{
		`SELECT ctid::text AS id, response AS text FROM idempotency WHERE $2::boolean IS NOT NULL AND response ILIKE ANY ($1)`,
		`UPDATE idempotency o SET response = x.text FROM unnest($1::text[], $2::text[]) AS x(id, text) WHERE o.ctid = x.id::tid`,
	},
	{
		`SELECT id::text AS id, body AS text FROM dead_event WHERE $2::boolean IS NOT NULL AND encode(body, 'escape') ILIKE ANY ($1)`,
		`UPDATE dead_event o SET body = convert_to(x.text, 'UTF8') FROM unnest($1::text[], $2::text[]) AS x(id, text) WHERE o.id = x.id::bigint`,
	},
}

// batch is how many texts are read at a time.
const batch = 500

// ForgetWires takes the person out of published events, stored answers and dead
// events of a service, and forgets the answers to their own requests: nobody can
// ask for them again. It returns how many texts changed and how many events that
// are still to be sent name the person.
func ForgetWires(ctx context.Context, tx pg.DB, w Who) (done, left int64, err error) {
	res, err := tx.ExecContext(ctx, `DELETE FROM idempotency WHERE scope LIKE '%' || $1 || '%'`, w.ID)
	if err != nil {
		return 0, 0, fmt.Errorf("forget the answers to %s: %w", w.ID, err)
	}
	if done, err = res.RowsAffected(); err != nil {
		return 0, 0, err
	}
	patterns := []string{"%" + w.ID + "%"}
	for _, a := range w.Address {
		patterns = append(patterns, "%"+a+"%")
	}
	for _, x := range wires {
		n, err := forgetWire(ctx, tx, w, x.read, x.write, patterns)
		if err != nil {
			return 0, 0, err
		}
		done += n
	}
	var waiting []string
	if err := tx.SelectContext(ctx, &waiting, `SELECT body FROM outbox WHERE published_at IS NULL AND body LIKE '%' || $1 || '%'`, w.ID); err != nil {
		return 0, 0, fmt.Errorf("read what is still to be sent: %w", err)
	}
	for _, text := range waiting {
		if _, named := w.Scrub(text); named {
			left++
		}
	}
	return done, left, nil
}

func forgetWire(ctx context.Context, tx pg.DB, w Who, read, write string, patterns []string) (int64, error) {
	var rows []struct {
		ID   string `db:"id"`
		Text string `db:"text"`
	}
	if err := tx.SelectContext(ctx, &rows, read, pq.Array(patterns), w.Unsent); err != nil {
		return 0, fmt.Errorf("read texts that may name %s: %w", w.ID, err)
	}
	var n int64
	for part := range slices.Chunk(rows, batch) {
		var ids, texts []string
		for _, r := range part {
			if text, changed := w.Scrub(r.Text); changed {
				ids, texts = append(ids, r.ID), append(texts, text)
			}
		}
		if len(ids) == 0 {
			continue
		}
		if _, err := tx.ExecContext(ctx, write, pq.Array(ids), pq.Array(texts)); err != nil {
			return 0, fmt.Errorf("forget %s in %d texts: %w", w.ID, len(ids), err)
		}
		n += int64(len(ids))
	}
	return n, nil
}
