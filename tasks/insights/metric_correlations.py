"""insights.metric_correlations: which metrics of a host move together minute by minute, or one after the other, and which with what
operations do. Reads raw.system_metrics and raw.activity."""

from collections.abc import Iterator

import numpy as np
import polars as pl
from scipy.stats import false_discovery_control

from tasks.insights.correlations.innovations import innovations
from tasks.insights.correlations.pairs import FALSE_DISCOVERIES, Series, Tested, across, correlations, within
from tasks.insights.correlations.resources import family, resource
from tasks.insights.insight import Insight
from tasks.insights.statistics.intervals import Values

MINUTES = 24 * 60
STRONGEST = 20
"""Rows a host at most, of other metrics and of operations each."""
POINTS = pl.List(pl.Struct({"minute": pl.Int16, "value": pl.Float64}))
SIDES = ("host", "metric", "attributes", "operation", "resource")
SCHEMA: dict[str, pl.DataType] = {
    **dict.fromkeys(("first", "second", "lag_minutes", "samples", "tested"), pl.Int64()),
    **dict.fromkeys(("correlation", "correlation_low", "correlation_high", "p_value", "q_value"), pl.Float64()),
}
Compared = tuple[Series, Series, Tested]


def derive_correlations(series: pl.DataFrame) -> pl.DataFrame:
    """The table's rows.

    Args:
        series: host or operation, metric, attributes, and minutes, a list of minute (0 to 1439) and value.
    """
    ordered = in_order(series)
    resources = [resource(*each) for each in ordered.select("metric", "attributes").iter_rows()]
    named = ordered.with_columns(resource=pl.Series(resources, dtype=pl.String))
    found = significant_pairs(named)
    sides = named.select(SIDES).with_row_index("place").with_columns(pl.col("place").cast(pl.Int64))
    others = sides.select(pl.all().name.prefix("other_"))
    joined = found.join(sides, left_on="first", right_on="place").join(others, left_on="second", right_on="other_place")
    return _strongest(joined).with_columns(
        as_of=pl.lit(series["as_of"].first(), series.schema["as_of"]),
        other=pl.coalesce("other_operation", "host"),
        coverage=pl.col("samples") / MINUTES,
    )


def in_order(series: pl.DataFrame) -> pl.DataFrame:
    """The series in an order that does not depend on how they came."""
    return series.sort("host", "operation", "metric", "attributes", nulls_last=True)


def _compared(ordered: pl.DataFrame) -> Iterator[Compared]:
    """What is tested, host by host; so that only one host's minutes are spread out at a time."""
    places = ordered.with_row_index("place")
    operations = _series(places.filter(pl.col("operation").is_not_null()))
    for rows in places.filter(pl.col("operation").is_null()).partition_by("host", maintain_order=True):
        host = _series(rows)
        yield host, host, within(host)
        yield host, operations, across(host, operations)


def _series(rows: pl.DataFrame) -> Series:
    families = [family(metric) for metric in rows["metric"]]
    return Series(rows["place"].cast(pl.Int64).to_numpy(), families, innovations(spread(rows["minutes"])))


def spread(minutes: pl.Series) -> Values:
    """The values at their minutes, of shape (series, MINUTES), NaN elsewhere."""
    points = pl.DataFrame({"minutes": minutes.cast(POINTS)}).with_row_index("row").explode("minutes").unnest("minutes").drop_nulls()
    levels = np.full((len(minutes), MINUTES), np.nan)
    levels[points["row"].to_numpy(), points["minute"].to_numpy()] = points["value"].to_numpy()
    return levels


def significant_pairs(ordered: pl.DataFrame) -> pl.DataFrame:
    """The pairs that are left when false discoveries are controlled over all of them (Benjamini & Hochberg, JRSS B 57, 1995).

    Args:
        ordered: the series, as in_order has them.

    Returns:
        first and second (places among the series), lag_minutes, correlation with its interval, samples, p_value, q_value, tested.
    """
    compared = list(_compared(ordered))
    p_values = np.concatenate([tested.p_value for *_, tested in compared]) if compared else np.array([])
    q_values = false_discovery_control(p_values, method="bh") if p_values.size else p_values
    frames, end = [pl.DataFrame(schema=SCHEMA)], 0
    for host, other, tested in compared:
        q, end = q_values[end : end + tested.p_value.size], end + tested.p_value.size
        kept = q <= FALSE_DISCOVERIES
        rows = correlations(host, other, tested.kept(kept), q[kept])
        frames.append(rows.with_columns(tested=pl.lit(tested.p_value.size, pl.Int64)).select(SCHEMA.keys()))
    return pl.concat(frames)


def _strongest(found: pl.DataFrame) -> pl.DataFrame:
    """Of the pairs of two resources, or of a resource and one side of an operation, the strongest; and of these those of a host."""
    is_operation = pl.col("other_operation").is_not_null()
    ranked = found.with_columns(
        other_kind=pl.when(is_operation).then(pl.lit("operation")).otherwise(pl.lit("metric")),
        side=pl.when(is_operation).then(pl.col("other_metric")).otherwise(pl.lit("")),
        ends=pl.concat_list("resource", pl.coalesce("other_operation", "other_resource")).list.sort(),
    ).sort(-pl.col("correlation").abs(), "first", "second")
    each = ranked.unique(["host", "other_kind", "ends", "side"], keep="first", maintain_order=True)
    kept = each.group_by("host", "other_kind", maintain_order=True).head(STRONGEST)
    return kept.sort("host", "other_kind", "first", "second")


METRIC_CORRELATIONS = Insight(__file__, reads=("system_metrics", "activity"), derive=derive_correlations)
