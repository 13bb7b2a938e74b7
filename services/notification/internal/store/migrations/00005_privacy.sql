-- +goose Up
-- What the rules of deletion ask about a case.
ALTER TABLE cases ADD COLUMN state text NOT NULL DEFAULT '';
ALTER TABLE cases ADD COLUMN hold boolean NOT NULL DEFAULT false;
ALTER TABLE cases ADD COLUMN closed_at timestamptz;
ALTER TABLE cases ADD COLUMN reports text[] NOT NULL DEFAULT '{}';
CREATE INDEX cases_reports ON cases USING gin (reports);
CREATE INDEX deliveries_done ON deliveries (done_at) WHERE done_at IS NOT NULL;

-- What is left of the log of deliveries: how many, by day, kind, channel and end.
CREATE TABLE delivery_count (
    day     date   NOT NULL,
    kind    text   NOT NULL,
    channel text   NOT NULL,
    state   text   NOT NULL,
    n       bigint NOT NULL,
    PRIMARY KEY (day, kind, channel, state)
);
