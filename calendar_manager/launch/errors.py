"""What can go wrong while everything is started, run or shown."""


class LaunchError(Exception):
    """The message says what failed and, where somebody can mend it, how."""


class StopRequested(BaseException):
    """Ctrl-C or a signal asked for the end.

    Not an `Exception`, so that no handler on the way takes it for a failure and goes on.
    """
