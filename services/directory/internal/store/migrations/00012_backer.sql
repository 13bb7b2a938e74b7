-- +goose Up
-- Whose open invitations end when a right ends: who confirmed one stands behind
-- it, or who made it.
DROP INDEX invitation_inviter;
CREATE INDEX invitation_backer ON invitation (coalesce(confirmed_by, invited_by)) WHERE accepted_at IS NULL AND withdrawn_at IS NULL;
