"""What people did in the campaign of the alerter, against what they said that they had done."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

MAKE = ("silence", "ack", "retire")


def assert_deeds_hold(con: Any, said: Sequence[dict[str, Any]], people: int) -> dict[str, int]:
    """Every promise; returns how often each thing was done."""
    _assert_none_is_lost(con, said, people)
    _assert_no_permit_makes_two(con, said)
    _assert_retirements_are_whole(con, said)
    marked = sum("mark" in each for each in said if each["did"] in MAKE)
    return dict(Counter(each["did"] for each in said)) | {"by links": marked}


def _assert_none_is_lost(con: Any, said: Sequence[dict[str, Any]], people: int) -> None:
    made = [(each["id"], each["by"], each["reason"], each["did"]) for each in said if each["did"] in MAKE]
    kept = set(con.sql("SELECT silence_id, author, reason, kind FROM alerts.silences").fetchall())
    assert set(made) <= kept
    assert len(made) == len(set(made))
    assert len(kept) - len(made) <= people, "one a kill was made and not said"
    ended = {key for (key,) in con.sql("SELECT silence_id FROM alerts.silences WHERE ended_at IS NOT NULL").fetchall()}
    assert {each["id"] for each in said if each["did"] == "undo"} <= ended


def _assert_no_permit_makes_two(con: Any, said: Sequence[dict[str, Any]]) -> None:
    """However often it was pressed; and what it makes is about the episode of its message."""
    made = dict(con.sql("SELECT permit, count(*) FROM alerts.silences WHERE permit IS NOT NULL GROUP BY 1").fetchall())
    assert set(made.values()) <= {1}
    assert made.keys() <= {each["mark"] for each in said if each["did"] == "press"}
    acked = """
        SELECT silences.fingerprint = notifications.fingerprint AND silences.episode = notifications.episode
        FROM alerts.silences LEFT JOIN alerts.notifications ON notification_id = split_part(permit, '.', 2)
        WHERE permit IS NOT NULL AND kind = 'ack'
    """
    assert all(is_same for (is_same,) in con.sql(acked).fetchall())


def _assert_retirements_are_whole(con: Any, said: Sequence[dict[str, Any]]) -> None:
    """The retirement and the ends of all its alerts are there, or none of them."""
    told = """
        SELECT silence_id, count(event)::INTEGER FROM alerts.transitions
        FULL JOIN (FROM alerts.silences WHERE kind = 'retire') AS retired
        ON suffix(transitions.reason, ' was retired by ' || author || ': ' || retired.reason)
        WHERE silence_id IS NOT NULL OR transitions.reason LIKE '% was retired by %' GROUP BY 1
    """
    ends = dict(con.sql(told).fetchall())
    assert None not in ends, "an end without its retirement"
    assert all(ends[each["id"]] == each["ends"] for each in said if each["did"] == "retire")
