# ruff: noqa: INP001 - the image starts this file by its path.
"""Becomes a command, with the secrets that the environment leaves empty read from a file.

``python entrypoint.py FILE COMMAND ARGUMENT…``. The file is the ``secrets.env`` of
``make_secrets.py``. Where there is none, as under Kubernetes, the environment has to hold
everything, and the settings say what is missing.

``WEB_CONCURRENCY`` is looked at here, because uvicorn reads it before it loads us.
"""

import os
import sys

from dotenv import dotenv_values


def main(file: str, *command: str) -> None:
    """Replace this process, so that signals reach the command itself."""
    for name, value in dotenv_values(file).items():
        if value and not os.environ.get(name):
            os.environ[name] = value
    check_processes()
    os.execvp(command[0], command)  # noqa: S606 - the command is the image's or the operator's.


def check_processes() -> None:
    """Refuse a number of processes that is none; an empty one counts as not set."""
    number = os.environ.get("WEB_CONCURRENCY")
    if number == "":
        del os.environ["WEB_CONCURRENCY"]
    elif number is not None and not number.isdecimal():
        sys.exit("WEB_CONCURRENCY: It has to be a whole number, of processes of the API.")


if __name__ == "__main__":
    main(*sys.argv[1:])
