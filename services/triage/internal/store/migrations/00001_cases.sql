-- +goose Up
CREATE SEQUENCE case_number;

CREATE TABLE cases (
    id              uuid        PRIMARY KEY,
    reference       text        NOT NULL,
    version         integer     NOT NULL,
    state           text        NOT NULL,
    severity        text        NOT NULL,
    severity_rank   smallint    NOT NULL, -- 1 is critical
    tlp             text        NOT NULL,
    class           text        NOT NULL,
    suggested       text        NOT NULL,
    class_group     text        NOT NULL GENERATED ALWAYS AS (split_part(coalesce(nullif(class, ''), suggested), ':', 1)) STORED,
    disposition     text        NOT NULL,
    title           text        NOT NULL,
    what            text        NOT NULL,
    org_id          text        NOT NULL,
    org_ags         text        NOT NULL,
    org_name        text        NOT NULL,
    org_level       text        NOT NULL,
    org_kreis       text        NOT NULL, -- 5 digits, also of bodies with an own AGS
    verified        boolean     NOT NULL,
    exercise        boolean     NOT NULL,
    assignee_id     text        NOT NULL,
    assignee_name   text        NOT NULL,
    clocks          jsonb       NOT NULL,
    flags           text[]      NOT NULL,
    merged_into     uuid        REFERENCES cases,
    before_merge    text        NOT NULL,
    received_at     timestamptz NOT NULL,
    opened_at       timestamptz NOT NULL,
    changed_at      timestamptz NOT NULL,
    answered_at     timestamptz,
    closed_at       timestamptz,
    next_due        timestamptz,
    due_order       timestamptz NOT NULL GENERATED ALWAYS AS (coalesce(next_due, 'infinity')) STORED,
    active          boolean     NOT NULL, -- belongs into the queue
    words           text        NOT NULL, -- what the reporters wrote, for the search
    search          tsvector    NOT NULL GENERATED ALWAYS AS (
                        setweight(to_tsvector('german', title), 'A') ||
                        setweight(to_tsvector('simple', title || ' ' || org_name || ' ' || replace(reference, '-', ' ') || ' ' || ltrim(right(reference, 6), '0')), 'A') ||
                        setweight(to_tsvector('german', words), 'B')) STORED,
    CONSTRAINT cases_reference_key UNIQUE (reference)
);

-- The queue holds only unfinished work, so these stay small for ever.
CREATE INDEX cases_queue_due      ON cases (due_order, severity_rank, received_at, id) WHERE active;
CREATE INDEX cases_queue_severity ON cases (severity_rank, due_order, received_at, id) WHERE active;
CREATE INDEX cases_queue_received ON cases (received_at, id) WHERE active;
CREATE INDEX cases_queue_person   ON cases (assignee_id, due_order, severity_rank, received_at, id) WHERE active;
-- The archive, newest first, and by what it is filtered.
CREATE INDEX cases_received       ON cases (received_at DESC, id DESC);
CREATE INDEX cases_by_state       ON cases (state, received_at DESC, id DESC);
CREATE INDEX cases_by_severity    ON cases (severity, received_at DESC, id DESC);
CREATE INDEX cases_by_class       ON cases (class_group, received_at DESC, id DESC);
CREATE INDEX cases_by_kreis       ON cases (org_kreis, received_at DESC, id DESC);
CREATE INDEX cases_by_org         ON cases (org_id, received_at DESC, id DESC);
CREATE INDEX cases_by_assignee    ON cases (assignee_id, received_at DESC, id DESC);
CREATE INDEX cases_answered       ON cases (answered_at) WHERE answered_at IS NOT NULL;
CREATE INDEX cases_merged         ON cases (merged_into) WHERE merged_into IS NOT NULL;
CREATE INDEX cases_search         ON cases USING gin (search) WITH (fastupdate = off); -- no list that searches have to read through

-- Which case a report of a body opened. A merge moves nothing: the cases merged
-- into one are found by merged_into, so that a merge can be undone.
CREATE TABLE case_reports (
    report_id   text        NOT NULL,
    affected    text        NOT NULL, -- organisation id, or the name a guest typed
    case_id     uuid        NOT NULL REFERENCES cases,
    reference   text        NOT NULL,
    received_at timestamptz NOT NULL,
    body        jsonb       NOT NULL,
    PRIMARY KEY (report_id, affected)
);
CREATE INDEX case_reports_case ON case_reports (case_id);
CREATE INDEX case_reports_reference ON case_reports (reference);

CREATE TABLE case_messages (
    id          text        NOT NULL,
    case_id     uuid        NOT NULL REFERENCES cases,
    direction   text        NOT NULL,
    author_id   text        NOT NULL,
    author_name text        NOT NULL,
    report      text        NOT NULL,
    text        text        NOT NULL,
    tlp         text        NOT NULL,
    at          timestamptz NOT NULL,
    PRIMARY KEY (case_id, id)
);

CREATE TABLE case_notes (
    id          text        NOT NULL,
    case_id     uuid        NOT NULL REFERENCES cases,
    author_id   text        NOT NULL,
    author_name text        NOT NULL,
    text        text        NOT NULL,
    at          timestamptz NOT NULL,
    PRIMARY KEY (case_id, id)
);

CREATE TABLE case_supplements (
    id          text        NOT NULL,
    case_id     uuid        NOT NULL REFERENCES cases,
    author_id   text        NOT NULL,
    author_name text        NOT NULL,
    report      text        NOT NULL,
    description text        NOT NULL,
    fields      jsonb       NOT NULL,
    at          timestamptz NOT NULL,
    PRIMARY KEY (case_id, id)
);

CREATE TABLE case_attachments (
    id          text        NOT NULL,
    case_id     uuid        NOT NULL REFERENCES cases,
    author_id   text        NOT NULL,
    author_name text        NOT NULL,
    report      text        NOT NULL,
    name        text        NOT NULL,
    media_type  text        NOT NULL,
    size        bigint      NOT NULL,
    sha256      text        NOT NULL,
    blob        text        NOT NULL,
    at          timestamptz NOT NULL,
    PRIMARY KEY (case_id, id)
);

CREATE TABLE case_entries (
    id          uuid        NOT NULL,
    case_id     uuid        NOT NULL REFERENCES cases,
    version     integer     NOT NULL,
    at          timestamptz NOT NULL,
    actor_id    text        NOT NULL,
    actor_name  text        NOT NULL,
    kind        text        NOT NULL,
    from_value  text        NOT NULL,
    to_value    text        NOT NULL,
    reason      text        NOT NULL,
    ref         text        NOT NULL,
    PRIMARY KEY (case_id, id)
);

-- Facts that came before their report.
CREATE TABLE parked_facts (
    event_id  uuid        PRIMARY KEY,
    report_id text        NOT NULL,
    body      jsonb       NOT NULL,
    at        timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX parked_facts_report ON parked_facts (report_id, event_id);

-- What the stream tells: one row a change, under the number of its audit entry.
CREATE TABLE case_changes (
    seq     bigint  PRIMARY KEY,
    case_id uuid    NOT NULL,
    version integer NOT NULL,
    opened  boolean NOT NULL
);

-- The small copy of alerts and answers for the bar above the queue.
CREATE TABLE alerts (
    id           text        PRIMARY KEY,
    version      integer     NOT NULL,
    reference    text        NOT NULL,
    title        text        NOT NULL,
    state        text        NOT NULL,
    audience     integer     NOT NULL,
    poll         boolean     NOT NULL,
    published_at timestamptz NOT NULL,
    valid_until  timestamptz
);
CREATE INDEX alerts_current ON alerts (published_at DESC) WHERE state = 'published' AND poll;

CREATE TABLE alert_answers (
    alert_id     text        NOT NULL,
    organisation text        NOT NULL,
    answer       text        NOT NULL,
    at           timestamptz NOT NULL,
    PRIMARY KEY (alert_id, organisation)
);
