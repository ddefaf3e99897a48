"""The Prefect UI in a real Chromium: it opens through what `up` prints, works as it does without a lock, talks to nobody else, and
answers no page of another origin."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from flows.serving.invitation import invite
from tests.pages import serving

pytestmark = [pytest.mark.services, pytest.mark.prefect]

BLOCKED_BY_US = "Content Security Policy"


@dataclass
class Visit:
    """A page of a browser that nobody signed in to, and what it asked for and complained of."""

    page: Page
    hosts: set[str] = field(default_factory=set)
    complaints: list[str] = field(default_factory=list)


@contextmanager
def visiting(chromium: Browser) -> Iterator[Visit]:
    context = chromium.new_context(viewport={"width": 1300, "height": 1000})
    visit = Visit(context.new_page())
    visit.page.on("response", lambda answer: visit.hosts.add(answer.url.split("/")[2]))
    visit.page.on("pageerror", lambda error: visit.complaints.append(str(error)))
    yield visit
    context.close()


def link_of(up: Any) -> str:
    """The link that `up` prints on a terminal."""
    (line, _) = invite(up.api_url, up.auth, Path("api_auth"), "127.0.0.1", is_private=True)
    return line.split()[-1]


@pytest.fixture
def signed_in(chromium: Browser, scheduled_up: Any) -> Iterator[Visit]:
    with visiting(chromium) as visit:
        visit.page.goto(link_of(scheduled_up))
        expect(visit.page.get_by_text("Flow Runs", exact=True).first).to_be_visible(timeout=30_000)
        yield visit


def test_without_the_link_there_is_a_lock(chromium: Browser, scheduled_up: Any) -> None:
    with visiting(chromium) as visit:
        visit.page.goto(scheduled_up.api_url.removesuffix("/api"))
        expect(visit.page.get_by_role("button", name="Login")).to_be_visible(timeout=30_000)
        visit.page.get_by_role("textbox").fill(scheduled_up.auth)
        visit.page.get_by_role("button", name="Login").click()
        expect(visit.page.get_by_text("Flow Runs", exact=True).first).to_be_visible(timeout=30_000)


def test_the_link_leaves_no_secret_in_the_address(signed_in: Visit, scheduled_up: Any) -> None:
    assert scheduled_up.auth.partition(":")[2] not in signed_in.page.url


@pytest.mark.parametrize("ui", ["/v2", ""])
def test_forms_runs_and_artifacts_are_shown(signed_in: Visit, scheduled_up: Any, ui: str, completed_run: dict[str, Any]) -> None:
    page, root = signed_in.page, scheduled_up.api_url.removesuffix("/api") + ui
    (artifact,) = scheduled_up.ask("artifacts/filter", {"limit": 1})
    deployment = scheduled_up.ask("deployments/name/compute_insights/compute-insights", method="GET")
    page.goto(f"{root}/deployments/deployment/{deployment['id']}/run")
    expect(page.get_by_text("recompute tables of events from here").first).to_be_visible(timeout=30_000)
    page.goto(f"{root}/runs/flow-run/{completed_run['id']}")
    expect(page.get_by_text(completed_run["name"]).first).to_be_visible(timeout=30_000)
    expect(page.locator("canvas").first).to_be_visible(timeout=30_000)  # the graph of the run
    page.goto(f"{root}/artifacts/artifact/{artifact['id']}")
    expect(page.get_by_text(artifact["key"]).first).to_be_visible(timeout=30_000)
    assert signed_in.complaints == []
    assert signed_in.hosts == {root.split("/")[2]}


def test_a_run_is_started_from_the_form(signed_in: Visit, scheduled_up: Any, until: Any) -> None:
    deployment = scheduled_up.ask("deployments/name/collect_system_metrics/collect-soon", method="GET")
    page, root = signed_in.page, scheduled_up.api_url.removesuffix("/api")
    page.goto(f"{root}/v2/deployments/deployment/{deployment['id']}/run")
    name = page.get_by_role("textbox").first
    expect(name).to_be_visible(timeout=30_000)
    name.fill("from the form")
    page.get_by_role("button", name="Submit").click()

    def ran() -> bool:
        return any(run["name"] == "from the form" for run in scheduled_up.runs("COMPLETED"))

    until(ran, 90.0)


FOREIGN = """
<!doctype html><meta charset=utf-8><title>elsewhere</title><iframe id=frame src="ROOT/"></iframe><img id=img src="ROOT/api/health">
<script>
const seen = {};
const attempts = {
  read: () => fetch("API/flow_runs/filter", {method: "POST", headers: {"Content-Type": "application/json"}, body: "{}"})
              .then(a => a.text()),
  health: () => fetch("API/health").then(a => a.text()),
  settings: () => fetch("ROOT/ui-settings").then(a => a.text()),
  signed: () => fetch("API/flow_runs/filter", {method: "POST", credentials: "include", headers: {"Content-Type": "text/plain"},
                                               body: "{}"}).then(a => a.text()),
  run: () => fetch("API/deployments/DEPLOYMENT/create_flow_run", {method: "POST", mode: "no-cors",
             headers: {"Content-Type": "text/plain"}, body: JSON.stringify({name: "from elsewhere", state: {type: "SCHEDULED"}})})
             .then(a => a.text()),
  socket: () => new Promise((done, fail) => { const s = new WebSocket("API/events/out".replace("http", "ws"), "prefect");
             s.onopen = () => s.send(JSON.stringify({type: "auth", token: "x"}));
             s.onmessage = m => done(m.data); s.onclose = fail; }),
  storage: async () => document.getElementById("frame").contentWindow.localStorage.getItem("prefect-password"),
};
(async () => {
  for (const [name, attempt] of Object.entries(attempts)) {
    try { seen[name] = await attempt(); } catch (error) { seen[name] = "failed"; }
  }
  document.title = JSON.stringify(seen);
  const form = document.createElement("form");
  form.method = "POST"; form.enctype = "text/plain"; form.action = "API/deployments/DEPLOYMENT/create_flow_run";
  form.innerHTML = `<input name='{"name": "from a form", "state": {"type": "SCHEDULED"}, "x": "' value='"}'>`;
  document.body.append(form);
  window.submitted = () => form.submit();
})();
</script>
"""


def test_page_of_another_origin_reads_nothing_and_starts_nothing(signed_in: Visit, scheduled_up: Any) -> None:
    """In the browser of somebody who is signed in, on another port of the same machine: nearer a foreign page cannot come."""
    deployment = scheduled_up.ask("deployments/name/collect_system_metrics/collect-soon", method="GET")["id"]
    root, page = scheduled_up.api_url.removesuffix("/api"), signed_in.page
    content = FOREIGN.replace("API", scheduled_up.api_url).replace("ROOT", root).replace("DEPLOYMENT", deployment)
    with serving(content) as elsewhere:
        page.goto(elsewhere)
        page.wait_for_function("document.title.startsWith('{')", timeout=30_000)
        seen = json.loads(page.title())
        assert {name for name, got in seen.items() if got not in ("failed", "")} == set()
        with page.expect_navigation():
            page.evaluate("window.submitted()")
        assert "another origin" in page.content()
    started = scheduled_up.ask("flow_runs/filter", {"sort": "START_TIME_DESC", "limit": 200})
    assert not {"from elsewhere", "from a form"} & {run["name"] for run in started}
