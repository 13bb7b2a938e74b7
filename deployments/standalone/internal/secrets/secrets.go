// SPDX-License-Identifier: EUPL-1.2

// Package secrets makes the passwords and keys of a deployment with
// docker-compose.yml: one file each, made once and never changed. The
// standalone program has its own (DIR/keys) and does not need this.
package secrets

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"time"

	"filippo.io/age"
)

// Services are the four services, each with a database, a login and a user of
// the broker of its own.
var Services = []string{"directory", "intake", "triage", "notification"}

// Hosts are the names of the other containers.
type Hosts struct{ Postgres, NATS, Mail string }

// Compose are the names in docker-compose.yml.
var Compose = Hosts{Postgres: "postgres:5432", NATS: "nats:4222", Mail: "mailpit"}

// Write makes the files that are missing in dir and returns their names. The
// folder is closed (0700); the files are readable, because a container sees
// each of them under another user.
func Write(dir string, h Hosts, now time.Time) ([]string, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	w := writer{dir: dir}
	w.file("postgres_password", random)
	for _, s := range Services {
		w.file(s+"_database_url", databaseURL(s, s, h.Postgres))
		w.file(s+"_anchor_key", random)
	}
	w.file("intake_writer_url", databaseURL("intake_writer", "intake", h.Postgres))
	w.file("intake_reader_url", databaseURL("intake_reader", "intake", h.Postgres))
	w.file("notification_reader_url", databaseURL("notification_reader", "notification", h.Postgres))
	w.file("intake_code_key", random)
	w.file("directory_key", random)
	w.file("notification_answer_key", random)
	w.broker(h.NATS)
	w.ageKeys("intake", "triage")
	w.mailCertificate(h.Mail, now)
	return w.made, w.err
}

// databaseURL is refused by lib/pq without sslmode. Inside the one network of
// the compose file there is no TLS; operations.md says how to have it.
func databaseURL(login, database, host string) func() string {
	return func() string {
		return fmt.Sprintf("postgres://%s:%s@%s/%s?sslmode=disable", login, random(), host, database)
	}
}

type writer struct {
	dir  string
	made []string
	err  error
}

func (w *writer) read(name string) (string, bool) {
	b, err := os.ReadFile(filepath.Join(w.dir, name)) //nolint:gosec // the operator's own folder
	if errors.Is(err, fs.ErrNotExist) {
		return "", false
	}
	w.err = errors.Join(w.err, err)
	return strings.TrimSpace(string(b)), true
}

// file writes what make returns, unless the file is there.
func (w *writer) file(name string, value func() string) string {
	if old, ok := w.read(name); ok || w.err != nil {
		return old
	}
	v := value()
	if err := os.WriteFile(filepath.Join(w.dir, name), []byte(v+"\n"), 0o444); err != nil { //nolint:gosec // see Write
		w.err = err
		return ""
	}
	w.made = append(w.made, name)
	return v
}

// broker writes one password a service: as the URL that the service reads and
// as the variables that nats.conf includes.
func (w *writer) broker(host string) {
	var lines []string
	for _, s := range Services {
		url := w.file(s+"_nats_url", func() string { return fmt.Sprintf("nats://%s:%s@%s", s, random(), host) })
		_, rest, _ := strings.Cut(url, s+":")
		password, _, _ := strings.Cut(rest, "@")
		lines = append(lines, fmt.Sprintf("%s_PASSWORD: %q", strings.ToUpper(s), password))
	}
	w.file("nats", func() string {
		return fmt.Sprintf("JETSTREAM_KEY: %q\n%s", random(), strings.Join(lines, "\n"))
	})
}

// ageKeys writes a secret key a service and the public keys of all: whoever
// stores an attachment encrypts it to each of them.
func (w *writer) ageKeys(services ...string) {
	var public []string
	for _, s := range services {
		secret := w.file(s+"_blob_identity", func() string {
			id, err := age.GenerateX25519Identity()
			if err != nil {
				w.err = errors.Join(w.err, err)
				return ""
			}
			return id.String()
		})
		id, err := age.ParseX25519Identity(secret)
		if err != nil {
			w.err = errors.Join(w.err, fmt.Errorf("%s_blob_identity: %w", s, err))
			return
		}
		public = append(public, id.Recipient().String())
	}
	w.file("blob_recipients", func() string { return strings.Join(public, ",") })
}

// mailCertificate writes a certificate for the mail catcher: notification
// speaks to a mail server on another host with TLS only.
func (w *writer) mailCertificate(host string, now time.Time) {
	if _, ok := w.read("mail_cert"); ok || w.err != nil {
		return
	}
	cert, key, err := selfSigned(host, now)
	if err != nil {
		w.err = errors.Join(w.err, err)
		return
	}
	w.file("mail_key", func() string { return key })
	w.file("mail_cert", func() string { return cert })
}

func selfSigned(host string, now time.Time) (cert, key string, err error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return "", "", err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return "", "", err
	}
	template := x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: host}, DNSNames: []string{host},
		NotBefore: now.Add(-time.Hour), NotAfter: now.AddDate(5, 0, 0),
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true, IsCA: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, &template, &template, &private.PublicKey, private)
	if err != nil {
		return "", "", err
	}
	b, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return "", "", err
	}
	return block("CERTIFICATE", der), block("PRIVATE KEY", b), nil
}

func block(kind string, der []byte) string {
	return strings.TrimSpace(string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})))
}

func random() string {
	var b [32]byte
	_, _ = rand.Read(b[:])
	return hex.EncodeToString(b[:])
}
