"""Somebody else's Prefect server without a person who is forgotten, as far as its API goes, and of our flows alone.

Pages of earlier runs go, and so do runs whose logs or states name the person, with their logs. Parameters and names are put right.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import httpx

from storage.errors import GovpulseError, first_line
from storage.people.mentions import held_in
from storage.people.person import Person, in_document
from tasks.wording import counted

FLOWS = (
    "collect_system_metrics",
    "extract_sources",
    "reconcile_sources",
    "compute_insights",
    "evaluate_alerts",
    "maintain_warehouse",
    "govpulse_pipeline",
)
OURS: Mapping[str, Any] = {"flows": {"name": {"any_": list(FLOWS)}}}
A_PAGE = 200
ENDED = ("COMPLETED", "FAILED", "CRASHED", "CANCELLED")
PUT_RIGHT = ("name", "parameters", "tags", "job_variables")
"""What the API changes of a run."""


class Asking(Protocol):
    """Of Prefect's client what is used here."""

    def request(self, method: Any, path: Any, *, json: Any = None) -> httpx.Response: ...


@dataclass(frozen=True)
class Reached:
    """What went from somebody else's server: pages, runs with their logs, and runs that were put right; and runs that go on."""

    pages: int
    runs: int
    changed: int
    running: int

    def __str__(self) -> str:
        gone = f"{counted(self.pages, 'page')} and {counted(self.runs, 'run')} with their logs deleted"
        return f"{gone}, {counted(self.changed, 'run')} changed"


def take_out(api_url: str, people: Sequence[Person]) -> Reached:
    """Take the people out of what our flows left on the server at `api_url`.

    Raises:
        GovpulseError: the server does not answer, or refuses.
    """
    from prefect.client.orchestration import get_client
    from prefect.exceptions import PrefectException
    from prefect.settings import PREFECT_API_URL, temporary_settings

    try:
        with temporary_settings({PREFECT_API_URL: api_url}), get_client(sync_client=True) as client:
            return _take_out(client, people)
    except (httpx.HTTPError, PrefectException, OSError, RuntimeError) as error:
        raise GovpulseError(f"cannot remove the person from the Prefect server at {api_url}: {first_line(error)}") from error


def _take_out(client: Asking, people: Sequence[Person]) -> Reached:
    pages = [page["id"] for page in _all(client, "/artifacts/filter") if _names(page, people)]
    for page in pages:
        client.request("DELETE", f"/artifacts/{page}")
    runs = list(_all(client, "/flow_runs/filter"))
    logged = {run["id"] for run in runs if _names(run["state"], people) or _names(_logs(client, run["id"]), people)}
    ended = {run["id"] for run in runs if run["state_type"] in ENDED}
    for run in sorted(logged & ended):
        client.request("DELETE", f"/flow_runs/{run}")
    named = [run for run in runs if run["id"] not in logged & ended and any(_names(run.get(part), people) for part in PUT_RIGHT)]
    for run in named:
        client.request("PATCH", f"/flow_runs/{run['id']}", json=_put_right(run, people))
    return Reached(len(pages), len(logged & ended), len(named), len(logged - ended))


def _all(client: Asking, path: str, asked: Mapping[str, Any] = OURS) -> Iterator[dict[str, Any]]:
    """Every row of a filter, read whole before anything changes."""
    offset = 0
    while rows := client.request("POST", path, json={**asked, "limit": A_PAGE, "offset": offset}).json():
        yield from rows
        offset += len(rows)


def _logs(client: Asking, run: str) -> list[str]:
    asked = {"logs": {"flow_run_id": {"any_": [run]}}}
    return [row["message"] for row in _all(client, "/logs/filter", asked)]


def _names(part: Any, people: Sequence[Person]) -> bool:
    return any(held_in(text, person) for text in _texts(part) for person in people)


def _texts(part: Any) -> Iterator[str]:
    if isinstance(part, str):
        yield part
    elif isinstance(part, Mapping):
        yield from (text for each in (part.keys(), part.values()) for inner in each for text in _texts(inner))
    elif isinstance(part, Sequence):
        yield from (text for inner in part for text in _texts(inner))


def _put_right(run: Mapping[str, Any], people: Sequence[Person]) -> dict[str, Any]:
    return {part: _changed(run.get(part), people) for part in PUT_RIGHT if _names(run.get(part), people)}


def _changed(part: Any, people: Sequence[Person]) -> Any:
    if isinstance(part, str):
        for person in people:
            part = in_document(part, person.without)
        return part
    if isinstance(part, Mapping):
        return {_changed(name, people): _changed(each, people) for name, each in part.items()}
    return [_changed(each, people) for each in part] if isinstance(part, list) else part
