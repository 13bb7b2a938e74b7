-- +goose Up
-- What a provider reported about whom, and whom to ask: mails are made of it, no
-- page shows it.
ALTER TABLE report_members ENABLE ROW LEVEL SECURITY;
ALTER TABLE report_members FORCE ROW LEVEL SECURITY;
-- +goose StatementBegin
DO $$
BEGIN
    EXECUTE format('CREATE POLICY service ON report_members TO %I USING (true) WITH CHECK (true)', current_user);
END
$$;
-- +goose StatementEnd
