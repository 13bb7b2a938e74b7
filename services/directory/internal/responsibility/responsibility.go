// SPDX-License-Identifier: EUPL-1.2

// Package responsibility answers "Wer ist zuständig?": for a place, a postcode
// or a key it names the body concerned, the administration that works for it,
// and where its people turn to. It is open to everybody and shows nothing that
// a body or a person has not made public.
package responsibility

import (
	"context"
	"slices"
	"strings"

	"github.com/thueringencert/leitstelle/services/directory/internal/constituency"
	"github.com/thueringencert/leitstelle/services/directory/internal/succession"
	"github.com/thueringencert/leitstelle/shared/fault"
)

// Limits of a question, so that it is quick whoever asks.
const (
	MaxQuery = 100
	MaxHits  = 20
	maxSteps = 10 // mergers after each other
)

// Store is what the answers are made of.
type Store interface {
	Organisation(ctx context.Context, reference string) (constituency.Organisation, error)
	// Find looks for all words in names and keys, also of bodies that are gone.
	Find(ctx context.Context, query string, limit int) ([]constituency.Organisation, error)
	Succession(ctx context.Context, predecessor string) (succession.Succession, error)
	PredecessorsOf(ctx context.Context, id string) ([]constituency.Organisation, error)
}

// Former is a body that is gone, with how it ended.
type Former struct {
	constituency.Organisation
	succession.Succession
}

// Answer is who is responsible for a body.
type Answer struct {
	Body           constituency.Organisation
	Former         []Former                   // what was asked for, when that is gone; the steps to Body
	Administration *constituency.Organisation // that works for the body, nil when it does so itself
	Kreis          *constituency.Organisation // the Landkreis it lies in
	// Supervision is the Rechtsaufsicht (§ 118 ThürKO): the Landratsamt for
	// municipalities and VG of a Landkreis, the Landesverwaltungsamt for Landkreise
	// and kreisfreie Städte. Both nil: none of the two, such as a state body.
	SupervisedBy *constituency.Organisation
	Supervision  *Office
}

// Found is what a question leads to: an answer when it is clear which body is
// meant, and further bodies that could be.
type Found struct {
	Answer *Answer
	Others []constituency.Organisation
	More   bool // there are more than Others
}

// Finder answers questions.
type Finder struct {
	Store   Store
	Offices Offices
}

// Ask looks for what somebody typed.
func (f *Finder) Ask(ctx context.Context, query string) (Found, error) {
	query = strings.TrimSpace(query)
	if len(query) > MaxQuery {
		return Found{}, fault.New(fault.Malformed, "q has at most %d characters", MaxQuery)
	}
	if len(constituency.Terms(query)) == 0 {
		return Found{}, nil
	}
	hits, err := f.Store.Find(ctx, query, 10*MaxHits+1)
	if err != nil {
		return Found{}, err
	}
	exact, others := split(hits, query)
	if len(exact) == 0 && len(others) == 1 {
		exact, others = others, nil
	}
	var out Found
	if len(exact) == 1 {
		a, err := f.Answer(ctx, exact[0])
		if err != nil {
			return Found{}, err
		}
		out.Answer = &a
		others = slices.DeleteFunc(others, func(o constituency.Organisation) bool { return o.ID == a.Body.ID })
	} else {
		others = append(exact, others...)
	}
	out.More = len(others) > MaxHits
	out.Others = others[:min(len(others), MaxHits)]
	return out, nil
}

// split parts the bodies that are called exactly so, or have exactly this key,
// from the rest. A predecessor with the name of its successor is no other place.
func split(hits []constituency.Organisation, query string) (exact, others []constituency.Organisation) {
	q := constituency.Fold(query)
	for _, o := range hits {
		if slices.Contains([]string{
			constituency.Fold(o.Name), constituency.Fold(o.OfficialName), constituency.Fold(o.ShortName), o.AGS, o.ARS, o.Postcode,
		}, q) {
			exact = append(exact, o)
		} else {
			others = append(others, o)
		}
	}
	exact = slices.DeleteFunc(exact, func(o constituency.Organisation) bool {
		return o.Gone() && q != o.AGS && slices.ContainsFunc(exact, func(x constituency.Organisation) bool {
			return x.ID == o.Successor
		})
	})
	if len(exact) > 1 { // "Gotha" means the town; the Landkreis is offered beside it
		there := slices.DeleteFunc(slices.Clone(exact), func(o constituency.Organisation) bool {
			return o.Level == constituency.Kreis || o.Level == constituency.VG
		})
		if len(there) == 1 {
			for _, o := range exact {
				if o.ID != there[0].ID {
					others = append([]constituency.Organisation{o}, others...)
				}
			}
			exact = there
		}
	}
	return exact, others
}

// Of answers for the body with an AGS, a regional key or an id.
func (f *Finder) Of(ctx context.Context, reference string) (Answer, error) {
	if len(reference) == 12 && strings.Trim(reference, "0123456789") == "" {
		hits, err := f.Store.Find(ctx, reference, 2)
		if err != nil {
			return Answer{}, err
		}
		for _, o := range hits {
			if o.ARS == reference {
				return f.Answer(ctx, o)
			}
		}
	}
	o, err := f.Store.Organisation(ctx, reference)
	if err != nil {
		return Answer{}, err
	}
	return f.Answer(ctx, o)
}

// Answer says who is responsible for a body; one that is gone leads to the body
// that took over.
func (f *Finder) Answer(ctx context.Context, o constituency.Organisation) (Answer, error) {
	a := Answer{Body: o}
	for range maxSteps {
		if !a.Body.Gone() || a.Body.Successor == "" {
			break
		}
		step, err := f.Store.Succession(ctx, a.Body.ID)
		if err != nil {
			return a, err
		}
		a.Former = append(a.Former, Former{a.Body, step})
		if a.Body, err = f.Store.Organisation(ctx, step.Successor); err != nil {
			return a, err
		}
	}
	if err := f.administered(ctx, &a); err != nil {
		return a, err
	}
	f.supervised(&a)
	return a, nil
}

func (f *Finder) administered(ctx context.Context, a *Answer) error {
	if a.Body.Administration != "" {
		adm, err := f.Store.Organisation(ctx, a.Body.Administration)
		if err != nil {
			return err
		}
		a.Administration = &adm
	}
	if a.Body.Kreis == "" || a.Body.Level == constituency.Kreis || a.Body.Level == constituency.Kreisfrei {
		return nil
	}
	kreis, err := f.Store.Organisation(ctx, a.Body.Kreis+"000")
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	a.Kreis = &kreis
	return nil
}

func (f *Finder) supervised(a *Answer) {
	switch a.Body.Level {
	case constituency.Gemeinde, constituency.VG:
		a.SupervisedBy = a.Kreis
	case constituency.Kreis, constituency.Kreisfrei:
		a.Supervision = &f.Offices.Supervision
	case constituency.Land, constituency.StateBody, constituency.Zweckverband, constituency.Provider:
	}
}
