// SPDX-License-Identifier: EUPL-1.2

// Package succession says which body took over from one that is gone: mergers of
// municipalities, new names and new keys. It knows the keys and the dates; what
// a body is stands in constituency.
package succession

import (
	"bytes"
	_ "embed"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/thueringencert/leitstelle/shared/fault"
)

// thueringen lists what merged between 2021 and 2025. When a municipality was
// divided among several, the successor is the one that got the largest part.
// A date that no public source confirmed is empty.
//
//go:embed thueringen.csv
var thueringen []byte

// Kind says what became of the predecessor.
type Kind string

// The kinds.
const (
	Incorporated Kind = "incorporated" // Eingliederung into a municipality that goes on
	Merged       Kind = "merged"       // Neubildung of a municipality
	Renamed      Kind = "renamed"      // Namensänderung with a new key
	Rekeyed      Kind = "rekeyed"      // only the key is new, such as a town that joins a Landkreis
)

// Kinds lists every kind.
func Kinds() []Kind { return []Kind{Incorporated, Merged, Renamed, Rekeyed} }

// ParseKind reads a kind; anything else is Invalid.
func ParseKind(s string) (Kind, error) {
	if k := Kind(s); slices.Contains(Kinds(), k) {
		return k, nil
	}
	return "", fault.New(fault.Invalid, "%q is no kind of a succession", s)
}

// Succession is one step from a body to the one that took over. Date nil: only
// that it happened is known.
type Succession struct {
	Predecessor, Successor string // ids
	Kind                   Kind
	Date                   *time.Time
}

// Choice is what a manager says about a body that a new register no longer has.
type Choice struct {
	Predecessor string `json:"predecessor"` // its key or AGS
	Successor   string `json:"successor"`   // its AGS or key
	Kind        Kind   `json:"kind"`
}

// Former is one line of the data file.
type Former struct {
	AGS, Name, Designation, Successor string
	Date                              *time.Time
	Kind                              Kind
}

// Thuringia returns what the embedded file knows.
func Thuringia() ([]Former, error) { return Read(bytes.NewReader(thueringen)) }

const head = "predecessor,name,kind,successor,date,how"

// Read reads the data file. A mistake is Invalid and names its line.
func Read(r io.Reader) ([]Former, error) {
	c := csv.NewReader(r)
	c.FieldsPerRecord = 6
	first, err := c.Read()
	if err != nil || strings.Join(first, ",") != head {
		return nil, fault.New(fault.Invalid, "line 1: the head must be %s", head)
	}
	var out []Former
	seen := map[string]bool{}
	for {
		row, err := c.Read()
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		line, _ := c.FieldPos(0)
		if err != nil {
			return nil, fault.New(fault.Invalid, "line %d: %v", line, err)
		}
		f, err := formerOf(row)
		if err == nil && seen[f.AGS] {
			err = fmt.Errorf("%s stands there twice", f.AGS)
		}
		if err != nil {
			return nil, fault.New(fault.Invalid, "line %d: %v", line, err)
		}
		seen[f.AGS] = true
		out = append(out, f)
	}
}

func formerOf(row []string) (Former, error) {
	f := Former{AGS: row[0], Name: row[1], Designation: row[2], Successor: row[3]}
	if !ags(f.AGS) || !ags(f.Successor) || f.AGS == f.Successor {
		return f, fmt.Errorf("%q and %q must be two keys of 8 digits", f.AGS, f.Successor)
	}
	if f.Name == "" {
		return f, errors.New("the name is missing")
	}
	if row[4] != "" {
		day, err := time.Parse(time.DateOnly, row[4])
		if err != nil {
			return f, fmt.Errorf("%q is no date", row[4])
		}
		f.Date = &day
	}
	var err error
	f.Kind, err = ParseKind(row[5])
	return f, err
}

func ags(s string) bool { return len(s) == 8 && strings.Trim(s, "0123456789") == "" }
