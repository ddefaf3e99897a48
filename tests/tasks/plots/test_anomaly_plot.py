"""What a plot of anomalies shows, read off the figure's lines and shades."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import duckdb
import numpy as np
import pytest
from matplotlib.axes import Axes

from storage.catalogue import TABLES
from tasks.plots.anomaly_plot import caption, draw
from tasks.plots.reading import HostAnomalies, read_anomalies
from tasks.plots.style import place
from tests.insight_rows import insert
from tests.tasks.plots.conftest import AS_OF, GUILTY, ago, episode, samples, scores

HOST = "web-1"
GAP = range(1000, 1300)
"""Minutes in which nothing was sampled: 30 bins."""
ANOMALOUS = range(3900, 3960)


@pytest.fixture
def read(con: duckdb.DuckDBPyConnection) -> Callable[[], HostAnomalies]:
    def read_one() -> HostAnomalies:
        (found,) = read_anomalies(con, AS_OF)
        return found

    return read_one


@pytest.fixture
def panels(put: Any, read: Any) -> list[Axes]:
    put(
        system_metrics=samples(HOST, [minute for minute in range(0, 4320, 5) if minute not in GAP], ANOMALOUS),
        anomaly_scores=scores(HOST, ANOMALOUS),
        anomalies=[
            episode(HOST, ago(hours=50), ago(hours=49), severity="warning", peak=5.0),
            episode(HOST, ago(minutes=420), ago(minutes=361)),
        ],
    )
    return draw(read()).axes


def values(axes: Axes, line: int = 0) -> np.ndarray:
    return np.asarray(axes.lines[line].get_ydata(), dtype=float)


def test_the_guiltiest_metrics_come_first_and_the_score_last(panels: list[Axes]) -> None:
    names = [axes.get_title(loc="left") for axes in panels]
    assert names[:2] == ["system.cpu.utilization user", "system.disk.io sda read"]
    assert len(names) == 5
    assert names[4].startswith("anomaly score")


def test_a_gap_is_a_gap_in_line_and_band(panels: list[Axes]) -> None:
    for axes in panels[:4]:
        missing = np.flatnonzero(np.isnan(values(axes)))
        assert missing.tolist() == list(range(100, 130))
        gap = (place(ago(days=3) + timedelta(minutes=1006)), place(ago(days=3) + timedelta(minutes=1294)))
        corners = np.concatenate([path.vertices[:, 0] for path in axes.collections[0].get_paths()])
        assert not ((corners > gap[0]) & (corners < gap[1])).any()
        assert len(axes.collections[0].get_paths()) == 2
    assert np.isfinite(values(panels[4])).all(), "the score was known all the time"


def test_every_panel_is_shaded_where_the_episodes_are(panels: list[Axes]) -> None:
    episodes = [(ago(hours=50), ago(hours=49)), (ago(minutes=420), ago(minutes=361))]
    for axes in panels:
        shown = [(each.get_x(), each.get_x() + each.get_width()) for each in axes.patches]
        assert shown == pytest.approx([(place(start), place(end)) for start, end in episodes])
        warning, critical = axes.patches
        assert warning.get_facecolor() != critical.get_facecolor()
        assert (warning.get_hatch() or "") != critical.get_hatch(), "also where colours are not seen"


def test_a_bin_is_the_mean_between_least_and_greatest(put: Any, read: Any) -> None:
    drawn = samples(HOST, [20, 22, 29, 30])
    put(system_metrics=drawn, anomalies=[episode(HOST, ago(hours=2), ago(hours=1))])
    axes = draw(read()).axes[0]
    three = drawn.filter(metric="system.cpu.utilization")["value"].to_list()[:3]
    assert values(axes)[2] == pytest.approx(np.mean(three))
    heights = np.concatenate([path.vertices[:, 1] for path in axes.collections[0].get_paths()])
    assert np.isclose(heights, min(three)).any()
    assert np.isclose(heights, max(three)).any()


def test_a_bin_between_gaps_is_a_dot(put: Any, read: Any) -> None:
    put(system_metrics=samples(HOST, [25, 100, 105, 110]), anomalies=[episode(HOST, ago(hours=2), ago(hours=1))])
    dots = draw(read()).axes[0].lines[1]
    assert dots.get_marker() == "."
    assert dots.get_xdata() == pytest.approx([place(ago(days=3) + timedelta(minutes=25))])


def test_a_host_that_is_sampled_seldom_is_no_row_of_gaps(con: duckdb.DuckDBPyConnection, put: Any, read: Any) -> None:
    put(
        system_metrics=samples(HOST, [minute + minute % 4 for minute in range(0, 4316, 15)]),
        anomalies=[episode(HOST, ago(hours=2), ago(hours=1))],
    )
    insert(con, TABLES["ops.anomaly_models"], {"host": HOST, "step_minutes": 15})
    assert np.isfinite(values(draw(read()).axes[0])).all()


def test_the_score_is_the_highest_of_a_bin_beside_the_threshold_of_its_day(panels: list[Axes]) -> None:
    score, threshold = values(panels[4]), values(panels[4], line=2)
    highest = scores(HOST, ANOMALOUS)["score"].to_numpy().reshape(-1, 10).max(axis=1)
    assert score == pytest.approx(highest)
    assert threshold.tolist() == [3.6] * 144 + [4.0] * 288


def test_units_are_on_the_axis(panels: list[Axes]) -> None:
    formats = [axes.yaxis.get_major_formatter() for axes in panels]
    assert formats[0](0.25, 0) == "25 %"
    assert formats[1](5e7, 0) == "50 MB/s"
    assert panels[2].get_ylabel() == "operation/s"
    assert formats[3](6e9, 0) == "6 GB"
    assert panels[4].get_xlabel() == "UTC"


def test_the_time_axis_is_three_days_of_utc(panels: list[Axes]) -> None:
    assert panels[4].get_xlim() == pytest.approx((place(ago(days=3)), place(AS_OF)))
    label = panels[4].xaxis.get_major_formatter()
    assert label(place(datetime.fromisoformat("2026-11-24T12:00:00Z")), 0) == "12:00\n24 Nov"


def test_it_says_which_host_and_what_is_seen(put: Any, read: Any) -> None:
    put(
        system_metrics=samples(HOST),
        anomalies=[
            episode(HOST, ago(hours=30), ago(hours=29), severity="warning"),
            episode(HOST, ago(hours=1), ago(minutes=1), is_ongoing=True),
        ],
    )
    said = caption(read())
    assert said.heading == "web-1: 2 anomalies in 3 days"
    assert said.sentence == (
        "The latest (critical) began at 25 Nov 2026 11:30 UTC and is still going on; its score reached 9.4, the threshold is 4.0."
    )


def test_an_older_row_that_says_it_goes_on_has_ended(put: Any, read: Any) -> None:
    rows = episode(HOST, ago(hours=9), ago(hours=8), is_ongoing=True, as_of=ago(hours=8))
    put(system_metrics=samples(HOST), anomalies=[rows])
    assert "ended at 25 Nov 2026 04:30 UTC" in caption(read()).sentence


def test_names_that_are_no_words_are_drawn_as_they_are(put: Any, read: Any) -> None:
    host = "web$1$\n" + "x" * 80
    put(system_metrics=samples(host), anomalies=[episode(host, ago(hours=2), ago(hours=1))])
    heading = draw(read()).texts[0]
    assert heading.get_text().startswith("web$1$?xxx")
    assert len(heading.get_text()) < 80
    assert not heading.get_parse_math()


def test_a_metric_without_values_says_so(put: Any, read: Any) -> None:
    """Of the guilty ones another host's, or one that is past its retention."""
    put(
        system_metrics=samples(HOST).filter(metric=GUILTY[1][0]),
        anomalies=[episode(HOST, ago(hours=2), ago(hours=1))],
    )
    assert draw(read()).axes[0].get_title(loc="left") == "system.cpu.utilization user: no values"
