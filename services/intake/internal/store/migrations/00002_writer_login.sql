-- +goose Up
-- Where there is a login intake_writer (INTAKE_WRITER_URL), it may add reports
-- and nothing else: it changes and reads none. An installation without it
-- writes with the service's own login.
-- +goose StatementBegin
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'intake_writer') THEN
        GRANT USAGE ON SEQUENCE report_number TO intake_writer;
        GRANT INSERT, SELECT (id, reference, idem_scope, idem_key) ON report TO intake_writer;
        GRANT INSERT ON report_body, outbox, audit TO intake_writer;
        GRANT SELECT, UPDATE (seq, hash) ON audit_head TO intake_writer;
    END IF;
END
$$;
-- +goose StatementEnd
