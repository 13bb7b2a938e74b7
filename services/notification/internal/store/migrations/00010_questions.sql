-- +goose Up
-- What was asked since a takeover is looked for among the questions of that time,
-- not of all years.
CREATE INDEX notices_questions ON notices (created_at) WHERE kind = 'question';
