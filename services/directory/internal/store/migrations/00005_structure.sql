-- +goose Up

-- Which body took over from one that is gone: mergers and renumbered places.
-- The predecessor stays in organisation with gone_at.
CREATE TABLE succession (
    predecessor uuid        PRIMARY KEY REFERENCES organisation DEFERRABLE INITIALLY DEFERRED,
    successor   uuid        NOT NULL REFERENCES organisation DEFERRABLE INITIALLY DEFERRED,
    kind        text        NOT NULL, -- incorporated, merged, renamed, rekeyed
    took_place  date,                 -- null when only the years are known
    changed_at  timestamptz NOT NULL,
    CHECK (predecessor <> successor)
);
CREATE INDEX succession_successor ON succession (successor);

-- The regional key is searched for as well.
UPDATE organisation SET search = search || ' ' || ars WHERE ars <> '';

-- What the CERT does for its constituency. conditions: level → words in de and
-- en; a level that is missing is not served.
CREATE TABLE service (
    id             uuid        PRIMARY KEY,
    key            text        NOT NULL CONSTRAINT service_key_key UNIQUE,
    name_de        text        NOT NULL,
    name_en        text        NOT NULL,
    description_de text        NOT NULL,
    description_en text        NOT NULL,
    conditions     jsonb       NOT NULL,
    status         text        NOT NULL, -- examined, offered, declined, ended
    contact        text        NOT NULL,
    position       integer     NOT NULL,
    version        integer     NOT NULL,
    updated_at     timestamptz NOT NULL
);
CREATE INDEX service_list ON service (position, id);

-- An organisation asks for a service.
CREATE TABLE service_request (
    id           uuid        PRIMARY KEY,
    service      uuid        NOT NULL REFERENCES service,
    organisation uuid        NOT NULL REFERENCES organisation,
    person       uuid        NOT NULL REFERENCES person, -- who asked
    wish         text        NOT NULL,
    wanted_on    date,
    contact      text        NOT NULL,
    state        text        NOT NULL, -- received, examining, promised, declined, done
    version      integer     NOT NULL,
    created_at   timestamptz NOT NULL,
    updated_at   timestamptz NOT NULL
);
CREATE INDEX service_request_list ON service_request (created_at DESC, id DESC);
CREATE INDEX service_request_organisation ON service_request (organisation, created_at DESC, id DESC);
CREATE INDEX service_request_service ON service_request (service);

-- What the CERT said about a request, with the state it then had.
CREATE TABLE service_answer (
    id      uuid        PRIMARY KEY,
    request uuid        NOT NULL REFERENCES service_request,
    person  uuid        NOT NULL REFERENCES person,
    state   text        NOT NULL,
    text    text        NOT NULL,
    at      timestamptz NOT NULL
);
CREATE INDEX service_answer_request ON service_answer (request, at);

-- How many bodies took part, by month, level and Kreis; the last count of the
-- month stays. Numbers only, no body and no person.
CREATE TABLE participation_snapshot (
    month     date        NOT NULL, -- its first day
    level     text        NOT NULL,
    kreis     text        NOT NULL,
    bodies    integer     NOT NULL,
    active    integer     NOT NULL, -- with an officer who can sign in
    reachable integer     NOT NULL, -- with telephone or mail of the body
    officer   integer     NOT NULL, -- with an officer or administrator of its own
    mandate   integer     NOT NULL, -- with a mandate in force
    counted_at timestamptz NOT NULL,
    PRIMARY KEY (month, level, kreis)
);
