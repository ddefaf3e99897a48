"""What a plot of a forecast shows, read off the figure."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import duckdb
import numpy as np
import pytest
from matplotlib.axes import Axes

from tasks.plots.forecast_plot import caption, draw
from tasks.plots.reading import Filling, read_forecasts
from tasks.plots.style import place
from tests.tasks.plots.conftest import AS_OF, ago, forecast, hourly

MEMORY = {"metric": "process.memory.usage", "attributes": "create_time=1764000000.5,name=java,pid=812", "unit": "By"}


@pytest.fixture
def read(con: duckdb.DuckDBPyConnection, put: Any) -> Callable[..., Filling]:
    def read_one(days: float = 9, hours: Any = range(504), **more: Any) -> Filling:
        put(forecasts=[forecast("db-1", days, **more)], system_metrics_hourly=hourly("db-1", hours))
        (found,) = read_forecasts(con)
        return found

    return read_one


def axes_of(filling: Filling) -> Axes:
    (axes,) = draw(filling).axes
    return axes


def test_the_line_goes_from_the_level_now_to_the_limit_when_it_is_reached(read: Any) -> None:
    _, ahead, *_ = axes_of(read()).lines
    assert ahead.get_xdata() == pytest.approx([place(AS_OF), place(AS_OF + timedelta(days=9))])
    assert ahead.get_ydata() == pytest.approx([0.9, 1.0])


def test_the_interval_ends_at_the_limit_and_reaches_it_at_its_own_ends(read: Any) -> None:
    band = axes_of(read()).collections[1].get_paths()[0].vertices
    assert band[:, 1].max() == pytest.approx(1.0)
    now = np.isclose(band[:, 0], place(AS_OF), rtol=0)
    assert (band[now, 1].min(), band[now, 1].max()) == pytest.approx((0.88, 0.92))
    at_limit = band[np.isclose(band[:, 1], 1.0), 0]
    assert at_limit.min() == pytest.approx(place(AS_OF + timedelta(days=6)), abs=0.05)
    assert at_limit.max() == pytest.approx(place(AS_OF + timedelta(days=13.5)), abs=0.05)


def test_limit_date_and_interval_are_marked(read: Any) -> None:
    axes = axes_of(read())
    interval, reached = axes.lines[-2:]
    assert interval.get_xdata() == pytest.approx([place(AS_OF + timedelta(days=days)) for days in (6, 13.5)])
    assert (reached.get_xdata()[0], reached.get_ydata()[0]) == pytest.approx((place(AS_OF + timedelta(days=9)), 1.0))
    assert [text.get_text() for text in axes.texts] == ["limit 100 %", "4 Dec 2026"]


def test_an_hour_without_a_value_is_a_gap(read: Any) -> None:
    axes = axes_of(read(hours=[hour for hour in range(504) if not 200 <= hour < 230]))
    assert np.flatnonzero(np.isnan(axes.lines[0].get_ydata())).tolist() == list(range(200, 230))
    assert len(axes.collections[0].get_paths()) == 2


def test_an_interval_over_years_does_not_press_the_rest_together(read: Any) -> None:
    filling = read(crosses_high_at=None)
    assert axes_of(filling).get_xlim()[1] < place(AS_OF + timedelta(days=9 * 2 + 2))
    assert "is 1 Dec 2026 to over ten years from now." in caption(filling).sentence


def test_it_says_what_is_full_and_when(read: Any) -> None:
    said = caption(read())
    assert said.heading == "/var of db-1: full about 4 Dec 2026"
    assert said.sentence == (
        "The 95 % interval is 1 Dec 2026 to 9 Dec 2026. It grows by 1.1 % a day (0.89 % to 1.3 %), estimated from 504 hours."
    )


def test_what_is_near_is_told_by_the_minute(read: Any) -> None:
    assert caption(read(days=0.5)).heading == "/var of db-1: full about 26 Nov 2026 00:30 UTC"


def test_memory_is_that_of_a_process_on_a_host(read: Any) -> None:
    figures = {"limit_value": 8e9, "level": 7e9, "point": 1.4e10, "point_low": 1.2e10, "point_high": 1.6e10}
    slopes = {"slope_per_day": 1e9, "slope_per_day_low": 8e8, "slope_per_day_high": 1.2e9}
    filling = read(days=1, horizon_days=7.0, window_hours=24, **MEMORY, **figures, **slopes)
    assert caption(filling).heading.startswith("Memory of java (pid 812) on db-1: ")
    assert "limit reached about 26 Nov 2026 12:30 UTC" in caption(filling).heading
    axes = axes_of(filling)
    assert axes.yaxis.get_major_formatter()(8e9, 0) == "8 GB"
    assert axes.get_xlim()[0] == pytest.approx(place(ago(hours=24, minutes=30)))
