"""Logging: one line per event, readable on a terminal and JSON elsewhere, never with secrets.

Code says ``log = structlog.get_logger(__name__)`` and logs an event name with values. What a
request or task binds with ``structlog.contextvars.bind_contextvars`` (``request_id``, ``task_id``)
stands on each of its lines. Libraries that use the standard library's logging share the output.
"""

import logging
import re
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any, Final, Literal, TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

LogFormat = Literal["auto", "console", "json"]

HIDDEN: Final = "***"

SECRET_NAME: Final = re.compile(
    r"password|secret|token|authorization|cookie|api_?key|encryption_keys|credential", re.IGNORECASE
)
"""Values of these names are never written, whatever they are."""

NOT_SECRET_NAMES: Final = frozenset({"token_expires_at", "token_type"})

SECRETS_IN_TEXT: Final = (
    # The password inside an address: redis://:password@host, postgresql://user:password@host.
    re.compile(r"(?P<kept>://[^\s:/@\"'\\]*:)[^\s/@\"'\\]+(?=@)"),
    # Secrets in query strings and form bodies, as access logs and HTTP errors repeat them.
    re.compile(
        r"(?P<kept>[?&](?:code|state|code_verifier|token|access_token|refresh_token|id_token"
        r"|client_secret|password|api_key|validationToken)=)[^\s&\"'\\]+"
    ),
    re.compile(r"(?P<kept>\bBearer\s+)[\w.~+/=-]+", re.IGNORECASE),
    # A feed's address is its only protection.
    re.compile(r"(?P<kept>/feeds/)[^\s/\"'\\]+(?=\.ics)"),
)
"""Secrets that hide inside messages and tracebacks; what follows ``kept`` is hidden."""

FOREIGN_SERVERS: Final = ("uvicorn", "uvicorn.error", "uvicorn.access")


class _Handler(logging.StreamHandler[TextIO]):
    """Our handler, told apart from those that others installed."""


class _Formatter(structlog.stdlib.ProcessorFormatter):
    """Renders a line, then hides the secrets that are left in its text."""

    def format(self, record: logging.LogRecord) -> str:
        return hide_secrets(super().format(record))


def configure_logging(level: str, log_format: LogFormat = "auto") -> None:
    """Send all logging to standard error, in one shape; a second call replaces the first.

    Args:
        level: ``DEBUG``, ``INFO``, ``WARNING`` or ``ERROR``. DEBUG is for our own code only,
            because libraries write tokens and bodies at that level.
        log_format: ``auto`` is ``console`` on a terminal and ``json`` elsewhere.
    """
    on_terminal = sys.stderr.isatty()
    as_json = log_format == "json" or (log_format == "auto" and not on_terminal)
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        _hide_secret_names,
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    rendering: list[Processor] = [structlog.stdlib.ProcessorFormatter.remove_processors_meta]
    if as_json:
        rendering += [
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(default=str),
        ]
    else:
        # The plain traceback, because the decorated one prints the values of local variables.
        plain = structlog.dev.plain_traceback
        rendering.append(
            structlog.dev.ConsoleRenderer(colors=on_terminal, exception_formatter=plain)
        )
    handler = _Handler(sys.stderr)
    handler.setFormatter(_Formatter(foreign_pre_chain=shared, processors=rendering))
    _install(handler, level)


def hide_secrets(text: str) -> str:
    """Return a text with passwords in addresses, tokens and codes replaced by ``***``."""
    for pattern in SECRETS_IN_TEXT:
        text = pattern.sub(rf"\g<kept>{HIDDEN}", text)
    return text


def _install(handler: logging.Handler, level: str) -> None:
    root = logging.getLogger()
    for previous in [each for each in root.handlers if isinstance(each, _Handler)]:
        root.removeHandler(previous)
    root.addHandler(handler)
    root.setLevel(max(logging.getLevelNamesMapping()[level], logging.INFO))
    logging.getLogger("calendar_manager").setLevel(level)
    for name in FOREIGN_SERVERS:
        # Uvicorn brings handlers of its own, which would write each line a second time, and a
        # level of its own.
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.setLevel(logging.NOTSET)
        logger.propagate = True
    logging.captureWarnings(capture=True)


def _hide_secret_names(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    return _hide_in(event)


def _hide_in(values: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for name, value in values.items():
        if isinstance(value, Mapping):
            values[name] = _hide_in(dict(value))
        elif value is not None and _is_secret(name):
            values[name] = HIDDEN
    return values


def _is_secret(name: str) -> bool:
    return SECRET_NAME.search(name) is not None and name not in NOT_SECRET_NAMES
