-- +goose Up
-- How far a mandate has come. What was in force before is active: it was loaded
-- as data or granted by the constituency manager.
ALTER TABLE mandate
    ADD COLUMN state       text   NOT NULL DEFAULT 'active'
        CONSTRAINT mandate_state_known CHECK (state IN ('requested', 'granted', 'active', 'declined', 'revoked')),
    ADD COLUMN services    text[] NOT NULL DEFAULT '{}', -- what it covers in words; none: everything
    ADD COLUMN granted_by  text   NOT NULL DEFAULT '',   -- name of the head of the administration
    ADD COLUMN replaces    uuid   REFERENCES mandate,    -- ends when this one is confirmed
    ADD COLUMN reminded_at timestamptz;                  -- of its end
UPDATE mandate SET state = 'revoked' WHERE revoked_at IS NOT NULL;

-- Two organisations wait for one decision at a time.
CREATE UNIQUE INDEX mandate_requested_key ON mandate (principal, agent) WHERE state = 'requested';
CREATE UNIQUE INDEX mandate_granted_key ON mandate (principal, agent) WHERE state = 'granted';
CREATE INDEX mandate_waiting ON mandate (id) WHERE state = 'granted';
CREATE INDEX mandate_ending ON mandate (valid_to) WHERE state = 'active' AND reminded_at IS NULL;

-- What happened to a mandate, for its page. The audit has it too, and more.
CREATE TABLE mandate_step (
    id           uuid        PRIMARY KEY,
    mandate      uuid        NOT NULL REFERENCES mandate,
    at           timestamptz NOT NULL,
    step         text        NOT NULL,
    person       uuid        REFERENCES person,       -- null: the operator
    organisation uuid        REFERENCES organisation, -- for whom the person acted
    note         text        NOT NULL
);
CREATE INDEX mandate_step_mandate ON mandate_step (mandate, id);
