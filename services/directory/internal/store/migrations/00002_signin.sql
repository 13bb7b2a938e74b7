-- SPDX-License-Identifier: EUPL-1.2
-- +goose Up

-- When a secret was last set by its owner; NULL: with the account itself.
-- An empty password_hash or totp_sealed means that there is none.
ALTER TABLE account
    ADD COLUMN password_at timestamptz,
    ADD COLUMN totp_at     timestamptz;

-- How the person proved themselves at the start of the session.
ALTER TABLE session ADD COLUMN way text NOT NULL DEFAULT 'password';

-- A person's account at an OpenID provider, bound by issuer and subject alone.
CREATE TABLE identity (
    id        uuid        PRIMARY KEY,
    person    uuid        NOT NULL REFERENCES person,
    issuer    text        NOT NULL,
    subject   text        NOT NULL,
    provider  text        NOT NULL, -- its name in the configuration when it was linked
    label     text        NOT NULL, -- how the provider names the person, only to be shown
    linked_at timestamptz NOT NULL,
    used_at   timestamptz,
    CONSTRAINT identity_subject_key UNIQUE (issuer, subject)
);
CREATE INDEX identity_person ON identity (person);

-- A WebAuthn credential; the private key never leaves the person's device.
CREATE TABLE passkey (
    id         uuid        PRIMARY KEY,
    person     uuid        NOT NULL REFERENCES person,
    credential bytea       NOT NULL CONSTRAINT passkey_credential_key UNIQUE,
    record     text        NOT NULL, -- public key, flags and counter as JSON
    name       text        NOT NULL,
    created_at timestamptz NOT NULL,
    used_at    timestamptz,
    warned_at  timestamptz           -- when its counter last ran backwards: a copy may exist
);
CREATE INDEX passkey_person ON passkey (person);

-- The current set of recovery codes of a person; the codes follow from its id
-- and the key of the service and are shown only right after it was made.
CREATE TABLE recovery_set (
    person  uuid        PRIMARY KEY REFERENCES person,
    id      uuid        NOT NULL,
    made_at timestamptz NOT NULL
);

-- One recovery code, as a keyed digest. Each counts once.
CREATE TABLE recovery_code (
    id      uuid        PRIMARY KEY,
    person  uuid        NOT NULL REFERENCES person,
    sum     bytea       NOT NULL CONSTRAINT recovery_code_sum_key UNIQUE,
    used_at timestamptz
);
CREATE INDEX recovery_code_person ON recovery_code (person);

-- What a browser began and must end with: a sign-in at a provider, a passkey's
-- challenge, the second factor that is still missing. Read once, soon over.
CREATE TABLE ceremony (
    sum        bytea       PRIMARY KEY, -- SHA-256 of the browser's cookie
    kind       text        NOT NULL,
    network    text        NOT NULL,
    data       text        NOT NULL,
    expires_at timestamptz NOT NULL
);
CREATE INDEX ceremony_expiry ON ceremony (expires_at);

-- Somebody asked to take on roles, or to set a secret anew: a link of single
-- use that is mailed to them.
CREATE TABLE invitation (
    id            uuid        PRIMARY KEY,
    kind          text        NOT NULL, -- join, password, factor, roles
    person        uuid        NOT NULL, -- who it makes or is about; not there yet when somebody new is asked
    name          text        NOT NULL,
    email         text        NOT NULL,
    function      text        NOT NULL,
    language      text        NOT NULL,
    memberships   jsonb       NOT NULL, -- [{"organisation":"…","role":"…"}]
    organisation  uuid        NOT NULL REFERENCES organisation, -- on whose side it stands in lists
    invited_by    text        NOT NULL,
    made_at       timestamptz NOT NULL,
    four_eyes     boolean     NOT NULL, -- a second administrator must confirm it first
    confirmed_by  text,
    confirmed_at  timestamptz,
    sum           bytea       CONSTRAINT invitation_sum_key UNIQUE, -- SHA-256 of the link's token; NULL: none was sent
    expires_at    timestamptz NOT NULL,
    accepted_at   timestamptz,
    withdrawn_at  timestamptz,
    version       integer     NOT NULL
);
CREATE INDEX invitation_organisation ON invitation (organisation) WHERE accepted_at IS NULL AND withdrawn_at IS NULL;
CREATE INDEX invitation_person ON invitation (person) WHERE accepted_at IS NULL AND withdrawn_at IS NULL;
CREATE INDEX invitation_email ON invitation (email) WHERE accepted_at IS NULL AND withdrawn_at IS NULL;
