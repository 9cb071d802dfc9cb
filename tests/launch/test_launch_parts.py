import os
import signal
import socket
import stat
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from calendar_manager.config import load_settings
from calendar_manager.launch.errors import LaunchError, StopRequested
from calendar_manager.launch.generated_secrets import load_or_make_secrets
from calendar_manager.launch.ports import choose_port, make_url
from calendar_manager.launch.stack import make_stand_in_settings
from calendar_manager.launch.stopping import ignore_signals, stop_on_signals
from calendar_manager.store.migrations import locate_migrations, make_alembic_config

pytestmark = pytest.mark.unit


def test_secrets_are_made_once_and_are_good_settings(tmp_path: Path) -> None:
    made = load_or_make_secrets(tmp_path)

    assert load_or_make_secrets(tmp_path) == made
    assert stat.S_IMODE((tmp_path / "secrets.env").stat().st_mode) == 0o600
    servers = {"DATABASE_URL": "postgresql://h/n", "REDIS_URL": "redis://h"}
    settings = load_settings(made | servers)
    assert settings.flower_password is not None
    Fernet(settings.token_encryption_keys[0].get_secret_value())


def test_each_installation_has_its_own_secrets(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()

    first, second = load_or_make_secrets(tmp_path / "a"), load_or_make_secrets(tmp_path / "b")

    assert all(first[name] != second[name] for name in first)


def test_edited_secrets_are_kept_and_missing_ones_added(tmp_path: Path) -> None:
    made = load_or_make_secrets(tmp_path)
    new_key = Fernet.generate_key().decode()
    rotated = f"{new_key},{made['TOKEN_ENCRYPTION_KEYS']}"
    (tmp_path / "secrets.env").write_text(f"TOKEN_ENCRYPTION_KEYS={rotated}\nJWT_SECRET=\n")

    changed = load_or_make_secrets(tmp_path)

    assert changed["TOKEN_ENCRYPTION_KEYS"] == rotated
    assert changed["JWT_SECRET"] != made["JWT_SECRET"]
    assert load_or_make_secrets(tmp_path) == changed


def test_an_interrupted_write_is_no_obstacle(tmp_path: Path) -> None:
    (tmp_path / "secrets.making").write_text("half a li")

    made = load_or_make_secrets(tmp_path)

    assert load_or_make_secrets(tmp_path) == made


def test_zero_picks_a_free_port() -> None:
    port = choose_port("127.0.0.1", 0, "--port")

    with socket.create_server(("127.0.0.1", port)):
        pass


def test_a_taken_port_is_an_error_that_names_the_option() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(LaunchError, match=rf"port {port}.*--flower-port"):
            choose_port("127.0.0.1", port, "--flower-port")


def test_a_taken_port_is_replaced_where_nobody_insists() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

        assert choose_port("127.0.0.1", port, "--port", insist=False) != port


def test_one_port_is_never_given_twice() -> None:
    port = choose_port("127.0.0.1", 0, "--port")

    with pytest.raises(LaunchError, match="wanted twice"):
        choose_port("127.0.0.1", port, "--flower-port", besides=[port])
    other = choose_port("127.0.0.1", port, "--flower-port", insist=False, besides=[port])
    assert other != port


def test_an_address_of_another_machine_is_an_error() -> None:
    with pytest.raises(LaunchError, match=r"192\.0\.2\.1"):
        choose_port("192.0.2.1", 0, "--port")


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:80"),
        ("0.0.0.0", "http://127.0.0.1:80"),
        ("::", "http://127.0.0.1:80"),
        ("::1", "http://[::1]:80"),
        ("localhost", "http://localhost:80"),
    ],
)
def test_addresses_can_be_opened_in_a_browser(host: str, url: str) -> None:
    assert make_url(host, 80) == url


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signals_ask_for_the_end(number: signal.Signals) -> None:
    before = signal.getsignal(number)

    with pytest.raises(StopRequested, match=number.name), stop_on_signals():
        os.kill(os.getpid(), number)

    assert signal.getsignal(number) is before


def test_tidying_up_is_not_interrupted() -> None:
    with stop_on_signals(), ignore_signals():
        os.kill(os.getpid(), signal.SIGTERM)


def test_the_migrations_are_found() -> None:
    assert (locate_migrations() / "env.py").is_file()
    assert make_alembic_config().get_main_option("script_location") == str(locate_migrations())


@pytest.mark.parametrize(
    ("named", "kept"),
    [
        ("GOOGLE_CLIENT_ID", "GOOGLE_"),
        ("MICROSOFT_CLIENT_ID", "MICROSOFT_"),
        ("CALCOM_CLIENT_ID", "CALCOM_"),
        ("CALCOM_API_KEY", "CALCOM_"),
    ],
)
def test_the_sandbox_stands_in_for_providers_that_are_not_set(named: str, kept: str) -> None:
    url = "http://127.0.0.1:8010"
    every = make_stand_in_settings(url, {})

    settings = make_stand_in_settings(url, {named: "real"})

    assert settings == {name: one for name, one in every.items() if not name.startswith(kept)}
    assert len({name.partition("_")[0] for name in every}) == 3
    assert all(one.startswith(url) for name, one in every.items() if name.endswith("_URL"))
