-- SPDX-License-Identifier: EUPL-1.2
-- +goose Up
-- Why an invitation ended without anybody withdrawing it: 'right_lost' when who
-- stood behind it may not give its roles any more. '' otherwise.
ALTER TABLE invitation ADD COLUMN ended_why text NOT NULL DEFAULT '';
CREATE INDEX invitation_inviter ON invitation (invited_by) WHERE accepted_at IS NULL AND withdrawn_at IS NULL;

-- Whether a program with the token may do what a person at a browser must show
-- the second factor for. Tokens from before do not: make them anew.
ALTER TABLE token ADD COLUMN step_up boolean NOT NULL DEFAULT false;
