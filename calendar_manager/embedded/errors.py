"""What can go wrong with an embedded server."""


class EmbeddedServerError(Exception):
    """A server could not be started or stopped; the message says why and what to do."""


class HomeInUseError(EmbeddedServerError):
    """Another live process works in the same data folder."""
