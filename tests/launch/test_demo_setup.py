import pytest
from sqlalchemy import Engine, text

from calendar_manager.launch.demo import (
    make_demo_environment,
    make_user,
    refuse_real_users,
)
from calendar_manager.launch.errors import LaunchError


@pytest.mark.unit
def test_a_demo_knows_nothing_of_the_real_installation() -> None:
    kept = make_demo_environment(
        {
            "GOOGLE_CLIENT_ID": "real",
            "MICROSOFT_CLIENT_SECRET": "real",
            "CALCOM_API_KEY": "real",
            "PUBLIC_URL": "https://real.example",
            "FRONTEND_URL": "https://real.example",
            "JWT_SECRET": "real",
            "TOKEN_ENCRYPTION_KEYS": "real",
            "DATABASE_URL": "postgresql://explicit",
            "LOG_LEVEL": "DEBUG",
            "PATH": "/bin",
            "EMPTY": "",
        }
    )

    assert kept == {
        "DATABASE_URL": "postgresql://explicit",
        "LOG_LEVEL": "DEBUG",
        "PATH": "/bin",
    }


@pytest.mark.unit
def test_demo_users_do_not_meet_in_a_shared_database() -> None:
    assert make_user(alone=True).email == "demo@example.com"
    assert make_user(alone=False).email != make_user(alone=False).email
    assert make_user(alone=True).password != make_user(alone=True).password


def add_user(engine: Engine, email: str) -> None:
    with engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO users (id, email, name, password_hash, time_zone)"
                " VALUES (gen_random_uuid(), :email, 'x', 'x', 'UTC')"
            ),
            {"email": email},
        )


@pytest.mark.store
def test_a_database_with_real_users_is_refused(clean_database: Engine, database_url: str) -> None:
    add_user(clean_database, make_user(alone=False).email)
    refuse_real_users(database_url)

    add_user(clean_database, "mara@client.example")

    with pytest.raises(LaunchError, match="with 1 users"):
        refuse_real_users(database_url)


@pytest.mark.store
def test_an_empty_database_is_fine(empty_database_url: str) -> None:
    refuse_real_users(empty_database_url)
