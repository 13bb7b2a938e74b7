-- +goose Up
-- What a report of a provider says about each of its members: under which
-- mandate, who acted, what holds for this body alone (own: callback,
-- description, impact), whether it joined later, and whether the body took the
-- report over (with the contact it named) or contradicted it.
ALTER TABLE report_body
    ADD COLUMN mandate         text        NOT NULL DEFAULT '',
    ADD COLUMN agent           text        NOT NULL DEFAULT '',
    ADD COLUMN agent_name      text        NOT NULL DEFAULT '',
    ADD COLUMN own             jsonb       NOT NULL DEFAULT '{}',
    ADD COLUMN added_at        timestamptz,
    ADD COLUMN taken_over_at   timestamptz,
    ADD COLUMN contact         jsonb       NOT NULL DEFAULT '{}',
    ADD COLUMN contradicted_at timestamptz;

-- What a body did about a report that its provider sent: took it over, gave it
-- back, contradicted it. Lines are only added.
CREATE TABLE report_step (
    id        uuid        PRIMARY KEY,
    report_id uuid        NOT NULL REFERENCES report,
    kind      text        NOT NULL,
    author_id text        NOT NULL,
    author    text        NOT NULL,
    bodies    text[]      NOT NULL,
    body      text        NOT NULL,
    contact   jsonb       NOT NULL,
    at        timestamptz NOT NULL
);
CREATE INDEX report_step_of ON report_step (report_id, at);

-- A file of an agent that only the agent's people and the CERT see; empty: all
-- whose body is in bodies.
ALTER TABLE report_attachment ADD COLUMN only_home text NOT NULL DEFAULT '';
