"""The files that are kept, and the page that shows them."""

import ast
import base64
import io
import json
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from PIL import Image

import tasks.plots
from flows.pages import plots
from storage.catalogue import TABLES
from storage.errors import GovpulseError
from storage.home import Home
from storage.publishing.audience import Audience
from storage.warehouse import warehouse
from tasks.plots import anomaly_plot
from tasks.plots.gallery import Gallery, draw_plots
from tasks.plots.index import INDEX, plot_of
from tests.insight_rows import insert
from tests.tasks.plots.conftest import AS_OF, LIMITS, Put, ago, episode, forecast, hourly, put_into, samples, scores

ANOMALOUS = range(3900, 3960)
MOST_BYTES = 30_000
BLAMED = '[{"metric": "system.memory.usage", "attributes": "state=used", "contribution": 0.6}]'
SPARED = ("gallery", "index", "reading", "labels", "__init__")
"""Modules that whoever imports the flows imports."""


def draw(home: Home) -> Gallery:
    return draw_plots.fn(str(home.root), limits=LIMITS, as_of=AS_OF)


@pytest.fixture
def put(home: Home) -> Put:
    """Into the warehouse of the home."""

    def put_rows(**tables: Any) -> None:
        with warehouse(home, LIMITS) as con:
            put_into(con, **tables)

    return put_rows


def names(home: Home) -> set[str]:
    return {path.name for path in home.plots.iterdir()}


def picture(png: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(png))
    image.load()
    assert image.format == "PNG"
    return image


@pytest.fixture(scope="module")
def filled_once(tmp_path_factory: pytest.TempPathFactory) -> Home:
    home = Home(tmp_path_factory.mktemp("filled"))
    with warehouse(home, LIMITS) as con:
        put_into(
            con,
            system_metrics=samples("web_1", anomalous=ANOMALOUS),
            anomaly_scores=scores("web_1", ANOMALOUS),
            anomalies=[episode("web_1", ago(minutes=420), ago(minutes=361), top_metrics=BLAMED)],
            forecasts=[forecast("db-1", 9)],
            system_metrics_hourly=hourly("db-1"),
        )
    return home


@pytest.fixture
def filled(filled_once: Home, home: Home) -> Home:
    """A host with an anomaly, and a filesystem that fills."""
    shutil.copytree(filled_once.root, home.root, dirs_exist_ok=True)
    return home


def test_plots_are_small_pictures_900_pixels_wide(filled: Home) -> None:
    drawn = draw(filled)
    assert str(drawn) == "2 drawn"
    for plot in drawn.plots:
        assert picture(plot.png).width == 900
        assert len(plot.png) <= MOST_BYTES


def test_an_alert_finds_the_plot_of_what_it_is_about(filled: Home) -> None:
    draw(filled)
    anomaly = plot_of(filled.plots, "anomaly", "web_1", {})
    assert anomaly is not None
    assert anomaly.name.startswith("anomaly-web-1")
    (attributes,) = {row["attributes"] for row in [forecast("db-1", 9)]}
    filling = plot_of(filled.plots, "disk_full", "db-1", {"filesystem": attributes})
    assert filling is not None
    assert filling.name.startswith("forecast-db-1")
    for rule, subject, labels in (
        ("anomaly", "db-1", {}),
        ("sustained_cpu", "web_1", {}),
        ("disk_full", "db-1", {"filesystem": "mountpoint=/other"}),
        ("disk_full", "db-2", {"filesystem": attributes}),
        ("disk_full", "db-1", {}),
    ):
        assert plot_of(filled.plots, rule, subject, labels) is None
    filling.unlink()
    assert plot_of(filled.plots, "disk_full", "db-1", {"filesystem": attributes}) is None
    assert plot_of(filled.root / "nowhere", "anomaly", "web_1", {}) is None


def test_the_same_data_give_the_same_bytes(filled: Home) -> None:
    first, second = draw(filled), draw(filled)
    assert first == second
    assert b"matplotlib" not in first.plots[0].png
    assert picture(first.plots[0].png).info.keys() <= {"gamma", "transparency"}


def test_noise_from_end_to_end_is_small_and_readable_too(home: Home, put: Any) -> None:
    noise = samples("h")
    noise = noise.with_columns(value=np.random.default_rng(1).random(noise.height))
    put(system_metrics=noise, anomaly_scores=scores("h"), anomalies=[episode("h", ago(hours=2), ago(hours=1))])
    (plot,) = draw(home).plots
    assert len(plot.png) <= MOST_BYTES
    assert picture(plot.png).width >= 720


def test_files_are_kept_with_what_is_seen_on_them(filled: Home) -> None:
    drawn = draw(filled)
    index = json.loads((filled.plots / INDEX).read_text())
    assert [entry["heading"] for entry in index] == ["web_1: 1 anomaly in 3 days", "/var of db-1: full about 4 Dec 2026"]
    assert [(filled.plots / entry["file"]).read_bytes() for entry in index] == [plot.png for plot in drawn.plots]
    assert names(filled) == {INDEX, *(entry["file"] for entry in index)}


def test_what_is_no_longer_drawn_is_removed(filled: Home) -> None:
    draw(filled)
    (filled.plots / "anomaly-of-old.png").write_bytes(b"")
    (filled.plots / "half.png.part").write_bytes(b"")
    later = draw_plots.fn(str(filled.root), limits=LIMITS, as_of=AS_OF + (AS_OF - ago(hours=20)))
    assert [plot.caption.heading[:4] for plot in later.plots] == ["/var"]
    assert names(filled) == {INDEX, later.plots[0].file}


def test_any_name_makes_a_file_of_its_own(home: Home, put: Any) -> None:
    hosts = ["../../etc/passwd", "a b", "a/b", "x" * 300, "wärts"]
    put(
        system_metrics=pl.concat(samples(host, [4000]) for host in hosts),
        anomalies=[episode(host, ago(hours=2), ago(hours=1), top_metrics="[]") for host in hosts],
        anomaly_scores=pl.concat(scores(host).head(1) for host in hosts),
    )
    assert len(draw(home).plots) == 5
    assert len(names(home)) == 6


def test_a_plot_that_fails_costs_no_other_and_is_told(filled: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: object) -> None:
        raise ValueError("no such colour")

    monkeypatch.setattr(anomaly_plot, "draw", fail)
    drawn = draw(filled)
    assert str(drawn) == "1 drawn; not drawn: anomaly web_1 (ValueError: no such colour)"
    assert names(filled) == {INDEX, drawn.plots[0].file}


def test_a_folder_that_cannot_be_written_is_one_line(filled: Home) -> None:
    filled.plots.parent.write_text("a file in its place")
    with pytest.raises(GovpulseError, match="cannot keep plots in"):
        draw(filled)


def test_the_page_holds_each_picture_and_takes_names_as_they_are(filled: Home) -> None:
    drawn = draw(filled)
    page = plots(str(filled.root))
    pictures = re.findall(r"!\[.*\]\(data:image/png;base64,([A-Za-z0-9+/=]+)\)", page)
    assert [base64.b64decode(each) for each in pictures] == [plot.png for plot in drawn.plots]
    assert r"## web\_1\: 1 anomaly in 3 days" in page
    assert r"its score reached 9\.4" in page


@pytest.mark.parametrize("is_drawn", [True, False], ids=["nothing found", "before the first run"])
def test_with_nothing_to_draw_the_page_says_so(home: Home, is_drawn: bool) -> None:
    if is_drawn:
        assert str(draw(home)) == "0 drawn"
    assert "Nothing to plot: no anomaly in the last 24 hours, no filesystem that will be full within 30 days." in plots(
        str(home.root)
    )


@pytest.mark.parametrize("module", SPARED)
def test_who_draws_nothing_does_not_start_matplotlib(module: str) -> None:
    tree = ast.parse((Path(tasks.plots.__path__[0]) / f"{module}.py").read_text())
    at_once = [f"{node.module}.{alias.name}" for node in tree.body if isinstance(node, ast.ImportFrom) for alias in node.names]
    ours = {f"tasks.plots.{name}" for name in SPARED}
    for name in at_once:
        assert not name.startswith(("matplotlib", "PIL"))
        assert not name.startswith("tasks.plots") or name.rpartition(".")[0] in ours


def test_a_plot_with_a_persons_name_on_it_is_not_drawn_where_people_are_not_published(filled: Home) -> None:
    with warehouse(filled, LIMITS) as con:
        insert(con, TABLES["raw.users"], {"user_id": "web"})
    seen = draw_plots.fn(str(filled.root), limits=LIMITS, as_of=AS_OF, audience=Audience(sees_people=False))
    assert [plot.file.split("-")[0] for plot in seen.plots] == ["forecast"]
    assert len(names(filled)) == 2
    assert len(draw(filled).plots) == 2
