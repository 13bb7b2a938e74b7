-- +goose Up
-- How an operator dealt with a dead event, at retried_at: "retried", or
-- "discarded" with the reason in note. '' while it waits, and for those of before.
ALTER TABLE dead_event
    ADD COLUMN outcome text NOT NULL DEFAULT '' CHECK (outcome IN ('', 'retried', 'discarded')),
    ADD COLUMN note    text NOT NULL DEFAULT '';
-- The list of those that wait, and their number a consumer.
CREATE INDEX dead_event_waiting ON dead_event (id DESC) INCLUDE (consumer) WHERE retried_at IS NULL;
