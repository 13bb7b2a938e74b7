// SPDX-License-Identifier: EUPL-1.2

package pg

import (
	"database/sql/driver"
	"encoding/binary"
)

// Texts, JSONs and Byteas are arguments for text[], jsonb[] and bytea[] in
// PostgreSQL's binary form: long values of a batch go as they are, where
// pq.Array would quote every sign and the server undo it. They need a pool of
// Open, which sends []byte in binary (binary_parameters).
type (
	// Texts is a text[].
	Texts []string
	// JSONs is a jsonb[] of encoded JSON.
	JSONs []string
	// Byteas is a bytea[].
	Byteas [][]byte
)

// The types of the elements (pg_type.oid), fixed for ever.
const (
	oidBytea = 17
	oidText  = 25
	oidJSONB = 3802
)

// Value implements driver.Valuer.
func (a Texts) Value() (driver.Value, error) {
	return encodeArray(oidText, len(a), 0, func(i int) string { return a[i] }), nil
}

// Value implements driver.Valuer. Binary jsonb begins with its version, 1.
func (a JSONs) Value() (driver.Value, error) {
	return encodeArray(oidJSONB, len(a), 1, func(i int) string { return a[i] }), nil
}

// Value implements driver.Valuer.
func (a Byteas) Value() (driver.Value, error) {
	return encodeArray(oidBytea, len(a), 0, func(i int) []byte { return a[i] }), nil
}

// encodeArray writes a one-dimensional array without NULLs: dimensions, flags,
// type, length, lower bound, then each element with its length. version, when
// not 0, goes before each element.
func encodeArray[T string | []byte](oid uint32, n int, version byte, at func(i int) T) []byte {
	if n == 0 {
		return binary.BigEndian.AppendUint32(make([]byte, 8), oid) // no dimension, no flags
	}
	size := 20
	for i := range n {
		size += 5 + len(at(i))
	}
	out := make([]byte, 0, size)
	for _, word := range []uint32{1, 0, oid, uint32(n), 1} {
		out = binary.BigEndian.AppendUint32(out, word)
	}
	for i := range n {
		element := at(i)
		length := len(element)
		if version != 0 {
			length++
		}
		out = binary.BigEndian.AppendUint32(out, uint32(length))
		if version != 0 {
			out = append(out, version)
		}
		out = append(out, element...)
	}
	return out
}
