import re
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from calendar_manager.config import Settings, SettingsError, load_environment, load_settings

pytestmark = pytest.mark.unit

KEYS = [Fernet.generate_key().decode() for _ in range(2)]

COMPLETE = {
    "DATABASE_URL": "postgresql://me:pa55@db.example:5432/calendars",
    "REDIS_URL": "redis://:pa55@cache.example:6379/0",
    "JWT_SECRET": "x" * 32,
    "TOKEN_ENCRYPTION_KEYS": KEYS[0],
}


def problems(changes: dict[str, str]) -> dict[str, str]:
    with pytest.raises(SettingsError) as caught:
        load_settings(COMPLETE | changes)
    return caught.value.problems


def test_four_variables_are_enough() -> None:
    settings = load_settings(COMPLETE)

    assert settings.database_url == "postgresql+psycopg2://me:pa55@db.example:5432/calendars"
    assert settings.redis_url == COMPLETE["REDIS_URL"]
    assert settings.public_url is None
    assert settings.frontend_url == "http://127.0.0.1:8000"
    assert not settings.google_offered
    assert not settings.microsoft_offered
    assert not settings.caldotcom_oauth_offered
    assert (settings.horizon_days_back, settings.horizon_days_ahead) == (90, 400)
    assert settings.poll_minutes == 15


def test_providers_default_to_the_real_ones() -> None:
    settings = load_settings(COMPLETE)

    assert settings.google_auth_url == "https://accounts.google.com/o/oauth2/v2/auth"
    assert settings.google_token_url == "https://oauth2.googleapis.com/token"
    assert settings.google_revoke_url == "https://oauth2.googleapis.com/revoke"
    assert settings.google_api_url == "https://www.googleapis.com/calendar/v3/"
    assert settings.microsoft_authority == "https://login.microsoftonline.com"
    assert settings.microsoft_tenant_id == "common"
    assert settings.microsoft_graph_url == "https://graph.microsoft.com/v1.0/"
    assert settings.calcom_auth_url == "https://app.cal.com/auth/oauth2/authorize"
    assert settings.calcom_token_url == "https://api.cal.com/v2/auth/oauth2/token"
    assert settings.calcom_api_url == "https://api.cal.com/v2/"


def test_secrets_have_no_default() -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings({})

    assert list(caught.value.problems) == [
        "DATABASE_URL",
        "REDIS_URL",
        "JWT_SECRET",
        "TOKEN_ENCRYPTION_KEYS",
    ]


def test_every_problem_is_reported_at_once_with_how_to_mend_it() -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings(
            {
                "DATABASE_URL": "mysql://localhost/x",
                "TOKEN_ENCRYPTION_KEYS": f"{KEYS[0]},short",
                "PUBLIC_URL": "http://calendar.example",
                "GOOGLE_CLIENT_ID": "id",
                "POLL_MINUTES": "often",
                "LOG_FORMAT": "xml",
            }
        )

    lines = str(caught.value).splitlines()
    assert [line.split(":")[0] for line in lines] == [
        "DATABASE_URL",
        "REDIS_URL",
        "JWT_SECRET",
        "TOKEN_ENCRYPTION_KEYS",
        "PUBLIC_URL",
        "GOOGLE_CLIENT_SECRET",
        "POLL_MINUTES",
        "LOG_FORMAT",
    ]
    assert "postgresql://user:password@host:5432/name" in lines[0]
    assert "redis://" in lines[1]
    assert "secrets.token_urlsafe" in lines[2]
    assert "Key 2 is not a Fernet key" in lines[3]
    assert "Fernet.generate_key" in lines[3]
    assert "Use https" in lines[4]
    assert "GOOGLE_CLIENT_ID is set" in lines[5]
    assert "integer" in lines[6]
    assert "'console'" in lines[7]


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("JWT_SECRET", "hunter2"),
        ("TOKEN_ENCRYPTION_KEYS", "hunter2"),
        ("DATABASE_URL", "mysql://me:hunter2@host/name"),
        ("DATABASE_URL", "postgresql://me:hunter2/3@host/name"),
        ("REDIS_URL", "http://:hunter2@host"),
        ("GOOGLE_API_URL", "https://me:hunter2@host/"),
    ],
)
def test_a_problem_never_repeats_the_value(variable: str, value: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings(COMPLETE | {variable: value})

    assert "hunter2" not in str(caught.value)
    assert "hunter2" not in repr(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_printing_settings_shows_no_secret() -> None:
    secrets = {
        "GOOGLE_CLIENT_ID": "id",
        "GOOGLE_CLIENT_SECRET": "hunter2",
        "FLOWER_PASSWORD": "hunter2",
        "CALCOM_API_KEY": "hunter2",
    }
    shown = repr(load_settings(COMPLETE | secrets)) + str(load_settings(COMPLETE | secrets))

    for secret in ("hunter2", "pa55", KEYS[0], "x" * 32):
        assert secret not in shown


@pytest.mark.parametrize(
    "url",
    [
        "https://calendar.example",
        "https://calendar.example:8443/base",
        "http://localhost:8000",
        "http://127.0.0.1:1",
        "http://127.8.9.10",
        "http://[::1]:8000",
        "http://app.localhost",
    ],
)
def test_base_urls_are_https_or_on_this_machine(url: str) -> None:
    settings = load_settings(
        COMPLETE | {"PUBLIC_URL": url + "/", "GOOGLE_API_URL": url, "GOOGLE_TOKEN_URL": url}
    )

    assert settings.public_url == url
    assert settings.google_token_url == url
    assert settings.google_api_url == url + "/"


@pytest.mark.parametrize(
    "url",
    [
        "http://calendar.example",
        "http://10.0.0.1",
        "http://localhost.example",
        "http://127.0.0.1.example",
        "ftp://localhost",
        "localhost:8000",
        "https://",
        "https://me@calendar.example",
        "https://calendar.example/?a=b",
        "https://calendar.example/#here",
        "https://calendar.example:port",
        "https://[::1",
    ],
)
@pytest.mark.parametrize("variable", ["PUBLIC_URL", "FRONTEND_URL", "GOOGLE_API_URL"])
def test_other_base_urls_are_refused(variable: str, url: str) -> None:
    assert list(problems({variable: url})) == [variable]


@pytest.mark.parametrize(
    ("given_url", "used_url"),
    [
        ("postgres://me@host/name", "postgresql+psycopg2://me@host/name"),
        ("postgresql+psycopg2://me@/name?host=/run", "postgresql+psycopg2://me@/name?host=/run"),
    ],
)
def test_the_driver_is_always_named(given_url: str, used_url: str) -> None:
    assert load_settings(COMPLETE | {"DATABASE_URL": given_url}).database_url == used_url


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("DATABASE_URL", "postgresql://host"),
        ("DATABASE_URL", "postgresql+asyncpg://host/name"),
        ("DATABASE_URL", "sqlite:///file"),
        ("REDIS_URL", "redis:///0"),
        ("REDIS_URL", "redis://host/first"),
        ("REDIS_URL", "amqp://host"),
        ("JWT_SECRET", "x" * 31),
        ("TOKEN_ENCRYPTION_KEYS", " , "),
        ("POLL_MINUTES", "0"),
        ("HORIZON_DAYS_AHEAD", "-1"),
        ("LOG_LEVEL", "LOUD"),
        ("FLOWER_USER", "a:b"),
        ("FLOWER_USER", "a,b"),
        ("FLOWER_PASSWORD", "a,b"),
    ],
)
def test_unusable_values_are_refused(variable: str, value: str) -> None:
    assert list(problems({variable: value})) == [variable]


def test_secret_length_is_counted_in_bytes() -> None:
    settings = load_settings(COMPLETE | {"JWT_SECRET": "ü" * 16})

    assert settings.jwt_secret.get_secret_value() == "ü" * 16


def test_several_keys_keep_their_order() -> None:
    settings = load_settings(COMPLETE | {"TOKEN_ENCRYPTION_KEYS": f" {KEYS[1]} , {KEYS[0]},"})

    assert settings.token_encryption_keys == (SecretStr(KEYS[1]), SecretStr(KEYS[0]))


@pytest.mark.parametrize("provider", ["GOOGLE", "MICROSOFT", "CALCOM"])
def test_an_oauth_client_is_complete_or_absent(provider: str) -> None:
    secret = f"{provider}_CLIENT_SECRET"

    # Cal.com has public clients, which prove themselves by PKCE alone.
    if provider != "CALCOM":
        assert list(problems({f"{provider}_CLIENT_ID": "id"})) == [secret]
    assert list(problems({secret: "secret"})) == [secret]
    settings = load_settings(COMPLETE | {f"{provider}_CLIENT_ID": "id", secret: "secret"})
    assert [
        settings.google_offered,
        settings.microsoft_offered,
        settings.caldotcom_oauth_offered,
    ].count(True) == 1


def test_an_empty_value_counts_as_not_set() -> None:
    settings = load_settings(COMPLETE | {"PUBLIC_URL": "", "POLL_MINUTES": ""})

    assert settings.public_url is None
    assert settings.poll_minutes == 15


def test_given_values_leave_the_environment_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POLL_MINUTES", "99")

    assert load_settings(COMPLETE).poll_minutes == 15


def test_the_environment_wins_over_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    file = "".join(f"{name}={value}\n" for name, value in COMPLETE.items())
    (tmp_path / ".env").write_text(file + "POLL_MINUTES=20\nLOG_LEVEL=debug\nPUBLIC_URL=\n")
    for name in (*COMPLETE, "LOG_LEVEL", "PUBLIC_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("POLL_MINUTES", "30")

    settings = load_settings()

    assert settings.poll_minutes == 30
    assert settings.log_level == "DEBUG"
    assert settings.jwt_secret.get_secret_value() == COMPLETE["JWT_SECRET"]
    assert load_environment()["LOG_LEVEL"] == "debug"
    assert "PUBLIC_URL" not in load_environment()
    assert Settings().poll_minutes == settings.poll_minutes


@given(st.dictionaries(st.sampled_from([n.upper() for n in Settings.model_fields]), st.text()))
def test_no_text_makes_it_fail_otherwise(values: dict[str, str]) -> None:
    named: set[str] = set()
    try:
        load_settings(COMPLETE | values)
    except SettingsError as error:
        named = set(error.problems)

    assert named <= set(values) | {name.replace("_ID", "_SECRET") for name in values}


def test_the_example_file_documents_every_variable() -> None:
    text = (Path(__file__).parents[2] / ".env.example").read_text()

    documented = re.findall(r"^#? ?([A-Z_]+)=(.*)$", text, re.MULTILINE)

    assert [name.lower() for name, _ in documented] == list(Settings.model_fields)
    for name, shown in documented:
        field = Settings.model_fields[name.lower()]
        required = field.is_required()
        assert required or shown == ("" if field.default is None else str(field.default)), name
        assert field.description is not None
        assert f"# {field.description}" in text, name
    lines = text.splitlines()
    assert {line.partition("=")[0] for line in lines if line and not line.startswith("#")} == {
        "DATABASE_URL",
        "REDIS_URL",
        "JWT_SECRET",
        "TOKEN_ENCRYPTION_KEYS",
    }
