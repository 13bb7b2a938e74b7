-- +goose Up
-- A body that its provider reported for: who reported, and whom to ask since the
-- body took the report over. One row a report and body.
CREATE TABLE report_members (
    report       text        NOT NULL,
    organisation text        NOT NULL,
    agent        text        NOT NULL DEFAULT '', -- the provider's name
    over_at      timestamptz,                     -- when the body last took over or gave back
    recipients   jsonb       NOT NULL DEFAULT '[]', -- the body's own contact; empty: the provider's counts
    PRIMARY KEY (report, organisation)
);
