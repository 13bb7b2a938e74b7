// SPDX-License-Identifier: EUPL-1.2

package constituency

import (
	"bytes"
	_ "embed"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

//go:embed thueringen.csv
var thueringen []byte

// Stand is the state of the embedded register.
var Stand = time.Date(2025, 11, 30, 0, 0, 0, 0, time.UTC)

// Entry is one body as a register file describes it. Bodies refer to each other
// by key, since a file knows no ids.
type Entry struct {
	Key, Kind, AGS, ARS, Name, ShortName, OfficialName, Kreis, Administration, Postcode, Seat string
	Level                                                                                     Level
	Population                                                                                int
}

// Thuringia returns the embedded register.
func Thuringia() ([]Entry, error) {
	return ReadRegister(bytes.NewReader(thueringen))
}

var columns = []string{
	"key", "level", "kind", "ags", "ars", "name", "short_name", "official_name", "kreis",
	"administration", "population", "postcode", "seat",
}

// ReadRegister reads the project's own register format (NOTICE.md). A mistake
// is Invalid and names its line.
func ReadRegister(r io.Reader) ([]Entry, error) {
	c := csv.NewReader(r)
	c.FieldsPerRecord = len(columns)
	head, err := c.Read()
	if err != nil || strings.Join(head, ",") != strings.Join(columns, ",") {
		return nil, lineError(1, "the head must be %s", strings.Join(columns, ","))
	}
	var out []Entry
	keys := map[string]int{}
	for {
		row, err := c.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		line, _ := c.FieldPos(0)
		if err != nil {
			return nil, lineError(line, "%v", err)
		}
		e, err := entryOf(row)
		if err != nil {
			return nil, lineError(line, "%v", err)
		}
		if first, ok := keys[e.Key]; ok {
			return nil, lineError(line, "key %s stands in line %d already", e.Key, first)
		}
		keys[e.Key] = line
		out = append(out, e)
	}
	for _, e := range out {
		if _, ok := keys[e.Administration]; e.Administration != "" && !ok {
			return nil, lineError(keys[e.Key], "administration %s is not in the file", e.Administration)
		}
	}
	return out, nil
}

func entryOf(row []string) (Entry, error) {
	level, err := ParseLevel(row[1])
	if err != nil {
		return Entry{}, err
	}
	e := Entry{
		Key: row[0], Level: level, Kind: row[2], AGS: row[3], ARS: row[4], Name: row[5], ShortName: row[6],
		OfficialName: row[7], Kreis: row[8], Administration: row[9], Postcode: row[11], Seat: row[12],
	}
	if row[10] != "" {
		if e.Population, err = strconv.Atoi(row[10]); err != nil || e.Population < 0 {
			return Entry{}, fmt.Errorf("population %q is no number", row[10])
		}
	}
	switch {
	case e.Key == "" || e.Name == "" || e.OfficialName == "":
		return Entry{}, errors.New("key and names must not be empty")
	case e.AGS != "" && !ValidAGS(e.AGS):
		return Entry{}, fmt.Errorf("AGS %q must have 8 digits", e.AGS)
	case e.ARS != "" && !digits(e.ARS, 12):
		return Entry{}, fmt.Errorf("ARS %q must have 12 digits", e.ARS)
	case e.Kreis != "" && !digits(e.Kreis, 5):
		return Entry{}, fmt.Errorf("kreis %q must have 5 digits", e.Kreis)
	}
	return e, nil
}
