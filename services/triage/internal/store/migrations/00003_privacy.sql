-- +goose Up
-- hold keeps a case from deletion; redacted_at says that only the skeleton is left.
ALTER TABLE cases ADD COLUMN hold boolean NOT NULL DEFAULT false;
ALTER TABLE cases ADD COLUMN redacted_at timestamptz;
CREATE INDEX cases_to_forget ON cases (closed_at) WHERE state = 'closed' AND redacted_at IS NULL;
-- When the file's key was destroyed; what is left says that there was one.
ALTER TABLE case_attachments ADD COLUMN destroyed_at timestamptz;

-- Who wanted to put a case on hold or to release it, why, and who agreed.
CREATE TABLE case_hold (
    id          uuid        PRIMARY KEY,
    case_id     uuid        NOT NULL REFERENCES cases,
    release     boolean     NOT NULL,
    reason      text        NOT NULL,
    state       text        NOT NULL CHECK (state IN ('proposed', 'confirmed', 'refused')),
    proposed_by text        NOT NULL,
    proposed_at timestamptz NOT NULL,
    decided_by  text        NOT NULL DEFAULT '',
    decided_at  timestamptz
);
CREATE UNIQUE INDEX case_hold_open ON case_hold (case_id) WHERE state = 'proposed';
CREATE INDEX case_hold_newest ON case_hold (proposed_at DESC, id DESC);
