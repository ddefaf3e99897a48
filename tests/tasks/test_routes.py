"""Where alerts go: the first route that matches, those beyond it that go on, and nothing lost; and when they are told."""

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tasks.hours import parse_hours
from tasks.matchers import parse_matcher
from tasks.routes import Recipients, Route, closed_routes, recipients_of, routed_labels, waits_for

CHANNELS = {"ops": "warning", "chat": "warning", "pager": "critical"}
HOUR = timedelta(hours=1)


def route(name: str, *matchers: str, to: str, **more: Any) -> Route:
    return Route(name, tuple(map(parse_matcher, matchers)), tuple(to.split(",")), **more)


def goes_to(*routes: Route, event: str = "firing", severity: str = "warning", worst: str = "", **labels: Any) -> dict[str, Any]:
    is_sample = labels.pop("is_sample", False)
    seen = routed_labels(labels.pop("rule", "disk"), labels.pop("subject", "web-1"), severity, labels.items(), is_sample=is_sample)
    unwanted = ("chat", "pager") if is_sample else ()
    return recipients_of(event, severity, worst or severity, seen, Recipients(CHANNELS, routes), unwanted)


def test_without_routes_every_channel_that_wants_the_severity_is_told() -> None:
    assert goes_to() == {"ops": (), "chat": ()}
    assert goes_to(severity="critical") == {"ops": (), "chat": (), "pager": ()}
    labels = routed_labels("disk", "web-1", "warning", (), is_sample=False)
    assert recipients_of("firing", "warning", "warning", labels, CHANNELS) == {"ops": (), "chat": ()}, "nor without Recipients"


def test_the_first_that_matches_is_followed_and_none_after_it() -> None:
    routes = (route("db", "team=db", to="chat"), route("disks", "rule=~disk.*", to="ops"))
    assert goes_to(*routes, team="db") == {"chat": ("db",)}
    assert goes_to(*routes, team="web") == {"ops": ("disks",)}
    assert goes_to(*routes, rule="cpu") == {"ops": (), "chat": ()}, "what follows none goes everywhere"


def test_beyond_one_that_goes_on_the_next_is_followed_too() -> None:
    routes = (
        route("db", "team=db", to="chat", goes_on=True),
        route("cpu", "rule=cpu", to="ops"),
        route("all", to="ops,chat", goes_on=True),
        route("disks", "rule=disk", to="ops"),
        route("never", to="chat"),
    )
    assert goes_to(*routes, team="db") == {"ops": ("all", "disks"), "chat": ("db", "all")}
    assert goes_to(*routes, team="db", rule="cpu") == {"ops": ("cpu",), "chat": ("db",)}


def test_a_route_none_of_whose_channels_takes_the_alert_is_passed_over() -> None:
    assert goes_to(route("pager", to="pager"), route("rest", to="chat")) == {"chat": ("rest",)}
    assert goes_to(route("pager", to="pager")) == {"ops": (), "chat": ()}
    assert goes_to(route("chat", to="chat"), is_sample=True) == {"ops": ()}


def test_the_sample_can_be_told_apart() -> None:
    samples = route("samples", "is_sample=true", to="ops")
    assert goes_to(samples, route("rest", to="ops,chat"), is_sample=True) == {"ops": ("samples",)}
    assert goes_to(samples, route("rest", to="ops,chat")) == {"ops": ("rest",), "chat": ("rest",)}


def test_an_end_goes_to_all_who_may_have_heard_of_it() -> None:
    routes = (route("worst", "severity=critical", to="pager"), route("rest", to="chat"))
    assert goes_to(*routes) == {"chat": ("rest",)}
    assert goes_to(*routes, event="escalated", severity="critical") == {"pager": ("worst",)}
    for severity in ("warning", "critical"):
        told = goes_to(*routes, event="resolved", severity=severity, worst="critical")
        assert told == {"chat": ("rest",), "pager": ("worst",)}
    assert goes_to(*routes, event="resolved") == {"chat": ("rest",)}


MATCHERS = st.sampled_from(["team=db", "rule=~disk.*", "severity=critical", "severity!=critical", "zone!=eu", "is_sample=true"])


@st.composite
def some_routes(draw: st.DrawFn) -> tuple[Route, ...]:
    return tuple(
        route(
            str(number), *draw(st.lists(MATCHERS, max_size=2)), to=draw(st.sampled_from(["ops", "chat,ops", "pager"])), goes_on=on
        )
        for number, on in enumerate(draw(st.lists(st.booleans(), max_size=5)))
    )


@given(some_routes(), st.sampled_from(["warning", "critical"]), st.sampled_from(["db", "web"]), st.booleans())
def test_no_routes_lose_an_alert_and_whoever_heard_of_one_hears_of_its_end(
    routes: tuple[Route, ...], severity: str, team: str, is_sample: bool
) -> None:
    told = goes_to(*routes, severity=severity, team=team, is_sample=is_sample)
    assert told, "some channel would take it without routes, so one does with them"
    assert told.keys() <= goes_to(severity=severity, team=team, is_sample=is_sample).keys()
    assert len({name for names in told.values() for name in names if not routes[int(name)].goes_on}) <= 1, "one is the last"
    end = goes_to(*routes, event="resolved", worst="critical", team=team, is_sample=is_sample)
    assert told.keys() <= end.keys()
    assert all(set(names) <= set(end[channel]) for channel, names in told.items())


OFFICE = route("office", to="ops", hours=parse_hours("Mon-Fri 09:00-17:00", "Europe/Berlin"))
NIGHT = route("night", to="ops", hours=parse_hours("17:00-09:00", "Europe/Berlin"))
ALWAYS = route("always", to="ops")
SATURDAY = datetime(2026, 12, 5, 10, tzinfo=UTC)


def test_outside_of_all_its_hours_it_waits_for_the_first_that_begins() -> None:
    closed = closed_routes([OFFICE, NIGHT, ALWAYS], SATURDAY)
    assert closed == {"office": datetime(2026, 12, 7, 8, tzinfo=UTC), "night": datetime(2026, 12, 5, 16, tzinfo=UTC)}
    assert waits_for(("office",), closed) == ("office", closed["office"])
    assert waits_for(("office", "night"), closed) == ("night", closed["night"])
    for open_now in ((), ("always",), ("office", "always"), ("gone from the settings",)):
        assert waits_for(open_now, closed) is None


def test_in_its_hours_it_does_not_wait() -> None:
    closed = closed_routes([OFFICE, NIGHT], SATURDAY + timedelta(days=2))
    assert waits_for(("office",), closed) is None
    assert waits_for(("office", "night"), closed) is None
    assert waits_for(("night",), closed) == ("night", datetime(2026, 12, 7, 16, tzinfo=UTC))
