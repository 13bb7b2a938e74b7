-- +goose Up
CREATE SEQUENCE campaign_number;

-- A campaign (Lage): several cases with one cause. What its cases are is counted
-- from the cases, never kept here.
CREATE TABLE campaigns (
    id            uuid        PRIMARY KEY, -- of a report: made of the report's id, so that every event agrees
    reference     text        NOT NULL,
    version       integer     NOT NULL,
    state         text        NOT NULL CHECK (state IN ('open', 'closed')),
    title         text        NOT NULL,
    report_id     text,                    -- the report about several bodies that made it
    report        text        NOT NULL,    -- its reference
    agent_id      text        NOT NULL,    -- the provider that reported
    agent_name    text        NOT NULL,
    exercise      boolean     NOT NULL,
    expected      integer     NOT NULL,    -- bodies that the report names
    assignee_id   text        NOT NULL,
    assignee_name text        NOT NULL,
    first_seen    timestamptz NOT NULL,
    created_at    timestamptz NOT NULL,
    changed_at    timestamptz NOT NULL,
    closed_at     timestamptz,
    CONSTRAINT campaigns_reference_key UNIQUE (reference),
    CONSTRAINT campaigns_report_key UNIQUE (report_id)
);
CREATE INDEX campaigns_newest ON campaigns (first_seen DESC, id DESC);
CREATE INDEX campaigns_open ON campaigns (first_seen DESC, id DESC) WHERE state = 'open';

ALTER TABLE cases
    ADD COLUMN campaign_id  uuid REFERENCES campaigns,
    ADD COLUMN campaign_ref text NOT NULL DEFAULT '',
    ADD COLUMN taken_over   jsonb, -- the body deals with its provider's report itself
    ADD COLUMN over_at      timestamptz,
    ADD COLUMN contradicted jsonb; -- the body does not agree with its provider's report
CREATE INDEX cases_campaign ON cases (campaign_id, received_at DESC, id DESC) WHERE campaign_id IS NOT NULL;
CREATE INDEX cases_fold ON cases (campaign_id, due_order, severity_rank, received_at, id) WHERE active AND campaign_id IS NOT NULL;

-- The campaign's own timeline; each case has its own.
CREATE TABLE campaign_entries (
    id          uuid        PRIMARY KEY,
    campaign_id uuid        NOT NULL REFERENCES campaigns,
    version     integer     NOT NULL,
    at          timestamptz NOT NULL,
    actor_id    text        NOT NULL,
    actor_name  text        NOT NULL,
    kind        text        NOT NULL,
    from_value  text        NOT NULL,
    to_value    text        NOT NULL,
    reason      text        NOT NULL,
    ref         text        NOT NULL
);
CREATE INDEX campaign_entries_campaign ON campaign_entries (campaign_id, at, id);

-- One change of many cases at once, worked off in batches.
CREATE TABLE campaign_jobs (
    id          uuid        PRIMARY KEY,
    campaign_id uuid        NOT NULL REFERENCES campaigns,
    kind        text        NOT NULL,
    actor_id    text        NOT NULL,
    actor_name  text        NOT NULL,
    request     text        NOT NULL,
    body        jsonb       NOT NULL, -- what to do; a message's text is wiped when it is done
    total       integer     NOT NULL,
    done        integer     NOT NULL DEFAULT 0,
    failed      integer     NOT NULL DEFAULT 0,
    created_at  timestamptz NOT NULL,
    ended_at    timestamptz
);
CREATE INDEX campaign_jobs_open ON campaign_jobs (created_at, id) WHERE ended_at IS NULL;
CREATE INDEX campaign_jobs_campaign ON campaign_jobs (campaign_id, created_at DESC);

CREATE TABLE campaign_job_cases (
    job_id  uuid    NOT NULL REFERENCES campaign_jobs,
    n       integer NOT NULL,
    case_id uuid    NOT NULL,
    state   text    NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'done', 'failed')),
    reason  text    NOT NULL DEFAULT '',
    PRIMARY KEY (job_id, n)
);
CREATE INDEX campaign_job_cases_waiting ON campaign_job_cases (job_id, n) WHERE state = 'waiting';
