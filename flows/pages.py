"""Pages of what insights found, for the Prefect UI, out of the published file and of the pictures that were drawn last."""

import base64
from pathlib import Path

from storage.home import Home
from storage.markdown import in_markdown
from tasks.overviews import deployment_overview, finding_overview, scan_overview
from tasks.plots.gallery import kept

SAMPLE = ", sample data"
NO_PLOTS = "Nothing to plot: no anomaly in the last 24 hours, no filesystem that will be full within 30 days."


def what_to_do(home: str) -> str:
    """Every finding that lasts, with what to do about it: sentences, which a table would cut off."""
    findings = finding_overview(home)
    lines = ["# What to do", "", "Nothing was found." if findings.is_empty() else ""]
    for finding in findings.iter_rows(named=True):
        since = f"{finding['kind']}, since {finding['started_at']:%Y-%m-%d %H:%M} UTC"
        lines += [
            f"**{finding['severity']}**: {in_markdown(finding['statement'])}  ",
            f"*{since}{SAMPLE * finding['is_sample']}*",
            "",
        ]
        lines += [f"> {in_markdown(finding['recommendation'])}", ""]
    return "\n".join(lines)


def plots(home: str) -> str:
    """The pictures that were drawn last, within the page: whoever reads it needs no file."""
    lines = ["# Plots", ""]
    drawn = kept(Home(Path(home)).plots)
    for plot in drawn:
        heading, picture = in_markdown(plot.caption.heading), base64.b64encode(plot.png).decode()
        lines += [
            f"## {heading}",
            "",
            in_markdown(plot.caption.sentence),
            "",
            f"![{heading}](data:image/png;base64,{picture})",
            "",
        ]
    return "\n".join(lines if drawn else [*lines, NO_PLOTS])


OVERVIEWS = {"deployment-metrics": deployment_overview, "active-scans": scan_overview}
PAGES = {"what-to-do": what_to_do, "plots": plots}
