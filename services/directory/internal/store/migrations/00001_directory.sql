-- +goose Up
CREATE TABLE organisation (
    id             uuid        PRIMARY KEY,
    key            text        NOT NULL CONSTRAINT organisation_key_key UNIQUE,
    level          text        NOT NULL,
    kind           text        NOT NULL,
    ags            text        CONSTRAINT organisation_ags_key UNIQUE,
    ars            text        NOT NULL,
    name           text        NOT NULL,
    short_name     text        NOT NULL,
    official_name  text        NOT NULL,
    kreis          text        NOT NULL,
    administration uuid        REFERENCES organisation DEFERRABLE INITIALLY DEFERRED,
    population     integer     NOT NULL,
    postcode       text        NOT NULL,
    seat           text        NOT NULL,
    email          text        NOT NULL,
    phone          text        NOT NULL,
    gone_at        timestamptz,
    updated_at     timestamptz NOT NULL,
    version        integer     NOT NULL,
    sort           text        NOT NULL, -- the folded name: the order of lists
    search         text        NOT NULL  -- everything a search looks through, folded
);
CREATE INDEX organisation_list ON organisation (sort, id);
CREATE INDEX organisation_kreis ON organisation (kreis, sort, id);
CREATE INDEX organisation_administration ON organisation (administration);

CREATE TABLE register_upload (
    id          uuid        PRIMARY KEY,
    stand       date        NOT NULL,
    entries     jsonb       NOT NULL,
    hash        text        NOT NULL,
    uploaded_at timestamptz NOT NULL
);

CREATE TABLE person (
    id         uuid        PRIMARY KEY,
    name       text        NOT NULL,
    email      text        NOT NULL CONSTRAINT person_email_key UNIQUE,
    phone      text        NOT NULL,
    function   text        NOT NULL,
    language   text        NOT NULL,
    active     boolean     NOT NULL,
    version    integer     NOT NULL,
    changed_at timestamptz NOT NULL,
    sort       text        NOT NULL,
    search     text        NOT NULL
);
CREATE INDEX person_list ON person (sort, id);

CREATE TABLE membership (
    person       uuid NOT NULL REFERENCES person,
    organisation uuid NOT NULL REFERENCES organisation,
    role         text NOT NULL,
    position     integer NOT NULL, -- the first one is the person's home
    PRIMARY KEY (person, organisation, role)
);
CREATE INDEX membership_organisation ON membership (organisation);

-- Secrets stand apart from the people, so that no list ever reads them.
CREATE TABLE account (
    person        uuid   PRIMARY KEY REFERENCES person,
    password_hash text   NOT NULL,
    totp_sealed   bytea  NOT NULL,
    totp_step     bigint NOT NULL -- the last one used: a code counts once
);

CREATE TABLE sign_in_try (
    id      uuid        PRIMARY KEY,
    account bytea       NOT NULL, -- digest of what was typed
    network text        NOT NULL,
    at      timestamptz NOT NULL
);
CREATE INDEX sign_in_try_account ON sign_in_try (account, at);
CREATE INDEX sign_in_try_network ON sign_in_try (network, at);
CREATE INDEX sign_in_try_at ON sign_in_try (at);

CREATE TABLE session (
    id         uuid        PRIMARY KEY,
    sum        bytea       NOT NULL CONSTRAINT session_sum_key UNIQUE, -- SHA-256 of the secret
    person     uuid        NOT NULL REFERENCES person,
    created_at timestamptz NOT NULL,
    seen_at    timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    step_up_at timestamptz NOT NULL,
    ended_at   timestamptz,
    client     text        NOT NULL,
    address    text        NOT NULL,
    version    bigint      NOT NULL,
    projected  bigint      NOT NULL DEFAULT 0 -- the version the other services were told
);
CREATE INDEX session_person ON session (person) WHERE ended_at IS NULL;
CREATE INDEX session_expiry ON session (expires_at);
CREATE INDEX session_unprojected ON session (id) WHERE projected < version;

CREATE TABLE token (
    id         uuid        PRIMARY KEY,
    sum        bytea       NOT NULL CONSTRAINT token_sum_key UNIQUE, -- SHA-256 of the text
    person     uuid        NOT NULL REFERENCES person,
    name       text        NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    revoked_at timestamptz,
    version    bigint      NOT NULL,
    projected  bigint      NOT NULL DEFAULT 0
);
CREATE INDEX token_person ON token (person);
CREATE INDEX token_unprojected ON token (id) WHERE projected < version;

CREATE TABLE mandate (
    id         uuid        PRIMARY KEY,
    principal  uuid        NOT NULL REFERENCES organisation,
    agent      uuid        NOT NULL REFERENCES organisation,
    scopes     text[]      NOT NULL,
    valid_from timestamptz NOT NULL,
    valid_to   timestamptz,
    document   text        NOT NULL,
    revoked_at timestamptz,
    version    integer     NOT NULL,
    changed_at timestamptz NOT NULL
);
CREATE INDEX mandate_principal ON mandate (principal);
CREATE INDEX mandate_agent ON mandate (agent);

-- When the stream DIRECTORY that the other services read was made. Another
-- date than the broker's means a new stream, which gets every record again.
CREATE TABLE stream_made (
    one  boolean     PRIMARY KEY DEFAULT true CHECK (one),
    made timestamptz NOT NULL
);
