-- +goose Up
CREATE SEQUENCE report_number;

-- A report is never changed. What it says stands in content, as it was signed.
CREATE TABLE report (
    id          uuid        PRIMARY KEY,
    reference   text        NOT NULL,
    received_at timestamptz NOT NULL,
    channel     text        NOT NULL,
    verified    boolean     NOT NULL,
    reporter_id text        NOT NULL,
    reporter    text        NOT NULL,
    home        text        NOT NULL,
    language    text        NOT NULL,
    content     jsonb       NOT NULL,
    digest      text        NOT NULL,
    alert_id    text        NOT NULL,
    callback_by timestamptz NOT NULL,
    idem_scope  text        NOT NULL,
    idem_key    text        NOT NULL,
    idem_hash   bytea       NOT NULL,
    CONSTRAINT report_reference_key UNIQUE (reference),
    CONSTRAINT report_idem_key UNIQUE (idem_scope, idem_key)
);
CREATE INDEX report_reporter ON report (reporter_id, id DESC) WHERE reporter_id <> '';
CREATE INDEX report_keys_to_forget ON report (received_at) WHERE idem_scope <> '';

-- The affected bodies. visible_to is the organisation whose people may see the
-- report; empty while a guest's report is not confirmed.
CREATE TABLE report_body (
    report_id    uuid    NOT NULL REFERENCES report,
    position     integer NOT NULL,
    organisation text    NOT NULL,
    ags          text    NOT NULL,
    name         text    NOT NULL,
    level        text    NOT NULL,
    kreis        text    NOT NULL,
    on_behalf    text    NOT NULL,
    visible_to   text    NOT NULL,
    PRIMARY KEY (report_id, position)
);
CREATE INDEX report_body_visible ON report_body (visible_to, report_id DESC) WHERE visible_to <> '';

-- What came after: messages of both sides, supplements, files.
CREATE TABLE report_message (
    id        uuid        PRIMARY KEY,
    report_id uuid        NOT NULL,
    side      text        NOT NULL,
    author_id text        NOT NULL,
    author    text        NOT NULL,
    bodies    text[]      NOT NULL,
    case_id   text        NOT NULL,
    body      text        NOT NULL,
    at        timestamptz NOT NULL
);
CREATE INDEX report_message_of ON report_message (report_id, at);

CREATE TABLE report_supplement (
    id          uuid        PRIMARY KEY,
    report_id   uuid        NOT NULL REFERENCES report,
    author_id   text        NOT NULL,
    author      text        NOT NULL,
    bodies      text[]      NOT NULL,
    description text        NOT NULL,
    fields      jsonb       NOT NULL,
    at          timestamptz NOT NULL
);
CREATE INDEX report_supplement_of ON report_supplement (report_id, at);

CREATE TABLE report_attachment (
    id         uuid        PRIMARY KEY,
    report_id  uuid        NOT NULL REFERENCES report,
    author_id  text        NOT NULL,
    author     text        NOT NULL,
    bodies     text[]      NOT NULL,
    name       text        NOT NULL,
    media_type text        NOT NULL,
    size       bigint      NOT NULL,
    sha256     text        NOT NULL,
    blob       text        NOT NULL,
    at         timestamptz NOT NULL,
    CONSTRAINT report_attachment_blob_key UNIQUE (blob)
);
CREATE INDEX report_attachment_of ON report_attachment (report_id, at);

-- Copies of what triage and notification tell, by version.
CREATE TABLE case_copy (
    id        text    PRIMARY KEY,
    version   integer NOT NULL,
    snapshot  jsonb   NOT NULL
);
CREATE TABLE case_report (
    report_id uuid NOT NULL,
    case_id   text NOT NULL,
    PRIMARY KEY (report_id, case_id)
);
CREATE INDEX case_report_case ON case_report (case_id);
CREATE TABLE alert_copy (
    id        text    PRIMARY KEY,
    reference text    NOT NULL,
    version   integer NOT NULL,
    title     text    NOT NULL,
    tlp       text    NOT NULL,
    state     text    NOT NULL,
    CONSTRAINT alert_copy_reference_key UNIQUE (reference)
);

-- Unfinished reports of the form, for a day, under the hash of their code.
CREATE TABLE draft (
    id         text        PRIMARY KEY,
    form       jsonb       NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL
);
CREATE INDEX draft_expires ON draft (expires_at);
