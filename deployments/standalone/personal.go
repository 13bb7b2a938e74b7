// SPDX-License-Identifier: EUPL-1.2

package standalone

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/thueringencert/leitstelle/services/directory"
	"github.com/thueringencert/leitstelle/services/intake"
	"github.com/thueringencert/leitstelle/services/notification"
	"github.com/thueringencert/leitstelle/services/triage"
	"github.com/thueringencert/leitstelle/shared/actor"
	"github.com/thueringencert/leitstelle/shared/event"
	"github.com/thueringencert/leitstelle/shared/pg"
	"github.com/thueringencert/leitstelle/shared/privacy"
	"github.com/thueringencert/leitstelle/shared/privacy/pages"
)

// personal are the classes of data about people of each service.
func personal(service string) []privacy.Class {
	var own []privacy.Class
	switch service {
	case "directory":
		own = directory.PersonalData()
	case "intake":
		own = intake.PersonalData()
	case "triage":
		own = triage.PersonalData()
	case "notification":
		own = notification.PersonalData()
	}
	return append(append([]privacy.Class{}, own...), privacy.Shared()...)
}

// PersonReport is what PersonalReport is asked.
type PersonReport struct {
	Data      string            // folder of a standalone instance, or
	Databases map[string]string // the URL of each service's database
	Who       string            // id of a person, or e-mail address
	Phone     string            // to look for as well
	Out       string            // folder for the two files
}

// PersonalReport gathers everything that the four databases hold about one
// person into NAME.json and NAME.html, readable by the owner alone. Each
// service's audit says that it was made.
func PersonalReport(ctx context.Context, o PersonReport, out io.Writer) error {
	url := func(service string) string { return o.Databases[service] }
	stop := func() error { return nil }
	if len(o.Databases) == 0 {
		var err error
		if url, stop, err = database(ctx, o.Data); err != nil {
			return err
		}
	}
	return errors.Join(personalReport(ctx, o, url, out), stop())
}

func personalReport(ctx context.Context, o PersonReport, url func(string) string, out io.Writer) error {
	s := privacy.Subject{Person: o.Who, Phone: o.Phone}
	if !event.IsID(o.Who) {
		s = privacy.Subject{Email: o.Who, Phone: o.Phone}
	}
	s, err := s.Check()
	if err != nil {
		return err
	}
	var shapes []pages.Shape
	var tables []personTables
	at := time.Now().UTC()
	for _, name := range serviceNames {
		if url(name) == "" {
			return fmt.Errorf("the database of %s is not named", name)
		}
		parts, found, err := personalOf(ctx, url(name), name, s, at)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		s = found
		shapes = append(shapes, pages.ShapeOf(name, "de", at, parts))
		shown, err := pages.Show("de", parts)
		if err != nil {
			return err
		}
		tables = append(tables, personTables{Service: name, Parts: shown})
		n := 0
		for _, p := range parts {
			n += p.Count
		}
		_, _ = fmt.Fprintf(out, "%s: %d entries in %d classes\n", name, n, len(parts))
	}
	return writeReport(o, s, at, shapes, tables, out)
}

// personalOf reads one service. The directory comes first and knows the person's
// id and address, with which the others are searched.
func personalOf(ctx context.Context, url, service string, s privacy.Subject, at time.Time) ([]privacy.Part, privacy.Subject, error) {
	db, err := pg.Open(url, pg.Options{Name: "person-report", MaxConns: 1, Stmt: time.Minute})
	if err != nil {
		return nil, s, err
	}
	if service == "directory" {
		if s, err = identify(ctx, db, s); err != nil {
			return nil, s, errors.Join(err, db.Close())
		}
	}
	var parts []privacy.Part
	err = pg.InTx(ctx, db, func(tx pg.DB) error {
		if parts, err = privacy.Collect(ctx, tx, personal(service), s); err != nil {
			return err
		}
		return privacy.Note(ctx, tx, privacy.By{Actor: actor.System("operator")}, at, "privacy.report", s)
	})
	return parts, s, errors.Join(err, db.Close())
}

// identify completes who is meant from the register; a guest is in none.
func identify(ctx context.Context, db *sqlx.DB, s privacy.Subject) (privacy.Subject, error) {
	var rows []struct {
		ID    string `db:"id"`
		Email string `db:"email"`
		Phone string `db:"phone"`
	}
	if err := db.SelectContext(ctx, &rows, `SELECT id, email, phone FROM person WHERE id::text = $1 OR lower(email) = $2 AND $2 <> ''`, s.Person, s.Email); err != nil {
		return s, pg.Classify(ctx, err)
	}
	if len(rows) == 0 {
		return s, nil
	}
	s.Person, s.Email = rows[0].ID, strings.ToLower(rows[0].Email)
	if p := privacy.Digits(rows[0].Phone); s.Phone == "" && len(p) >= 6 {
		s.Phone = p
	}
	return s, nil
}

type personTables struct {
	Service string
	Parts   []pages.Part
}

func writeReport(o PersonReport, s privacy.Subject, at time.Time, shapes []pages.Shape, tables []personTables, out io.Writer) error {
	name := filepath.Join(o.Out, "auskunft-"+at.Format("20060102-150405"))
	raw, err := json.MarshalIndent(map[string]any{"subject": s, "at": at, "note": pages.FreeText, "services": shapes}, "", "  ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(name+".json", append(raw, '\n'), 0o600); err != nil {
		return err
	}
	f, err := os.OpenFile(name+".html", os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600) //nolint:gosec // the operator names the folder
	if err != nil {
		return err
	}
	err = personPage.Execute(f, map[string]any{"Subject": s, "At": at, "Services": tables})
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "%s.json\n%s.html\n", name, name)
	return err
}

var personPage = template.Must(template.New("auskunft").Funcs(template.FuncMap{
	"dt": func(t *time.Time) string { return t.In(time.Local).Format("02.01.2006 15:04") },
	"name": func(service string) string {
		return map[string]string{"directory": "Verzeichnis und Anmeldung", "intake": "Meldungen", "triage": "Fälle", "notification": "Warnungen und Zustellungen"}[service]
	},
}).Parse(`<!DOCTYPE html>
<html lang="de"><head><meta charset="utf-8"><title>Auskunft nach Art. 15 DSGVO</title>
<style>body{font:16px/1.5 sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem}table{border-collapse:collapse;width:100%}th,td{text-align:left;vertical-align:top;border-bottom:1px solid #bbb;padding:.3rem .6rem .3rem 0;overflow-wrap:anywhere}dt{font-weight:600}h2{margin-top:3rem}</style></head><body>
<h1>Auskunft nach Art. 15 DSGVO</h1>
<dl>{{with .Subject.Person}}<dt>Person</dt><dd>{{.}}</dd>{{end}}{{with .Subject.Email}}<dt>E-Mail</dt><dd>{{.}}</dd>{{end}}{{with .Subject.Phone}}<dt>Telefon (Ziffern)</dt><dd>{{.}}</dd>{{end}}<dt>Stand</dt><dd>{{.At.Format "02.01.2006 15:04"}} UTC</dd></dl>
<p>Aufgeführt sind alle Felder, die sich auf die Person beziehen. Wo jemand ihren Namen in einen freien Text geschrieben hat, ist das nicht erfasst; dafür ist eine Durchsicht von Hand nötig.</p>
{{range .Services}}<h2>{{name .Service}}</h2>
{{range .Parts}}<h3>{{.Title}}</h3><dl><dt>Wozu</dt><dd>{{.Purpose}}</dd><dt>Woher</dt><dd>{{.Source}}</dd><dt>Empfänger</dt><dd>{{.Recipients}}</dd><dt>Wie lange</dt><dd>{{.Kept}}</dd></dl>
{{if .Items}}<table><thead><tr>{{range .Head}}<th scope="col">{{.}}</th>{{end}}</tr></thead><tbody>{{range .Items}}<tr>{{range .}}<td>{{if .Time}}{{dt .Time}}{{else}}{{.Text}}{{end}}</td>{{end}}</tr>
{{end}}</tbody></table>{{if .More}}<p>und {{.More}} weitere Einträge</p>{{end}}{{else}}<p>Nichts gespeichert.</p>{{end}}
{{end}}{{end}}</body></html>
`))
