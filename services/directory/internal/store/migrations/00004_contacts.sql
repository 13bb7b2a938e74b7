-- +goose Up
-- Who is reached in an organisation, and in which functions: one row a person
-- and organisation, so that several functions of one person stand together.
-- person points at the register's people where they have an account.
CREATE TABLE contact (
    id           uuid        PRIMARY KEY,
    organisation uuid        NOT NULL REFERENCES organisation,
    person       uuid        REFERENCES person,
    name         text        NOT NULL,
    functions    text[]      NOT NULL,
    phone        text        NOT NULL,
    mobile       text        NOT NULL,
    email        text        NOT NULL, -- lower case
    hours        text        NOT NULL, -- when they are reached, in words
    always       boolean     NOT NULL, -- day and night
    confirmed_at timestamptz,          -- NULL: never
    created_at   timestamptz NOT NULL,
    updated_at   timestamptz NOT NULL,
    removed_at   timestamptz,          -- kept for 30 days, then deleted
    version      integer     NOT NULL,
    sort         text        NOT NULL  -- the folded name
);
CREATE INDEX contact_organisation ON contact (organisation, sort) WHERE removed_at IS NULL;
CREATE INDEX contact_email ON contact (email) WHERE removed_at IS NULL;
CREATE UNIQUE INDEX contact_once_key ON contact (organisation, sort, email) WHERE removed_at IS NULL;

-- The yearly question to a contact whether everything is still right. The
-- links' tokens are kept as digests; the reminder has one of its own.
CREATE TABLE contact_check (
    id           uuid        PRIMARY KEY,
    contact      uuid        NOT NULL REFERENCES contact ON DELETE CASCADE,
    sum          bytea       NOT NULL CONSTRAINT contact_check_sum_key UNIQUE,
    reminder_sum bytea       CONSTRAINT contact_check_reminder_key UNIQUE,
    asked_at     timestamptz NOT NULL,
    reminded_at  timestamptz,
    escalated_at timestamptz, -- since when a task has taken over
    answered_at  timestamptz,
    expires_at   timestamptz NOT NULL
);
CREATE INDEX contact_check_contact ON contact_check (contact, asked_at);
CREATE INDEX contact_check_open ON contact_check (asked_at) WHERE answered_at IS NULL;

-- What somebody has to look at: a mail that did not arrive, a contact that
-- nobody confirms, a change that a contact asked for.
CREATE TABLE task (
    id           uuid        PRIMARY KEY,
    kind         text        NOT NULL CHECK (kind IN ('bounce', 'unconfirmed', 'change_wanted')),
    organisation uuid        NOT NULL REFERENCES organisation,
    contact      uuid        REFERENCES contact ON DELETE SET NULL,
    address      text        NOT NULL, -- what failed, or ''
    detail       text        NOT NULL,
    shared       boolean     NOT NULL, -- the organisation's own administrator sees it as well
    times        integer     NOT NULL,
    opened_at    timestamptz NOT NULL,
    last_at      timestamptz NOT NULL,
    done_at      timestamptz,
    done_by      uuid        REFERENCES person, -- NULL: the change itself settled it
    note         text        NOT NULL,
    version      integer     NOT NULL
);
CREATE UNIQUE INDEX task_once_key ON task (kind, organisation, address) WHERE done_at IS NULL;
CREATE INDEX task_list ON task (opened_at, id);
CREATE INDEX task_organisation ON task (organisation);

-- How the organisation is reached when its own mail and telephony are gone.
-- The words are sealed with a key that the database does not have.
CREATE TABLE emergency_contact (
    organisation uuid        PRIMARY KEY REFERENCES organisation,
    sealed       bytea       NOT NULL,
    changed_at   timestamptz NOT NULL,
    changed_by   uuid        REFERENCES person,
    version      integer     NOT NULL
);

-- Each opening of such a seal, with its reason. It shows the words to one
-- session until expires_at.
CREATE TABLE emergency_opening (
    id           uuid        PRIMARY KEY,
    organisation uuid        NOT NULL REFERENCES organisation,
    person       uuid        NOT NULL REFERENCES person,
    session      text        NOT NULL,
    reason       text        NOT NULL,
    opened_at    timestamptz NOT NULL,
    expires_at   timestamptz NOT NULL
);
CREATE INDEX emergency_opening_organisation ON emergency_opening (organisation, opened_at);

-- How far the admission of an organisation is. stage follows from facts and is
-- kept so that changes of it can be told.
CREATE TABLE onboarding (
    organisation uuid        PRIMARY KEY REFERENCES organisation,
    stage        text        NOT NULL CHECK (stage IN ('none', 'invited', 'contacts', 'roles', 'active', 'declined', 'paused')),
    held         text        NOT NULL CHECK (held IN ('', 'declined', 'paused')),
    invited_at   timestamptz,
    invited_by   uuid        REFERENCES person,
    contacts_at  timestamptz,
    roles_at     timestamptz,
    active_at    timestamptz,
    held_at      timestamptz,
    held_by      uuid        REFERENCES person,
    note         text        NOT NULL,
    document     text        NOT NULL, -- where the declaration of participation is filed
    version      integer     NOT NULL,
    changed_at   timestamptz NOT NULL
);
CREATE INDEX onboarding_stage ON onboarding (stage);

-- What an information security officer has learnt, with what proves it.
CREATE TABLE qualification (
    id           uuid        PRIMARY KEY,
    organisation uuid        NOT NULL REFERENCES organisation,
    contact      uuid        NOT NULL REFERENCES contact ON DELETE CASCADE,
    kind         text        NOT NULL CHECK (kind IN ('certificate', 'training')),
    name         text        NOT NULL,
    issuer       text        NOT NULL,
    obtained_on  date        NOT NULL,
    valid_until  date,
    document     text        NOT NULL,
    changed_at   timestamptz NOT NULL,
    version      integer     NOT NULL
);
CREATE INDEX qualification_contact ON qualification (contact);

-- When a person is away and who stands in for them.
ALTER TABLE person
    ADD COLUMN absent_from timestamptz,
    ADD COLUMN absent_to   timestamptz,
    ADD COLUMN deputy      uuid REFERENCES person;
