-- +goose Up
-- Only the skeleton of the report is left; digest stays what was signed.
ALTER TABLE report ADD COLUMN redacted_at timestamptz;
-- When the file's key was destroyed; what is left says that there was one.
ALTER TABLE report_attachment ADD COLUMN destroyed_at timestamptz;
