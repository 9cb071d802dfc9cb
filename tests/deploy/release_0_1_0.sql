-- At least one row in every table of the schema of release 0.1.0 (migration e8b4c6d2f713).
-- It stays as it is: later schemas have to take over what this release could have written.

INSERT INTO users (id, email, name, password_hash, time_zone, role, conflict_types, travel_minutes) VALUES
  ('00000000-0000-4000-8000-000000000001', 'mara@example.test', 'Mara Lind', '$argon2id$made-up', 'Europe/Berlin', 'admin', '{overlap,travel}', 20),
  ('00000000-0000-4000-8000-000000000002', 'noor@example.test', 'Noor', '$argon2id$made-up', 'Asia/Kolkata', 'user', '{overlap}', 0);

INSERT INTO login_sessions (id, user_id, refresh_token_hash, expires_at) VALUES
  ('00000000-0000-4000-8000-000000000011', '00000000-0000-4000-8000-000000000001', '\x01ff', '2026-04-01T00:00Z');

INSERT INTO oauth_states (id, user_id, provider, state_hash, cookie_hash, memory, wants_json, expires_at) VALUES
  ('00000000-0000-4000-8000-000000000021', '00000000-0000-4000-8000-000000000001', 'google', '\x02', '\x03', 'encrypted', false, '2026-03-02T08:10Z');

INSERT INTO connections (id, user_id, provider, provider_account_id, account, status, reason, reason_code, access_token, refresh_token, token_expires_at, scopes) VALUES
  ('00000000-0000-4000-8000-000000000031', '00000000-0000-4000-8000-000000000001', 'google', '1081', 'mara@example.test', 'active', NULL, NULL, 'encrypted', 'encrypted', '2026-03-02T09:00Z', '{openid,email}'),
  ('00000000-0000-4000-8000-000000000032', '00000000-0000-4000-8000-000000000001', 'caldotcom', '77', 'mara@example.test', 'active', NULL, NULL, 'encrypted', NULL, NULL, '{}'),
  ('00000000-0000-4000-8000-000000000033', '00000000-0000-4000-8000-000000000002', 'microsoft', 'a1', 'noor@example.test', 'needs_reauth', 'Access was withdrawn.', 'consent_lost', 'encrypted', 'encrypted', '2026-03-01T09:00Z', '{Calendars.Read}');

INSERT INTO clients (id, user_id, name, color, rate, currency, time_zone, notes, weekly_budget_minutes) VALUES
  ('00000000-0000-4000-8000-000000000041', '00000000-0000-4000-8000-000000000001', 'Nordwind', '#3366cc', 95.50, 'EUR', 'Europe/Berlin', 'pays late', 1200),
  ('00000000-0000-4000-8000-000000000042', '00000000-0000-4000-8000-000000000001', 'Südlicht', NULL, NULL, NULL, NULL, NULL, NULL);

INSERT INTO client_rules (id, user_id, client_id, kind, pattern, position, project) VALUES
  ('00000000-0000-4000-8000-000000000051', '00000000-0000-4000-8000-000000000001', '00000000-0000-4000-8000-000000000041', 'attendee_domain', 'nordwind.example', 0, 'relaunch');

INSERT INTO calendars (id, user_id, connection_id, provider, provider_calendar_id, name, time_zone, "primary", access_role, client_id, cursor, cursor_version, materialized_from, materialized_until, last_synced_at, last_synced_via, next_sync_at) VALUES
  ('00000000-0000-4000-8000-000000000061', '00000000-0000-4000-8000-000000000001', '00000000-0000-4000-8000-000000000031', 'google', 'mara@example.test', 'Work', 'Europe/Berlin', true, 'owner', NULL, 'CPjI', 1, '2025-12-01T00:00Z', '2027-04-01T00:00Z', '2026-03-02T08:00Z', 'push', '2026-03-02T08:30Z'),
  ('00000000-0000-4000-8000-000000000062', '00000000-0000-4000-8000-000000000001', '00000000-0000-4000-8000-000000000032', 'caldotcom', 'bookings', 'Bookings', NULL, false, 'reader', NULL, NULL, NULL, NULL, NULL, NULL, NULL, '2026-03-02T08:00Z');

INSERT INTO channels (id, user_id, calendar_id, provider, provider_channel_id, resource_id, token, expires_at, opened_at, last_message_number) VALUES
  ('00000000-0000-4000-8000-000000000071', '00000000-0000-4000-8000-000000000001', '00000000-0000-4000-8000-000000000061', 'google', 'channel', 'resource', 'encrypted', '2026-03-09T08:00Z', '2026-03-02T08:00Z', 17);

INSERT INTO events (id, user_id, calendar_id, provider_event_id, kind, start_at, end_at, start_on, end_on, time_zone, title, ical_uid, series_id, original_start_at, recurrence, status, transparency, event_type, visibility, my_response, organizer, attendees, sequence, mirror, busy, fingerprint, deleted_at) VALUES
  ('00000000-0000-4000-8000-000000000081', '00000000-0000-4000-8000-000000000001', '00000000-0000-4000-8000-000000000061', 'single', 'single', '2026-03-02T09:00Z', '2026-03-02T10:00Z', NULL, NULL, 'Europe/Berlin', 'Kickoff – “Größe”', 'uid-1', NULL, NULL, '{}', 'confirmed', 'opaque', 'default', 'default', 'accepted', '{"email": "pm@nordwind.example"}', '[{"email": "mara@example.test", "self": true}]', 2, false, 'busy', 'f1', NULL),
  ('00000000-0000-4000-8000-000000000082', '00000000-0000-4000-8000-000000000001', '00000000-0000-4000-8000-000000000061', 'master', 'master', '2026-03-03T09:00Z', '2026-03-03T09:30Z', NULL, NULL, 'Europe/Berlin', 'Standup', 'uid-2', NULL, NULL, '{RRULE:FREQ=WEEKLY;COUNT=2}', 'confirmed', 'opaque', 'default', 'private', NULL, NULL, '[]', 0, false, 'busy', 'f2', NULL),
  ('00000000-0000-4000-8000-000000000083', '00000000-0000-4000-8000-000000000001', '00000000-0000-4000-8000-000000000061', 'master_20260310T090000Z', 'override', '2026-03-10T11:00Z', '2026-03-10T11:30Z', NULL, NULL, 'Europe/Berlin', 'Standup, later', 'uid-2', 'master', '2026-03-10T09:00Z', '{}', 'confirmed', 'opaque', 'default', 'private', NULL, NULL, '[]', 1, false, 'tentative', 'f3', NULL),
  ('00000000-0000-4000-8000-000000000084', '00000000-0000-4000-8000-000000000001', '00000000-0000-4000-8000-000000000061', 'holiday', 'single', NULL, NULL, '2026-03-20', '2026-03-22', NULL, 'Away', NULL, NULL, NULL, '{}', 'confirmed', 'opaque', 'outOfOffice', 'default', NULL, NULL, '[]', 0, false, 'busy', 'f4', NULL),
  ('00000000-0000-4000-8000-000000000085', '00000000-0000-4000-8000-000000000001', '00000000-0000-4000-8000-000000000061', 'gone', 'single', '2026-03-02T09:30Z', '2026-03-02T11:00Z', NULL, NULL, 'UTC', 'Cancelled call', 'uid-5', NULL, NULL, '{}', 'confirmed', 'opaque', 'default', 'default', NULL, NULL, '[]', 0, false, 'busy', 'f5', '2026-03-02T08:00Z');

INSERT INTO series_instances (calendar_id, provider_instance_id, series_id) VALUES
  ('00000000-0000-4000-8000-000000000061', 'master_20260303T090000Z', 'master');

INSERT INTO occurrences (id, user_id, calendar_id, event_id, original_start, start_at, end_at, start_on, end_on, busy) VALUES
  ('00000000-0000-4000-8000-000000000091', '00000000-0000-4000-8000-000000000001', '00000000-0000-4000-8000-000000000061', '00000000-0000-4000-8000-000000000081', '2026-03-02T09:00Z', '2026-03-02T09:00Z', '2026-03-02T10:00Z', NULL, NULL, 'busy'),
  ('00000000-0000-4000-8000-000000000092', '00000000-0000-4000-8000-000000000001', '00000000-0000-4000-8000-000000000061', '00000000-0000-4000-8000-000000000082', '2026-03-03T09:00Z', '2026-03-03T09:00Z', '2026-03-03T09:30Z', NULL, NULL, 'busy'),
  ('00000000-0000-4000-8000-000000000093', '00000000-0000-4000-8000-000000000001', '00000000-0000-4000-8000-000000000061', '00000000-0000-4000-8000-000000000084', '2026-03-19T23:00Z', '2026-03-19T23:00Z', '2026-03-21T23:00Z', '2026-03-20', '2026-03-22', 'busy');

INSERT INTO full_reads (calendar_id, began_at, normalizer_version, position, window_from, window_until) VALUES
  ('00000000-0000-4000-8000-000000000062', '2026-03-02T07:59Z', 1, 'page 3', '2025-12-01T00:00Z', '2027-04-01T00:00Z');

INSERT INTO read_marks (calendar_id, provider_event_id) VALUES
  ('00000000-0000-4000-8000-000000000062', 'seen');

INSERT INTO event_assignments (id, user_id, event_id, original_start, client_id, origin, project) VALUES
  ('00000000-0000-4000-8000-000000000101', '00000000-0000-4000-8000-000000000001', '00000000-0000-4000-8000-000000000081', NULL, '00000000-0000-4000-8000-000000000041', 'rule', 'relaunch'),
  ('00000000-0000-4000-8000-000000000102', '00000000-0000-4000-8000-000000000001', '00000000-0000-4000-8000-000000000082', '2026-03-03T09:00Z', NULL, 'hand', NULL);

INSERT INTO conflicts (id, user_id, type, severity, status, closed_by, note, start_at, end_at, first_occurrence_ids, second_occurrence_ids, first_start_at, first_end_at, second_start_at, second_end_at, hull, first, second, closed_at) VALUES
  ('00000000-0000-4000-8000-000000000111', '00000000-0000-4000-8000-000000000001', 'overlap', 'high', 'resolved', 'person', 'moved it', '2026-03-02T09:30Z', '2026-03-02T10:00Z', '{00000000-0000-4000-8000-000000000091}', '{00000000-0000-4000-8000-000000000092}', '2026-03-02T09:00Z', '2026-03-02T10:00Z', '2026-03-02T09:30Z', '2026-03-02T11:00Z', '[2026-03-02T09:00Z,2026-03-02T11:00Z)', '{"title": "Kickoff"}', '{"title": "Cancelled call"}', '2026-03-02T08:05Z');

INSERT INTO conflict_history (id, user_id, conflict_id, happened_at, action, actor, note) VALUES
  ('00000000-0000-4000-8000-000000000121', '00000000-0000-4000-8000-000000000001', '00000000-0000-4000-8000-000000000111', '2026-03-02T08:05Z', 'resolved', 'user', 'moved it');

INSERT INTO conflict_checks (id, user_id, span) VALUES
  ('00000000-0000-4000-8000-000000000131', '00000000-0000-4000-8000-000000000001', '[2026-03-02T09:00Z,2026-03-02T11:00Z)');

INSERT INTO availability_rules (id, user_id, document) VALUES
  ('00000000-0000-4000-8000-000000000141', '00000000-0000-4000-8000-000000000001', '{"time_zone": "Europe/Berlin", "weekly": [{"days": ["mon"], "start": "09:00", "end": "17:00"}]}');

INSERT INTO sync_jobs (id, user_id, calendar_id, kind, trigger, status, pages, created_count, rejections, queued_at, resend_at, started_at, finished_at) VALUES
  ('00000000-0000-4000-8000-000000000151', '00000000-0000-4000-8000-000000000001', '00000000-0000-4000-8000-000000000061', 'initial', 'connect', 'succeeded', 2, 5, '[{"event": "x", "reason": "unreadable"}]', '2026-03-02T07:58Z', '2026-03-02T08:00Z', '2026-03-02T07:58Z', '2026-03-02T08:00Z'),
  ('00000000-0000-4000-8000-000000000152', '00000000-0000-4000-8000-000000000001', '00000000-0000-4000-8000-000000000062', 'initial', 'connect', 'queued', 0, 0, '[]', '2026-03-02T08:00Z', '2026-03-02T08:02Z', NULL, NULL);

INSERT INTO feeds (id, user_id, token_hash) VALUES
  ('00000000-0000-4000-8000-000000000161', '00000000-0000-4000-8000-000000000001', sha256('feed'));

INSERT INTO caldotcom_exports (id, user_id, connection_id, enabled, left_out, schedule_id, content_hash, next_export_at) VALUES
  ('00000000-0000-4000-8000-000000000171', '00000000-0000-4000-8000-000000000001', '00000000-0000-4000-8000-000000000032', true, '{00000000-0000-4000-8000-000000000061}', '4711', 'hash', '2026-03-02T09:00Z');

INSERT INTO audit_log (id, user_id, action, subject, detail, request_id) VALUES
  ('00000000-0000-4000-8000-000000000181', '00000000-0000-4000-8000-000000000001', 'account.connected', 'google', '{"account": "mara@example.test"}', 'request');
