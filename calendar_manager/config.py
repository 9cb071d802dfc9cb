"""Settings: one class, read from the environment and ``.env``, every problem reported at once.

Only the outer layers read settings. Inner code is given values, so that it can be used and tested
without an environment. The environment wins over ``.env``; an empty value counts as not set.
"""

import os
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from cryptography.fernet import Fernet
from dotenv import dotenv_values
from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_core.core_schema import ValidationInfo
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

from calendar_manager.setting_types import BaseUrl, DatabaseUrl, FolderUrl, RedisUrl

JWT_SECRET_MINIMUM_BYTES: Final = 32
"""HS256 needs a key at least as long as its 256-bit output (RFC 7518 section 3.2)."""

_MAKE_JWT_SECRET = "python -c 'import secrets; print(secrets.token_urlsafe(48))'"  # noqa: S105 - a command that makes one.
_MAKE_FERNET_KEY = (
    "python -c 'from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())'"
)

HOW_TO_SET: Final[Mapping[str, str]] = {
    "DATABASE_URL": "Set it to PostgreSQL's address: postgresql://user:password@host:5432/name",
    "REDIS_URL": "Set it to Redis' or Valkey's address: redis://:password@host:6379/0",
    "JWT_SECRET": f"Make one with: {_MAKE_JWT_SECRET}",
    "TOKEN_ENCRYPTION_KEYS": f"Make one with: {_MAKE_FERNET_KEY}",
}
"""Advice for the variables without a default, added to whatever is wrong with them."""


class SettingsError(Exception):
    """The settings cannot be used.

    Attributes:
        problems: Variable name → what is wrong and how to mend it, in the order of the class.
            Values never appear in it, since most of them are secrets.
    """

    def __init__(self, problems: Mapping[str, str]) -> None:
        self.problems = dict(problems)
        super().__init__("\n".join(f"{name}: {problem}" for name, problem in problems.items()))


class Settings(BaseSettings):
    """Everything that an installation decides.

    A field's name in capitals is its variable; its description is the line in ``.env.example``.
    """

    model_config = SettingsConfigDict(
        env_file=".env", env_file_encoding="utf-8", env_ignore_empty=True, extra="ignore"
    )

    database_url: DatabaseUrl = Field(
        repr=False, description="PostgreSQL 15 or newer. `up` and `demo` bring their own."
    )
    redis_url: RedisUrl = Field(
        repr=False, description="Redis 6.2 or newer, or Valkey. `up` and `demo` bring their own."
    )
    jwt_secret: SecretStr = Field(description="Signs access tokens; at least 32 bytes.")
    token_encryption_keys: Annotated[tuple[SecretStr, ...], NoDecode] = Field(
        description="Fernet keys, comma-separated: the first encrypts, all of them decrypt."
    )

    public_url: BaseUrl | None = Field(
        None,
        description="Where providers reach us. Empty: no push notifications, polling only.",
    )
    frontend_url: BaseUrl = Field(
        "http://127.0.0.1:8000", description="Where people open the pages in their browser."
    )

    google_client_id: str | None = Field(
        None, description="OAuth client from console.cloud.google.com. Empty: Google not offered."
    )
    google_client_secret: SecretStr | None = Field(
        None, validate_default=True, description="The secret of the same OAuth client."
    )
    google_auth_url: BaseUrl = Field(
        "https://accounts.google.com/o/oauth2/v2/auth", description="Google's consent page."
    )
    google_token_url: BaseUrl = Field(
        "https://oauth2.googleapis.com/token", description="Google's token endpoint."
    )
    google_revoke_url: BaseUrl = Field(
        "https://oauth2.googleapis.com/revoke", description="Google's revocation endpoint."
    )
    google_api_url: FolderUrl = Field(
        "https://www.googleapis.com/calendar/v3/", description="Google's Calendar API."
    )

    microsoft_client_id: str | None = Field(
        None, description="App registration from entra.microsoft.com. Empty: not offered."
    )
    microsoft_client_secret: SecretStr | None = Field(
        None, validate_default=True, description="A secret of the same app registration."
    )
    microsoft_tenant_id: str = Field(
        "common", description="One tenant's id; `common` takes work and personal accounts."
    )
    microsoft_authority: BaseUrl = Field(
        "https://login.microsoftonline.com", description="Microsoft's sign-in, without the tenant."
    )
    microsoft_graph_url: FolderUrl = Field(
        "https://graph.microsoft.com/v1.0/", description="Microsoft Graph."
    )

    calcom_api_key: SecretStr | None = Field(
        None, description="Cal.com API key of a one-person installation."
    )
    calcom_client_id: str | None = Field(
        None, description="Cal.com OAuth client. Empty: Cal.com by API key only."
    )
    calcom_client_secret: SecretStr | None = Field(
        None, validate_default=True, description="The secret of the same OAuth client."
    )
    calcom_auth_url: BaseUrl = Field(
        "https://app.cal.com/auth/oauth2/authorize", description="Cal.com's consent page."
    )
    calcom_token_url: BaseUrl = Field(
        "https://api.cal.com/v2/auth/oauth2/token", description="Cal.com's token endpoint."
    )
    calcom_api_url: FolderUrl = Field("https://api.cal.com/v2/", description="Cal.com's API v2.")
    calcom_bookings_version: str = Field(
        "2024-08-13", description="`cal-api-version` of Cal.com's bookings."
    )
    calcom_schedules_version: str = Field(
        "2024-06-11", description="`cal-api-version` of Cal.com's schedules."
    )
    calcom_event_types_version: str = Field(
        "2024-06-14", description="`cal-api-version` of Cal.com's event types."
    )
    calcom_me_version: str | None = Field(
        None, description="`cal-api-version` of Cal.com's profile. Empty: none is sent."
    )
    calcom_out_of_office_version: str | None = Field(
        None, description="`cal-api-version` of Cal.com's absences. Empty: none is sent."
    )

    flower_user: str = Field("admin", description="Login of Flower, the task monitor.")
    flower_password: SecretStr | None = Field(
        None, description="Password of Flower. `up` and `demo` make one."
    )

    demo_email: str | None = Field(
        None, description="Whom a button on the sign-in page signs in. `demo` sets it; nobody else."
    )
    demo_password: SecretStr | None = Field(None, description="Password of the demo's user.")

    access_token_minutes: int = Field(
        15, ge=1, le=24 * 60, description="Life of an access token, in minutes."
    )
    refresh_token_days: int = Field(
        30, ge=1, le=365, description="Life of a login without use, in days."
    )
    horizon_days_back: int = Field(
        90, ge=1, le=3650, description="How far back recurring events are laid out, in days."
    )
    horizon_days_ahead: int = Field(
        400, ge=31, le=3650, description="How far ahead recurring events are laid out, in days."
    )
    poll_minutes: int = Field(
        15, ge=1, le=24 * 60, description="How often a calendar is asked for news, in minutes."
    )
    poll_minutes_with_push: int = Field(
        30,
        ge=1,
        le=24 * 60,
        description="The same while its provider tells us of changes by itself.",
    )
    poll_minutes_without_push: int = Field(
        5,
        ge=1,
        le=24 * 60,
        description="The same while it does not, and something is on within two weeks.",
    )
    breaker_share_percent: int = Field(
        50,
        ge=1,
        le=100,
        description="A sync that would delete more of a calendar than this stops and asks.",
    )
    breaker_minimum_events: int = Field(
        10, ge=1, le=100_000, description="Fewer deletions than this never stop a sync."
    )
    sync_job_retention_days: int = Field(
        30, ge=1, le=3650, description="How long finished sync jobs are kept, in days."
    )
    conflict_retention_days: int = Field(
        90, ge=1, le=3650, description="How long closed conflicts are kept, in days."
    )
    deleted_retention_days: int = Field(
        30, ge=1, le=3650, description="How long deleted things can be restored, in days."
    )

    channel_retention_days: int = Field(
        7, ge=1, le=3650, description="How long ended push channels are kept, in days."
    )
    oauth_state_retention_hours: int = Field(
        24, ge=1, le=24 * 365, description="How long expired consent states are kept, in hours."
    )

    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO", description="DEBUG, INFO, WARNING or ERROR."
    )
    log_format: Literal["auto", "console", "json"] = Field(
        "auto", description="console, json, or auto: console on a terminal, json elsewhere."
    )
    web_concurrency: int | None = Field(
        None,
        ge=1,
        le=64,
        description="Processes of the API. Empty: `up` and `demo` take one a core, 4 at most.",
    )
    calendar_manager_home: Path | None = Field(
        None,
        description="Data folder of `up` and `demo`. Empty: ~/.local/share/calendar-manager.",
    )

    @property
    def stale_after(self) -> timedelta:
        """How old a calendar's copy may be before it counts as stale: three missed turns.

        Behind a push channel turns are rarer, and one of them may be half as late again.
        """
        behind_push = 1.5 * timedelta(minutes=self.poll_minutes_with_push)
        return max(3 * timedelta(minutes=self.poll_minutes), behind_push)

    @property
    def google_offered(self) -> bool:
        """Whether people can connect Google accounts."""
        return self.google_client_id is not None

    @property
    def microsoft_offered(self) -> bool:
        """Whether people can connect Microsoft 365 accounts."""
        return self.microsoft_client_id is not None

    @property
    def caldotcom_oauth_offered(self) -> bool:
        """Whether people can connect Cal.com by OAuth; by API key they always can."""
        return self.calcom_client_id is not None

    @field_validator("log_level", mode="before")
    @classmethod
    def _accept_small_letters(cls, value: Any) -> Any:  # noqa: ANN401 - pydantic hands over anything.
        return value.upper() if isinstance(value, str) else value

    @field_validator("jwt_secret")
    @classmethod
    def _check_jwt_secret(cls, value: SecretStr) -> SecretStr:
        length = len(value.get_secret_value().encode())
        if length < JWT_SECRET_MINIMUM_BYTES:
            raise ValueError(
                f"It has {length} bytes, at least {JWT_SECRET_MINIMUM_BYTES} are needed."
            )
        return value

    @field_validator("token_encryption_keys", mode="before")
    @classmethod
    def _split_keys(cls, value: Any) -> Any:  # noqa: ANN401 - pydantic hands over anything.
        if not isinstance(value, str):
            return value
        return tuple(key.strip() for key in value.split(",") if key.strip())

    @field_validator("token_encryption_keys")
    @classmethod
    def _check_keys(cls, value: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
        if not value:
            raise ValueError("There is no key in it.")
        for position, key in enumerate(value, start=1):
            try:
                Fernet(key.get_secret_value())
            except ValueError:
                raise ValueError(
                    f"Key {position} is not a Fernet key (32 bytes in URL-safe base64)."
                ) from None
        return value

    @field_validator("flower_user", "flower_password")
    @classmethod
    def _check_flower_login(cls, value: str | SecretStr | None) -> str | SecretStr | None:
        text = value.get_secret_value() if isinstance(value, SecretStr) else value
        # Flower reads all logins from one line: user:password,user:password.
        if text is not None and ("," in text or (":" in text and isinstance(value, str))):
            raise ValueError("Flower takes no comma here, and no colon in the user's name.")
        return value

    @field_validator("google_client_secret", "microsoft_client_secret", "calcom_client_secret")
    @classmethod
    def _check_pair(cls, value: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        # A half-configured client fails only when the first person tries to connect, so say it now.
        id_field = str(info.field_name).removesuffix("_secret") + "_id"
        client_id = info.data.get(id_field)
        public_client = info.field_name == "calcom_client_secret"  # Cal.com has PKCE-only ones.
        if client_id and value is None and not public_client:
            raise ValueError(f"It is missing, while {id_field.upper()} is set. Set both or none.")
        if value is not None and not client_id:
            raise ValueError(f"It is set, while {id_field.upper()} is missing. Set both or none.")
        return value


class _GivenSettings(Settings):
    """Settings read from the values handed over, and from nowhere else."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - the signature is pydantic's.
        init_settings: PydanticBaseSettingsSource,
        *_other_sources: PydanticBaseSettingsSource,
        **_named_sources: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (init_settings,)


def load_environment() -> dict[str, str]:
    """Return the variables that count: ``.env`` of the current folder, below the environment.

    Empty values are left out, so that ``PUBLIC_URL=`` means the same as no line at all.
    """
    merged = {**dotenv_values(".env", encoding="utf-8"), **os.environ}
    return {name: value for name, value in merged.items() if value}


def load_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """Read and check all settings.

    Args:
        environ: Variable name in capitals → value. None reads the environment and ``.env``.

    Returns:
        Settings of which every value was checked.

    Raises:
        SettingsError: Something is missing or wrong; lists every problem at once.
    """
    variables = load_environment() if environ is None else environ
    given = {
        name: variables[name.upper()]
        for name in Settings.model_fields
        if variables.get(name.upper())
    }
    try:
        return _GivenSettings(**given)  # type: ignore[arg-type]  # Checked by pydantic right here.
    except ValidationError as error:
        raise SettingsError(_describe(error)) from None


def _describe(error: ValidationError) -> dict[str, str]:
    """Turn pydantic's findings into one readable line per variable, never showing a value."""
    problems: dict[str, str] = {}
    for finding in error.errors(include_input=False, include_url=False):
        variable = str(finding["loc"][0]).upper()
        if finding["type"] == "missing":
            text = "It is missing."
        else:
            text = finding["msg"].removeprefix("Value error, ")
        if not text.endswith("."):
            text += "."
        advice = HOW_TO_SET.get(variable)
        problems[variable] = f"{text} {advice}" if advice else text
    return problems
