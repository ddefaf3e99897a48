"""The chance of what has always, or never, been so as yet."""


def chance_of_next(times: int, n: int) -> float:
    """The chance that the next one is so as well, where `times` of `n` were: the mean of the rate, where all rates were as likely
    before (the rule of succession; Laplace, Essai philosophique sur les probabilités, 1814)."""
    return (times + 1) / (n + 2)
