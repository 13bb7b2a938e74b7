-- +goose Up
CREATE TABLE inbox (
    consumer text        NOT NULL,
    event_id uuid        NOT NULL,
    done_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (consumer, event_id)
);
CREATE INDEX inbox_done ON inbox (done_at);

CREATE TABLE inbox_try (
    consumer text    NOT NULL,
    event_id uuid    NOT NULL,
    tries    integer NOT NULL,
    reason   text    NOT NULL,
    at       timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (consumer, event_id)
);

-- Events that no retry can help; an operator looks at them and may send them round again.
CREATE TABLE dead_event (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    consumer   text        NOT NULL,
    event_id   text        NOT NULL,
    subject    text        NOT NULL,
    body       bytea       NOT NULL,
    reason     text        NOT NULL,
    tries      integer     NOT NULL,
    at         timestamptz NOT NULL DEFAULT now(),
    retried_at timestamptz
);
