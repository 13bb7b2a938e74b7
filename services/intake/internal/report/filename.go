// SPDX-License-Identifier: EUPL-1.2

package report

import (
	"path"
	"strings"
	"unicode"
	"unicode/utf8"
)

// reserved are the names that Windows keeps for devices.
var reserved = map[string]bool{
	"con": true, "prn": true, "aux": true, "nul": true, "com1": true, "com2": true, "com3": true,
	"com4": true, "com5": true, "com6": true, "com7": true, "com8": true, "com9": true, "lpt1": true, "lpt2": true, "lpt3": true,
	"lpt4": true, "lpt5": true, "lpt6": true, "lpt7": true, "lpt8": true, "lpt9": true,
}

// MaxFileName is the longest name that is kept, in bytes.
const MaxFileName = 150

// FileName makes a name harmless to show and to save: no folders, no control or
// direction characters, no device names, not too long. It is never used as a
// path: blobs have keys of their own.
func FileName(sent string) string {
	s := strings.ToValidUTF8(sent, "")
	for range 3 { // what was encoded to hide a slash
		s = strings.NewReplacer("%2f", "/", "%2F", "/", "%5c", "/", "%5C", "/", `\`, "/", "\x00", "").Replace(s)
	}
	s = path.Base("/" + s)
	s = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsControl(r), unicode.Is(unicode.Cf, r), unicode.Is(unicode.Co, r), r == '\u2028', r == '\u2029':
			return -1
		case strings.ContainsRune(`<>:"|?*;`, r):
			return '_'
		case unicode.IsSpace(r):
			return ' '
		}
		return r
	}, s)
	s = strings.Trim(s, " .")
	stem, ext, _ := strings.Cut(s, ".")
	if reserved[strings.ToLower(strings.TrimSpace(stem))] {
		s = "_" + s
	}
	if s == "" || s == "/" {
		return "datei"
	}
	return shorten(s, ext)
}

func shorten(s, _ string) string {
	if len(s) <= MaxFileName {
		return s
	}
	ext := path.Ext(s)
	if len(ext) > 16 {
		ext = ""
	}
	stem := s[:MaxFileName-len(ext)]
	for !utf8.ValidString(stem) {
		stem = stem[:len(stem)-1]
	}
	return stem + ext
}
