# ruff: noqa: INP001 - the image starts this file by its path.
"""Becomes a command, with the secrets that the environment leaves empty read from a file.

``python entrypoint.py FILE COMMAND ARGUMENT…``. The file is the ``secrets.env`` of
``make_secrets.py``. Where there is none, as under Kubernetes, the environment has to hold
everything, and the settings say what is missing.
"""

import os
import sys

from dotenv import dotenv_values


def main(file: str, *command: str) -> None:
    """Replace this process, so that signals reach the command itself."""
    for name, value in dotenv_values(file).items():
        if value and not os.environ.get(name):
            os.environ[name] = value
    os.execvp(command[0], command)  # noqa: S606 - the command is the image's or the operator's.


if __name__ == "__main__":
    main(*sys.argv[1:])
