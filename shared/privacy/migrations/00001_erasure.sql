-- +goose Up
-- People that the directory erased. As long as a case of theirs is open, or on
-- hold, their name stays there: done_at is set when it stands nowhere any more.
CREATE TABLE person_erased (
    person  text        PRIMARY KEY,
    at      timestamptz NOT NULL,
    done_at timestamptz
);
CREATE INDEX person_erased_left ON person_erased (person) WHERE done_at IS NULL;
