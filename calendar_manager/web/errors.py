"""The errors of pages."""


class SignInNeededError(Exception):
    """Nobody is signed in in this browser; the way in is the sign-in page."""


class FormForgedError(Exception):
    """A form does not come from one of our pages, or the page is too old."""
