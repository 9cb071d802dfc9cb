"""What a planned change can meet."""


class MissingTargetError(Exception):
    """What a change concerns was never made, or is not there any more."""
