"""Create the first tables.

The extension lets one GiST index hold a user and a span; any owner of a database may create it.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "61a2b1d675b8"
down_revision: str | None = None
branch_labels: Sequence[str] | None = None
depends_on: Sequence[str] | None = None


def upgrade() -> None:
    op.execute("CREATE EXTENSION IF NOT EXISTS btree_gist")
    op.create_table(
        "audit_log",
        sa.Column("user_id", sa.Uuid(), nullable=True),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=True),
        sa.Column(
            "detail", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False
        ),
        sa.Column("request_id", sa.Text(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_log")),
    )
    op.create_index(
        "ix_audit_log_user_id_created_at", "audit_log", ["user_id", "created_at"], unique=False
    )
    op.create_table(
        "users",
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=False),
        sa.Column("time_zone", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), server_default="user", nullable=False),
        sa.Column("tentative_blocks", sa.Boolean(), server_default="true", nullable=False),
        sa.Column(
            "conflict_types",
            postgresql.ARRAY(sa.TEXT()),
            server_default="{overlap,back_to_back,travel}",
            nullable=False,
        ),
        sa.Column("minimum_overlap_minutes", sa.Integer(), server_default="0", nullable=False),
        sa.Column("conflict_buffer_minutes", sa.Integer(), server_default="0", nullable=False),
        sa.Column("travel_minutes", sa.Integer(), server_default="0", nullable=False),
        sa.Column("all_day_conflicts", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint("role IN ('user', 'admin')", name=op.f("ck_users_role")),
        sa.CheckConstraint(
            "minimum_overlap_minutes >= 0 AND conflict_buffer_minutes >= 0 AND travel_minutes >= 0",
            name=op.f("ck_users_minutes"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_users")),
    )
    op.create_index("uq_users_email", "users", [sa.literal_column("lower(email)")], unique=True)
    op.create_table(
        "availability_rules",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("document", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["users.id"],
            name=op.f("fk_availability_rules_user_id_users"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_availability_rules")),
        sa.UniqueConstraint("user_id", name=op.f("uq_availability_rules_user_id")),
    )
    op.create_table(
        "clients",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("color", sa.Text(), nullable=True),
        sa.Column("rate", sa.Numeric(precision=12, scale=2), nullable=True),
        sa.Column("currency", sa.Text(), nullable=True),
        sa.Column("time_zone", sa.Text(), nullable=True),
        sa.Column("notes", sa.Text(), nullable=True),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_clients_user_id_users"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_clients")),
    )
    op.create_index("ix_clients_user_id", "clients", ["user_id"], unique=False)
    op.create_table(
        "conflict_checks",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("span", postgresql.TSTZRANGE(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["users.id"],
            name=op.f("fk_conflict_checks_user_id_users"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_conflict_checks")),
    )
    op.create_index("ix_conflict_checks_user_id", "conflict_checks", ["user_id"], unique=False)
    op.create_table(
        "conflicts",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("severity", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), server_default="open", nullable=False),
        sa.Column("closed_by", sa.Text(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("start_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("end_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("first_occurrence_ids", postgresql.ARRAY(sa.Uuid()), nullable=False),
        sa.Column("second_occurrence_ids", postgresql.ARRAY(sa.Uuid()), nullable=False),
        sa.Column("first_start_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("first_end_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("second_start_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("second_end_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("hull", postgresql.TSTZRANGE(), nullable=False),
        sa.Column("first", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("second", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "(status = 'open') = (closed_by IS NULL)", name=op.f("ck_conflicts_closed")
        ),
        sa.CheckConstraint("closed_by IN ('person', 'auto')", name=op.f("ck_conflicts_closed_by")),
        sa.CheckConstraint(
            "severity IN ('high', 'medium', 'low')", name=op.f("ck_conflicts_severity")
        ),
        sa.CheckConstraint(
            "status IN ('open', 'resolved', 'ignored')", name=op.f("ck_conflicts_status")
        ),
        sa.CheckConstraint(
            "type IN ('overlap', 'back_to_back', 'travel')", name=op.f("ck_conflicts_type")
        ),
        sa.CheckConstraint(
            "NOT first_occurrence_ids && second_occurrence_ids",
            name=op.f("ck_conflicts_two_meetings"),
        ),
        sa.CheckConstraint("end_at >= start_at", name=op.f("ck_conflicts_span")),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_conflicts_user_id_users"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_conflicts")),
    )
    op.create_index(
        "ix_conflicts_user_id_hull",
        "conflicts",
        ["user_id", "hull"],
        unique=False,
        postgresql_using="gist",
    )
    op.create_index(
        "ix_conflicts_user_id_status_start_at",
        "conflicts",
        ["user_id", "status", "start_at"],
        unique=False,
    )
    op.create_table(
        "connections",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("provider_account_id", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), server_default="active", nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("access_token", sa.Text(), nullable=True),
        sa.Column("refresh_token", sa.Text(), nullable=True),
        sa.Column("token_expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("scopes", postgresql.ARRAY(sa.TEXT()), server_default="{}", nullable=False),
        sa.Column("refresh_failures", sa.Integer(), server_default="0", nullable=False),
        sa.Column("next_refresh_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "next_discovery_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "provider IN ('google', 'microsoft', 'caldotcom')", name=op.f("ck_connections_provider")
        ),
        sa.CheckConstraint(
            "status IN ('active', 'needs_reauth', 'disconnected')",
            name=op.f("ck_connections_status"),
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_connections_user_id_users"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_connections")),
        sa.UniqueConstraint(
            "user_id",
            "provider",
            "provider_account_id",
            name=op.f("uq_connections_user_id_provider_provider_account_id"),
        ),
    )
    op.create_index(
        "ix_connections_next_discovery_at",
        "connections",
        ["next_discovery_at"],
        unique=False,
        postgresql_where=sa.text("status = 'active'"),
    )
    op.create_index(
        "ix_connections_next_refresh_at",
        "connections",
        ["next_refresh_at"],
        unique=False,
        postgresql_where=sa.text("status = 'active'"),
    )
    op.create_table(
        "login_sessions",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("refresh_token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["users.id"],
            name=op.f("fk_login_sessions_user_id_users"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_login_sessions")),
    )
    op.create_index("ix_login_sessions_user_id", "login_sessions", ["user_id"], unique=False)
    op.create_table(
        "oauth_states",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("state_hash", sa.LargeBinary(), nullable=False),
        sa.Column("cookie_hash", sa.LargeBinary(), nullable=False),
        sa.Column("memory", sa.Text(), nullable=False),
        sa.Column("wants_json", sa.Boolean(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["users.id"],
            name=op.f("fk_oauth_states_user_id_users"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_oauth_states")),
        sa.UniqueConstraint("state_hash", name=op.f("uq_oauth_states_state_hash")),
    )
    op.create_table(
        "calendars",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("connection_id", sa.Uuid(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("provider_calendar_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("time_zone", sa.Text(), nullable=True),
        sa.Column("color", sa.Text(), nullable=True),
        sa.Column("primary", sa.Boolean(), nullable=False),
        sa.Column("access_role", sa.Text(), nullable=False),
        sa.Column("sync_enabled", sa.Boolean(), server_default="true", nullable=False),
        sa.Column("blocks_availability", sa.Boolean(), server_default="true", nullable=False),
        sa.Column("all_day_blocks", sa.Boolean(), server_default="true", nullable=False),
        sa.Column("unreadable_policy", sa.Text(), server_default="warn", nullable=False),
        sa.Column("client_id", sa.Uuid(), nullable=True),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("gone_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cursor", sa.Text(), nullable=True),
        sa.Column("cursor_version", sa.Integer(), nullable=True),
        sa.Column("materialized_from", sa.DateTime(timezone=True), nullable=True),
        sa.Column("materialized_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lease_token", sa.Uuid(), nullable=True),
        sa.Column("leased_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "next_sync_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("last_synced_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_synced_via", sa.Text(), nullable=True),
        sa.Column("held_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("failures", sa.Integer(), server_default="0", nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "access_role IN ('owner', 'writer', 'reader', 'freeBusyReader')",
            name=op.f("ck_calendars_access_role"),
        ),
        sa.CheckConstraint(
            "unreadable_policy IN ('block', 'warn', 'ignore')", name=op.f("ck_calendars_policy")
        ),
        sa.CheckConstraint(
            "materialized_from <= materialized_until", name=op.f("ck_calendars_materialized")
        ),
        sa.ForeignKeyConstraint(
            ["client_id"],
            ["clients.id"],
            name=op.f("fk_calendars_client_id_clients"),
            ondelete="SET NULL",
        ),
        sa.ForeignKeyConstraint(
            ["connection_id"],
            ["connections.id"],
            name=op.f("fk_calendars_connection_id_connections"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_calendars_user_id_users"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_calendars")),
        sa.UniqueConstraint(
            "connection_id",
            "provider_calendar_id",
            name=op.f("uq_calendars_connection_id_provider_calendar_id"),
        ),
    )
    op.create_index(
        "ix_calendars_next_sync_at",
        "calendars",
        ["next_sync_at"],
        unique=False,
        postgresql_where=sa.text("sync_enabled AND deleted_at IS NULL AND gone_at IS NULL"),
    )
    op.create_index("ix_calendars_user_id", "calendars", ["user_id"], unique=False)
    op.create_table(
        "client_rules",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("pattern", sa.Text(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "kind IN ('attendee_domain', 'address', 'title', 'calendar')",
            name=op.f("ck_client_rules_kind"),
        ),
        sa.ForeignKeyConstraint(
            ["client_id"],
            ["clients.id"],
            name=op.f("fk_client_rules_client_id_clients"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["users.id"],
            name=op.f("fk_client_rules_user_id_users"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_client_rules")),
    )
    op.create_index("ix_client_rules_client_id", "client_rules", ["client_id"], unique=False)
    op.create_index("ix_client_rules_user_id", "client_rules", ["user_id"], unique=False)
    op.create_table(
        "conflict_history",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("conflict_id", sa.Uuid(), nullable=False),
        sa.Column("happened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "action IN ('opened', 'changed', 'resolved', 'ignored', 'reopened', 'closed')",
            name=op.f("ck_conflict_history_action"),
        ),
        sa.ForeignKeyConstraint(
            ["conflict_id"],
            ["conflicts.id"],
            name=op.f("fk_conflict_history_conflict_id_conflicts"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["users.id"],
            name=op.f("fk_conflict_history_user_id_users"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_conflict_history")),
    )
    op.create_index(
        "ix_conflict_history_conflict_id", "conflict_history", ["conflict_id"], unique=False
    )
    op.create_table(
        "channels",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("calendar_id", sa.Uuid(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("provider_channel_id", sa.Text(), nullable=False),
        sa.Column("resource_id", sa.Text(), nullable=True),
        sa.Column("token", sa.Text(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("renew_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_message_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("stopped_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["calendar_id"],
            ["calendars.id"],
            name=op.f("fk_channels_calendar_id_calendars"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_channels_user_id_users"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_channels")),
        sa.UniqueConstraint(
            "provider", "provider_channel_id", name=op.f("uq_channels_provider_provider_channel_id")
        ),
    )
    op.create_index("ix_channels_calendar_id", "channels", ["calendar_id"], unique=False)
    op.create_index(
        "ix_channels_renew_at",
        "channels",
        ["renew_at"],
        unique=False,
        postgresql_where=sa.text("stopped_at IS NULL"),
    )
    op.create_table(
        "events",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("calendar_id", sa.Uuid(), nullable=False),
        sa.Column("provider_event_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("start_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("end_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("start_on", sa.Date(), nullable=True),
        sa.Column("end_on", sa.Date(), nullable=True),
        sa.Column("time_zone", sa.Text(), nullable=True),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("ical_uid", sa.Text(), nullable=True),
        sa.Column("series_id", sa.Text(), nullable=True),
        sa.Column("original_start_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("original_start_on", sa.Date(), nullable=True),
        sa.Column("recurrence", postgresql.ARRAY(sa.TEXT()), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("transparency", sa.Text(), nullable=False),
        sa.Column("event_type", sa.Text(), nullable=False),
        sa.Column("visibility", sa.Text(), nullable=False),
        sa.Column("my_response", sa.Text(), nullable=True),
        sa.Column("location", sa.Text(), nullable=True),
        sa.Column("meeting_url", sa.Text(), nullable=True),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column(
            "organizer", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True
        ),
        sa.Column("attendees", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("etag", sa.Text(), nullable=True),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("provider_updated_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("mirror", sa.Boolean(), nullable=False),
        sa.Column("busy", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("problem", sa.Text(), nullable=True),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "(kind = 'override') = (series_id IS NOT NULL)"
            " AND (kind = 'override') = (num_nonnulls(original_start_at, original_start_on) = 1)",
            name=op.f("ck_events_override"),
        ),
        sa.CheckConstraint("busy IN ('free', 'tentative', 'busy')", name=op.f("ck_events_busy")),
        sa.CheckConstraint("kind IN ('single', 'master', 'override')", name=op.f("ck_events_kind")),
        sa.CheckConstraint("end_at >= start_at", name=op.f("ck_events_span")),
        sa.CheckConstraint("end_on >= start_on", name=op.f("ck_events_dates")),
        sa.CheckConstraint("start_at IS NULL OR start_on IS NULL", name=op.f("ck_events_one_time")),
        sa.ForeignKeyConstraint(
            ["calendar_id"],
            ["calendars.id"],
            name=op.f("fk_events_calendar_id_calendars"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_events_user_id_users"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_events")),
        sa.UniqueConstraint(
            "calendar_id", "provider_event_id", name=op.f("uq_events_calendar_id_provider_event_id")
        ),
    )
    op.create_index(
        "ix_events_calendar_id_masters",
        "events",
        ["calendar_id"],
        unique=False,
        postgresql_where=sa.text("kind = 'master' AND deleted_at IS NULL"),
    )
    op.create_index(
        "ix_events_calendar_id_series_id",
        "events",
        ["calendar_id", "series_id"],
        unique=False,
        postgresql_where=sa.text("series_id IS NOT NULL"),
    )
    op.create_index(
        "ix_events_deleted_at",
        "events",
        ["deleted_at"],
        unique=False,
        postgresql_where=sa.text("deleted_at IS NOT NULL"),
    )
    op.create_index(
        "ix_events_user_id_masters",
        "events",
        ["user_id"],
        unique=False,
        postgresql_where=sa.text("kind = 'master' AND deleted_at IS NULL"),
    )
    op.create_table(
        "read_marks",
        sa.Column("calendar_id", sa.Uuid(), nullable=False),
        sa.Column("provider_event_id", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["calendar_id"],
            ["calendars.id"],
            name=op.f("fk_read_marks_calendar_id_calendars"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("calendar_id", "provider_event_id", name=op.f("pk_read_marks")),
    )
    op.create_table(
        "sync_jobs",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("calendar_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("trigger", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), server_default="queued", nullable=False),
        sa.Column("pages", sa.Integer(), server_default="0", nullable=False),
        sa.Column("created_count", sa.Integer(), server_default="0", nullable=False),
        sa.Column("updated_count", sa.Integer(), server_default="0", nullable=False),
        sa.Column("deleted_count", sa.Integer(), server_default="0", nullable=False),
        sa.Column("unchanged_count", sa.Integer(), server_default="0", nullable=False),
        sa.Column("rejected_count", sa.Integer(), server_default="0", nullable=False),
        sa.Column(
            "rejections",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default="[]",
            nullable=False,
        ),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("error_reason", sa.Text(), nullable=True),
        sa.Column("queued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "kind IN ('initial', 'incremental', 'full')", name=op.f("ck_sync_jobs_kind")
        ),
        sa.CheckConstraint(
            "status IN ('queued', 'running', 'succeeded', 'failed', 'held')",
            name=op.f("ck_sync_jobs_status"),
        ),
        sa.CheckConstraint(
            "trigger IN ('connect', 'manual', 'beat', 'notification')",
            name=op.f("ck_sync_jobs_trigger"),
        ),
        sa.ForeignKeyConstraint(
            ["calendar_id"],
            ["calendars.id"],
            name=op.f("fk_sync_jobs_calendar_id_calendars"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_sync_jobs_user_id_users"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sync_jobs")),
    )
    op.create_index(
        "ix_sync_jobs_calendar_id_queued_at",
        "sync_jobs",
        ["calendar_id", "queued_at"],
        unique=False,
    )
    op.create_index(
        "ix_sync_jobs_sent_at",
        "sync_jobs",
        ["sent_at"],
        unique=False,
        postgresql_where=sa.text("status = 'queued'"),
    )
    op.create_index(
        "ix_sync_jobs_user_id_queued_at", "sync_jobs", ["user_id", "queued_at"], unique=False
    )
    op.create_index(
        "uq_sync_jobs_calendar_id_queued",
        "sync_jobs",
        ["calendar_id"],
        unique=True,
        postgresql_where=sa.text("status = 'queued'"),
    )
    op.create_index(
        "uq_sync_jobs_calendar_id_running",
        "sync_jobs",
        ["calendar_id"],
        unique=True,
        postgresql_where=sa.text("status = 'running'"),
    )
    op.create_table(
        "event_assignments",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("original_start", sa.DateTime(timezone=True), nullable=True),
        sa.Column("client_id", sa.Uuid(), nullable=True),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint("origin IN ('hand', 'rule')", name=op.f("ck_event_assignments_origin")),
        sa.ForeignKeyConstraint(
            ["client_id"],
            ["clients.id"],
            name=op.f("fk_event_assignments_client_id_clients"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["event_id"],
            ["events.id"],
            name=op.f("fk_event_assignments_event_id_events"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["users.id"],
            name=op.f("fk_event_assignments_user_id_users"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_event_assignments")),
    )
    op.create_index(
        "ix_event_assignments_client_id", "event_assignments", ["client_id"], unique=False
    )
    op.create_index("ix_event_assignments_user_id", "event_assignments", ["user_id"], unique=False)
    op.create_index(
        "uq_event_assignments_event_id_original_start",
        "event_assignments",
        ["event_id", "original_start"],
        unique=True,
        postgresql_nulls_not_distinct=True,
    )
    op.create_table(
        "occurrences",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("calendar_id", sa.Uuid(), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("original_start", sa.DateTime(timezone=True), nullable=False),
        sa.Column("start_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("end_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "span",
            postgresql.TSTZRANGE(),
            sa.Computed("tstzrange(start_at, end_at, '[)')", persisted=True),
            nullable=False,
        ),
        sa.Column("start_on", sa.Date(), nullable=True),
        sa.Column("end_on", sa.Date(), nullable=True),
        sa.Column("busy", sa.Text(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "busy IN ('free', 'tentative', 'busy')", name=op.f("ck_occurrences_busy")
        ),
        sa.CheckConstraint("end_at >= start_at", name=op.f("ck_occurrences_span")),
        sa.ForeignKeyConstraint(
            ["calendar_id"],
            ["calendars.id"],
            name=op.f("fk_occurrences_calendar_id_calendars"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["event_id"],
            ["events.id"],
            name=op.f("fk_occurrences_event_id_events"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_occurrences_user_id_users"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_occurrences")),
        sa.UniqueConstraint(
            "event_id", "original_start", name=op.f("uq_occurrences_event_id_original_start")
        ),
    )
    op.create_index("ix_occurrences_calendar_id", "occurrences", ["calendar_id"], unique=False)
    op.create_index(
        "ix_occurrences_user_id_span",
        "occurrences",
        ["user_id", "span"],
        unique=False,
        postgresql_using="gist",
    )
    op.create_index(
        "ix_occurrences_user_id_start_at_empty",
        "occurrences",
        ["user_id", "start_at"],
        unique=False,
        postgresql_where=sa.text("start_at = end_at"),
    )


def downgrade() -> None:
    op.drop_index(
        "ix_occurrences_user_id_start_at_empty",
        table_name="occurrences",
        postgresql_where=sa.text("start_at = end_at"),
    )
    op.drop_index("ix_occurrences_user_id_span", table_name="occurrences", postgresql_using="gist")
    op.drop_index("ix_occurrences_calendar_id", table_name="occurrences")
    op.drop_table("occurrences")
    op.drop_index(
        "uq_event_assignments_event_id_original_start",
        table_name="event_assignments",
        postgresql_nulls_not_distinct=True,
    )
    op.drop_index("ix_event_assignments_user_id", table_name="event_assignments")
    op.drop_index("ix_event_assignments_client_id", table_name="event_assignments")
    op.drop_table("event_assignments")
    op.drop_index(
        "uq_sync_jobs_calendar_id_running",
        table_name="sync_jobs",
        postgresql_where=sa.text("status = 'running'"),
    )
    op.drop_index(
        "uq_sync_jobs_calendar_id_queued",
        table_name="sync_jobs",
        postgresql_where=sa.text("status = 'queued'"),
    )
    op.drop_index("ix_sync_jobs_user_id_queued_at", table_name="sync_jobs")
    op.drop_index(
        "ix_sync_jobs_sent_at",
        table_name="sync_jobs",
        postgresql_where=sa.text("status = 'queued'"),
    )
    op.drop_index("ix_sync_jobs_calendar_id_queued_at", table_name="sync_jobs")
    op.drop_table("sync_jobs")
    op.drop_table("read_marks")
    op.drop_index(
        "ix_events_user_id_masters",
        table_name="events",
        postgresql_where=sa.text("kind = 'master' AND deleted_at IS NULL"),
    )
    op.drop_index(
        "ix_events_deleted_at",
        table_name="events",
        postgresql_where=sa.text("deleted_at IS NOT NULL"),
    )
    op.drop_index(
        "ix_events_calendar_id_series_id",
        table_name="events",
        postgresql_where=sa.text("series_id IS NOT NULL"),
    )
    op.drop_index(
        "ix_events_calendar_id_masters",
        table_name="events",
        postgresql_where=sa.text("kind = 'master' AND deleted_at IS NULL"),
    )
    op.drop_table("events")
    op.drop_index(
        "ix_channels_renew_at",
        table_name="channels",
        postgresql_where=sa.text("stopped_at IS NULL"),
    )
    op.drop_index("ix_channels_calendar_id", table_name="channels")
    op.drop_table("channels")
    op.drop_index("ix_conflict_history_conflict_id", table_name="conflict_history")
    op.drop_table("conflict_history")
    op.drop_index("ix_client_rules_user_id", table_name="client_rules")
    op.drop_index("ix_client_rules_client_id", table_name="client_rules")
    op.drop_table("client_rules")
    op.drop_index("ix_calendars_user_id", table_name="calendars")
    op.drop_index(
        "ix_calendars_next_sync_at",
        table_name="calendars",
        postgresql_where=sa.text("sync_enabled AND deleted_at IS NULL AND gone_at IS NULL"),
    )
    op.drop_table("calendars")
    op.drop_table("oauth_states")
    op.drop_index("ix_login_sessions_user_id", table_name="login_sessions")
    op.drop_table("login_sessions")
    op.drop_index(
        "ix_connections_next_refresh_at",
        table_name="connections",
        postgresql_where=sa.text("status = 'active'"),
    )
    op.drop_index(
        "ix_connections_next_discovery_at",
        table_name="connections",
        postgresql_where=sa.text("status = 'active'"),
    )
    op.drop_table("connections")
    op.drop_index("ix_conflicts_user_id_status_start_at", table_name="conflicts")
    op.drop_index("ix_conflicts_user_id_hull", table_name="conflicts", postgresql_using="gist")
    op.drop_table("conflicts")
    op.drop_index("ix_conflict_checks_user_id", table_name="conflict_checks")
    op.drop_table("conflict_checks")
    op.drop_index("ix_clients_user_id", table_name="clients")
    op.drop_table("clients")
    op.drop_table("availability_rules")
    op.drop_index("uq_users_email", table_name="users")
    op.drop_table("users")
    op.drop_index("ix_audit_log_user_id_created_at", table_name="audit_log")
    op.drop_table("audit_log")
