-- +goose Up
-- The warnings with a question, to know which was the last one: told by
-- notification, no more than that. Exercises are not among them.
CREATE TABLE warning (
    id           uuid        PRIMARY KEY,
    version      integer     NOT NULL,
    published_at timestamptz NOT NULL
);

-- Which bodies get a warning and which answered, not what; a year long. An answer
-- may arrive before its warning.
CREATE TABLE warning_body (
    warning      uuid        NOT NULL,
    organisation uuid        NOT NULL,
    asked        boolean     NOT NULL,
    answered     boolean     NOT NULL,
    noted_at     timestamptz NOT NULL,
    PRIMARY KEY (warning, organisation)
);
CREATE INDEX warning_body_noted ON warning_body (noted_at);

ALTER TABLE participation_snapshot
    ADD COLUMN asked    integer NOT NULL DEFAULT 0, -- got the last warning with a question
    ADD COLUMN answered integer NOT NULL DEFAULT 0; -- of these, those that answered it
