"""The exceptions that users are meant to read."""


class GovpulseError(Exception):
    """An expected failure. Its text is one line: what is wrong, and what to do about it."""


class ConfigurationError(GovpulseError):
    """What the user asked for or configured cannot be right; nothing was started."""


def first_line(error: BaseException) -> str:
    """What an exception says, in one line."""
    return (str(error).strip() or "no message").splitlines()[0]


def describe(error: BaseException) -> str:
    """What one of ours says, all of it, for a name in it may hold a line break; of others their type and first line."""
    return str(error) or "no message" if isinstance(error, GovpulseError) else f"{type(error).__name__}: {first_line(error)}"
