"""`govpulse config`: the settings in force, and whether they are right."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from flows.printing import json_for, say, say_json, write
from flows.settings import NotificationSettings, SourceSettings, config_file, load_settings, shown
from storage.errors import ConfigurationError, GovpulseError
from tasks.alerts.rules import load_rules
from tasks.wording import counted

app = typer.Typer(help="Show and check the settings.", no_args_is_help=True)


@app.command()
def show(as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """Print every setting in force."""
    settings = shown(load_settings())
    if as_json:
        say_json(settings)
        return
    for section, values in settings.items():
        for name, value in values.items() if isinstance(values, dict) else [("", values)]:
            said = json.dumps(value, ensure_ascii=False)
            write(json_for(sys.stdout, f"{section}{'.' * bool(name)}{name} = {said}\n"))


def check_source(source: SourceSettings) -> None:
    """Whether what the settings name is there, as far as that shows without a connection.

    Raises:
        GovpulseError: it is not.
    """
    from flows.sources import source_of
    from tasks.sources.database.mysql_address import arguments_of
    from tasks.sources.database.opening import DATABASES
    from tasks.sources.files.extraction import find_folder
    from tasks.sources.mapping import zone_named

    zone_named("[source] timezone", source.timezone)
    source_of(source)
    if source.kind == "files":
        find_folder(source.address)
    if source.kind in DATABASES:
        source_of(source).load_mapping()
    if source.kind == "postgresql":
        source.address.check()
    if source.kind == "mysql":
        arguments_of(source.address)
    if source.kind == "sqlite" and not Path(source.address.path).is_file():
        raise ConfigurationError(f"the source database {source.address} does not exist; set [source] url")


def check_notifications(notifications: NotificationSettings) -> None:
    """Whether the files that channels and routes name are there and right.

    Raises:
        ConfigurationError: one is not.
    """
    from flows.channels import read_template
    from flows.routes import read_holidays

    for route in notifications.routes:
        if route.holidays:
            read_holidays(route.holidays)
    for channel in notifications.channels:
        _, mistake = read_template(channel.template)
        if mistake:
            raise ConfigurationError(f"channel {channel.name}: {mistake}")


@app.command()
def check() -> None:
    """Check the settings and the rules, and say what is wrong."""
    settings = load_settings()
    settings.publish.audience.check()
    rules = load_rules(settings.alerts.rules)
    check_notifications(settings.notifications)
    for source in settings.all_sources:
        try:
            check_source(source)
        except GovpulseError as error:
            raise ConfigurationError(f"source {source.name}: {error}" if settings.sources else str(error)) from error
    say(f"{config_file(None) or 'no settings file, only defaults'}: ok; {counted(len(rules), 'alert rule')}")
