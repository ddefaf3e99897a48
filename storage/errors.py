"""The exceptions that users are meant to read."""


class GovpulseError(Exception):
    """An expected failure. Its text is one line: what is wrong, and what to do about it."""


class ConfigurationError(GovpulseError):
    """What the user asked for or configured cannot be right; nothing was started."""
