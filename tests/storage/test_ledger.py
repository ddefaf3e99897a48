"""The ledger's answers: what was dealt with, how far a source was read, and which rows an insight does not show yet."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from storage.intake.ledger import Mark, is_recorded, open_keys, record, uncovered_since, watermarks

START = datetime(2026, 3, 1, tzinfo=UTC)
MINUTES_AN_HOUR = 60


def at(minute):
    return START + timedelta(minutes=minute)


def compute(con, insight, window_start, as_of, computed_at):
    con.execute("INSERT INTO ops.computations VALUES (?, ?, ?, 0, 0, ?)", [insight, as_of, window_start, computed_at])


def test_a_file_is_recorded_once_it_was_loaded_or_displaced_but_not_while_in_quarantine(con):
    record(con, "scans", "scans/a.parquet", START)
    record(con, "scans", "scans/b.parquet", START, status="displaced")
    record(con, "scans", "scans/c.parquet", START, status="quarantined", reason="torn")
    names = ("a", "b", "c", "d")
    assert [is_recorded(con, f"scans/{name}.parquet") for name in names] == [True, True, False, False]


def test_a_file_back_from_quarantine_keeps_one_line(con):
    record(con, "scans", "scans/c.parquet", START, status="quarantined", reason="torn")
    record(con, "scans", "scans/c.parquet", at(1), rows=3)
    assert con.sql("SELECT status, rows FROM ops.loads").fetchall() == [("loaded", 3)]


def test_watermarks_and_open_keys_are_those_of_the_source(con):
    con.execute(
        "INSERT INTO ops.watermarks VALUES ('scans', 'a', ?, ?, NULL), ('scans', 'b', ?, ?, ?)", [at(1), at(9), at(2), at(9), at(0)]
    )
    for key, status, source in (("s2", "running", "a"), ("s1", "queued", "a"), ("s3", "failed", "a"), ("s4", "running", "b")):
        con.execute(
            "INSERT INTO raw.scans (scan_id, data_source, scan_type, status, source, updated_at) VALUES (?, 'd', 't', ?, ?, ?)",
            [key, status, source, START],
        )
    assert watermarks(con, "a") == {"scans": Mark(at(1))}
    assert watermarks(con, "b") == {"scans": Mark(at(2), read_until=at(0))}
    assert open_keys(con, "scans", "a", ("queued", "running"), 9) == ["s1", "s2"]
    assert open_keys(con, "scans", "a", ("queued", "running"), 1) == ["s1"]


def test_uncovered_since_by_hand(con):
    def uncovered():
        return uncovered_since(con, "hourly", "system_metrics")

    assert uncovered() is None
    record(con, "system_metrics", "f1", at(100), span=(at(10), at(20)))
    record(con, "system_metrics", "f2", at(101), span=(at(70), at(80)))
    assert uncovered() == at(10)
    compute(con, "another", at(0), at(110), at(110))
    assert uncovered() == at(10), "another insight saw them"
    compute(con, "hourly", at(60), at(110), at(110))
    assert uncovered() == at(10), "it began after the first file's rows"
    compute(con, "hourly", at(0), at(110), at(111))
    assert uncovered() is None
    record(con, "system_metrics", "f3", at(112), span=(at(5), at(5)))
    assert uncovered() == at(5), "a late file"
    compute(con, "hourly", at(0), at(5), at(113))
    assert uncovered() == at(5), "as_of is not part of the window"
    compute(con, "hourly", at(0), at(110), at(114))
    assert uncovered() is None


def test_a_computation_for_an_earlier_instant_uncovers_what_it_cut_off(con):
    record(con, "system_metrics", "f1", at(100), span=(at(10), at(50)))
    compute(con, "hourly", at(0), at(90), at(101))
    compute(con, "hourly", at(0), at(30), at(102))
    assert uncovered_since(con, "hourly", "system_metrics") == at(10)


class Model:
    """An hourly table kept by the ledger's word alone: rows are minutes, each shown in the hour it lies in."""

    def __init__(self, con):
        self.con, self.rows, self.shown, self.clock = con, [], {}, 10_000

    def tick(self):
        self.clock += 1
        return at(self.clock)

    def load(self, minutes):
        self.rows += minutes
        record(self.con, "system_metrics", f"f{self.clock}", self.tick(), span=(at(min(minutes)), at(max(minutes))))

    def compute(self, as_of, asked):
        uncovered = uncovered_since(self.con, "hourly", "system_metrics")
        oldest = as_of if uncovered is None else int((uncovered - START).total_seconds() // 60)
        start = (min(oldest, as_of) if asked is None else min(asked, as_of)) // MINUTES_AN_HOUR * MINUTES_AN_HOUR
        self.shown = {hour: rows for hour, rows in self.shown.items() if not start <= hour * MINUTES_AN_HOUR < as_of}
        self.shown |= by_hour(row for row in self.rows if start <= row < as_of)
        compute(self.con, "hourly", at(start), at(as_of), self.tick())


def by_hour(minutes):
    hours: dict[int, list[int]] = {}
    for minute in sorted(minutes):
        hours.setdefault(minute // MINUTES_AN_HOUR, []).append(minute)
    return hours


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("load"), st.lists(st.integers(0, 400), min_size=1, max_size=3)),
        st.tuples(st.just("compute"), st.integers(1, 500), st.none() | st.integers(0, 500)),
    ),
    max_size=12,
)


@given(steps=STEPS)
def test_who_computes_from_the_uncovered_on_ends_with_the_whole_table(shared, steps):
    shared.execute("DELETE FROM ops.loads")
    shared.execute("DELETE FROM ops.computations")
    model = Model(shared)
    for name, *arguments in steps:
        getattr(model, name)(*arguments)
        uncovered = uncovered_since(shared, "hourly", "system_metrics")
        missing = [row for hour, rows in by_hour(model.rows).items() if model.shown.get(hour, []) != rows for row in rows]
        hidden = min(missing, default=None)
        assert hidden is None or (uncovered is not None and uncovered < at(hidden // 60 * 60 + 60)), "a hidden row counts as seen"
    model.compute(10_000, None)
    assert model.shown == by_hour(model.rows)
    assert uncovered_since(shared, "hourly", "system_metrics") is None, "nothing is computed twice for nothing"
