// SPDX-License-Identifier: EUPL-1.2

package page

import (
	"bytes"
	"encoding/csv"
	"strings"
	"unicode/utf8"
)

// CSV is a table for spreadsheets: semicolons, UTF-8 with a mark, and no cell
// that is read as a formula (OWASP, CSV injection).
func CSV(rows [][]string) ([]byte, error) {
	var b bytes.Buffer
	b.WriteString("\ufeff")
	w := csv.NewWriter(&b)
	w.Comma = ';'
	for _, row := range rows {
		safe := make([]string, len(row))
		for i, s := range row {
			safe[i] = cell(s)
		}
		if err := w.Write(safe); err != nil {
			return nil, err
		}
	}
	w.Flush()
	return b.Bytes(), w.Error()
}

func cell(s string) string {
	first, _ := utf8.DecodeRuneInString(strings.TrimLeft(s, " \u00a0"))
	if strings.ContainsRune("=+-@\t\r\n\x00＝＋－＠", first) {
		return "'" + s
	}
	return s
}
