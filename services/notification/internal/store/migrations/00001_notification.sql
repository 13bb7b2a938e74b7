-- +goose Up
CREATE SEQUENCE alert_number;

-- A warning. Its words stand in alert_versions.
CREATE TABLE alerts (
    id              uuid        PRIMARY KEY,
    reference       text        NOT NULL,
    state           text        NOT NULL CHECK (state IN ('draft', 'published', 'withdrawn')),
    revision        integer     NOT NULL,
    current_version integer,
    created_at      timestamptz NOT NULL,
    published_at    timestamptz, -- of the current version
    withdrawn_at    timestamptz,
    withdrawn_by    jsonb,
    CONSTRAINT alerts_reference_key UNIQUE (reference)
);
CREATE INDEX alerts_newest ON alerts (id DESC);

-- One version: a draft (published_at is null), or fixed for ever.
CREATE TABLE alert_versions (
    alert         uuid        NOT NULL REFERENCES alerts,
    number        integer     NOT NULL,
    content       jsonb       NOT NULL,
    author        jsonb       NOT NULL,
    contributors  text[]      NOT NULL,
    created_at    timestamptz NOT NULL,
    approver      jsonb,
    published_at  timestamptz,
    audience_size integer     NOT NULL DEFAULT 0,
    PRIMARY KEY (alert, number)
);
CREATE UNIQUE INDEX alert_versions_one_draft ON alert_versions (alert) WHERE published_at IS NULL;

-- The audience of an alert, frozen at each release, with the current answers.
CREATE TABLE alert_bodies (
    alert         uuid    NOT NULL REFERENCES alerts,
    organisation  uuid    NOT NULL,
    name          text    NOT NULL,
    ags           text    NOT NULL,
    level         text    NOT NULL,
    kreis         text    NOT NULL,
    answer        text    NOT NULL DEFAULT '',
    detail        text    NOT NULL DEFAULT '',
    text          text    NOT NULL DEFAULT '',
    version       integer NOT NULL DEFAULT 0,
    answered_at   timestamptz,
    answered_by   jsonb,
    on_behalf     text    NOT NULL DEFAULT '',
    alert_version integer NOT NULL DEFAULT 0,
    PRIMARY KEY (alert, organisation)
);
CREATE INDEX alert_bodies_board ON alert_bodies (alert, name, organisation);
CREATE INDEX alert_bodies_organisation ON alert_bodies (organisation, alert);

-- Every answer that was ever given.
CREATE TABLE answers (
    alert         uuid        NOT NULL,
    organisation  uuid        NOT NULL,
    version       integer     NOT NULL,
    answer        text        NOT NULL,
    detail        text        NOT NULL,
    text          text        NOT NULL,
    by_person     jsonb       NOT NULL,
    on_behalf     text        NOT NULL,
    via           text        NOT NULL,
    alert_version integer     NOT NULL,
    at            timestamptz NOT NULL,
    PRIMARY KEY (alert, organisation, version),
    FOREIGN KEY (alert, organisation) REFERENCES alert_bodies
);

-- Answer links: hash of the token, never the token.
CREATE TABLE answer_tokens (
    hash         bytea PRIMARY KEY,
    alert        uuid  NOT NULL REFERENCES alerts,
    organisation uuid  NOT NULL,
    person       text  NOT NULL, -- '' for a functional mailbox
    salt         bytea NOT NULL,
    CONSTRAINT answer_tokens_owner_key UNIQUE (alert, organisation, person)
);

-- What is to be said, once per cause.
CREATE TABLE notices (
    id         uuid        PRIMARY KEY,
    key        text        NOT NULL,
    kind       text        NOT NULL,
    alert      uuid,
    version    integer     NOT NULL DEFAULT 0,
    case_id    uuid,
    report     uuid,
    data       jsonb       NOT NULL,
    created_at timestamptz NOT NULL,
    CONSTRAINT notices_key_key UNIQUE (key)
);
CREATE INDEX notices_alert ON notices (alert) WHERE alert IS NOT NULL;

-- One notice, one recipient, one channel. next_at of a claimed row is the end
-- of the claim: a row whose sender died is due again then.
CREATE TABLE deliveries (
    id           uuid        PRIMARY KEY,
    notice       uuid        NOT NULL REFERENCES notices,
    channel      text        NOT NULL,
    recipient    text        NOT NULL,
    name         text        NOT NULL,
    language     text        NOT NULL,
    person       text        NOT NULL,
    organisation text        NOT NULL,
    bodies       text[]      NOT NULL DEFAULT '{}',
    principals   text[]      NOT NULL DEFAULT '{}',
    salt         bytea,
    priority     smallint    NOT NULL,
    state        text        NOT NULL CHECK (state IN ('pending', 'sent', 'failed', 'bounced', 'cancelled')),
    attempts     integer     NOT NULL DEFAULT 0,
    next_at      timestamptz NOT NULL,
    reason       text        NOT NULL DEFAULT '',
    created_at   timestamptz NOT NULL,
    done_at      timestamptz,
    CONSTRAINT deliveries_once_key UNIQUE (notice, channel, recipient)
);
CREATE INDEX deliveries_due ON deliveries (priority, next_at, id) WHERE state = 'pending';

-- How to reach the reporter of a report.
CREATE TABLE contacts (
    report    uuid PRIMARY KEY,
    reference text  NOT NULL,
    language  text  NOT NULL,
    recipients jsonb NOT NULL
);

-- What a draft needs of a case; an older snapshot changes nothing.
CREATE TABLE cases (
    id       uuid    PRIMARY KEY,
    version  integer NOT NULL,
    snapshot jsonb   NOT NULL
);

-- Exceptions from "everybody gets everything".
CREATE TABLE subscriptions (
    organisation uuid        NOT NULL,
    person       text        NOT NULL DEFAULT '',
    off          boolean     NOT NULL DEFAULT false,
    min_severity text        NOT NULL DEFAULT '',
    categories   text[]      NOT NULL DEFAULT '{}',
    mailbox      text        NOT NULL DEFAULT '',
    version      integer     NOT NULL,
    changed_at   timestamptz NOT NULL,
    PRIMARY KEY (organisation, person)
);
