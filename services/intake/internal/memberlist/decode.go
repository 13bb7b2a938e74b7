// SPDX-License-Identifier: EUPL-1.2

// Package memberlist reads the lists of municipalities that people paste or
// upload: AGS, ARS and names, mixed, as they come out of a spreadsheet, a mail
// or a head. It tells same-named places apart and guesses nothing: what is not
// clear is asked. It knows no HTTP and no SQL.
package memberlist

import (
	"bytes"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/thueringencert/leitstelle/shared/fault"
)

// Limits of a list.
const (
	MaxBytes   = 256 << 10
	MaxLines   = 2000
	maxEntry   = 200 // characters of one name
	maxSuggest = 5
)

func refuse(code, detail string) error {
	var f fault.Fields
	f.Add("list", "intake.err.list."+code, detail)
	return f.Err()
}

// Decode turns a file into text: UTF-8 with or without mark, UTF-16 with or
// without, else Windows-1252 as old spreadsheets write it. What is no text is
// refused.
func Decode(raw []byte) (string, error) {
	if len(raw) > MaxBytes {
		return "", refuse("large", "the list is larger than 256 KiB")
	}
	text := ""
	switch {
	case bytes.HasPrefix(raw, []byte{0xEF, 0xBB, 0xBF}):
		raw = raw[3:]
		fallthrough
	case utf8.Valid(raw) && bytes.IndexByte(raw, 0) < 0:
		text = strings.ToValidUTF8(string(raw), "\uFFFD")
	case bytes.HasPrefix(raw, []byte{0xFF, 0xFE}):
		text = wide(raw[2:], false)
	case bytes.HasPrefix(raw, []byte{0xFE, 0xFF}):
		text = wide(raw[2:], true)
	case half(raw, 1):
		text = wide(raw, false)
	case half(raw, 0):
		text = wide(raw, true)
	default:
		text = western(raw)
	}
	if strings.ContainsRune(text, 0) {
		return "", refuse("binary", "this is no text file")
	}
	return text, nil
}

// half reports whether every other byte is mostly zero: UTF-16 without a mark.
func half(raw []byte, at int) bool {
	zeros := 0
	for i := at; i < len(raw); i += 2 {
		if raw[i] == 0 {
			zeros++
		}
	}
	return len(raw) >= 4 && len(raw)%2 == 0 && zeros*10 >= len(raw)/2*7
}

// wide decodes UTF-16.
func wide(raw []byte, bigEndian bool) string {
	units := make([]uint16, 0, len(raw)/2)
	for i := 0; i+1 < len(raw); i += 2 {
		lo, hi := raw[i], raw[i+1]
		if bigEndian {
			lo, hi = hi, lo
		}
		units = append(units, uint16(lo)|uint16(hi)<<8)
	}
	return string(utf16.Decode(units))
}

// upper are the signs of Windows-1252 from 0x80 to 0x9F.
var upper = []rune("€\uFFFD‚ƒ„…†‡ˆ‰Š‹Œ\uFFFDŽ\uFFFD\uFFFD‘’“”•–—˜™š›œ\uFFFDžŸ")

func western(raw []byte) string {
	var b strings.Builder
	for _, c := range raw {
		if c >= 0x80 && c <= 0x9F {
			b.WriteRune(upper[c-0x80])
			continue
		}
		b.WriteRune(rune(c))
	}
	return b.String()
}
