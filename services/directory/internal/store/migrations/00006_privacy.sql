-- +goose Up
ALTER TABLE person ADD COLUMN erased_at timestamptz; -- nobody knows any more who it was

-- Who wanted a person erased, why, and who agreed.
CREATE TABLE person_erasure (
    id          uuid        PRIMARY KEY,
    person      uuid        NOT NULL REFERENCES person,
    reason      text        NOT NULL,
    state       text        NOT NULL CHECK (state IN ('proposed', 'confirmed', 'refused')),
    proposed_by text        NOT NULL,
    proposed_at timestamptz NOT NULL,
    decided_by  text        NOT NULL DEFAULT '',
    decided_at  timestamptz
);
CREATE UNIQUE INDEX person_erasure_open ON person_erasure (person) WHERE state = 'proposed';
CREATE INDEX person_erasure_newest ON person_erasure (proposed_at DESC, id DESC);

-- Everything a person signed in with, wherever a release keeps it.
-- +goose StatementBegin
CREATE FUNCTION person_forget_secrets(who uuid, mail text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE t text;
BEGIN
    FOREACH t IN ARRAY ARRAY['account', 'membership', 'identity', 'passkey', 'recovery_code', 'recovery_set'] LOOP
        IF to_regclass('public.' || t) IS NOT NULL THEN
            EXECUTE format('DELETE FROM %I WHERE person = $1', t) USING who;
        END IF;
    END LOOP;
    IF to_regclass('public.invitation') IS NOT NULL THEN
        EXECUTE 'DELETE FROM invitation WHERE person = $1 OR lower(email) = lower($2)' USING who, mail;
    END IF;
END
$$;
-- +goose StatementEnd
