"""The exceptions that users are meant to read."""


class GovpulseError(Exception):
    """An expected failure. Its text is one line: what is wrong, and what to do about it."""


class ConfigurationError(GovpulseError):
    """What the user asked for or configured cannot be right; nothing was started."""


def first_line(error: BaseException) -> str:
    """What an exception says, in one line."""
    return (str(error).strip() or "no message").splitlines()[0]


def describe(error: BaseException) -> str:
    """The same, with the type's name where the exception is not one of ours and its text was not written for users."""
    return first_line(error) if isinstance(error, GovpulseError) else f"{type(error).__name__}: {first_line(error)}"
