-- +goose Up
-- When what was left of the predecessor went to the successor and the other
-- services were told; NULL: not yet.
ALTER TABLE succession ADD COLUMN handed_at timestamptz;
