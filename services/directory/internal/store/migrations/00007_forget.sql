-- +goose Up
-- All tables are there by now: the statements stand with the others that forget
-- a person.
DROP FUNCTION person_forget_secrets(uuid, text);
CREATE INDEX invitation_ended ON invitation (coalesce(accepted_at, withdrawn_at, expires_at));
