"""`govpulse config`: the settings in force, and whether they are right."""

import json
from typing import Annotated

import typer

from flows.settings import config_file, load_settings, shown
from tasks.alerts.rules import load_rules

app = typer.Typer(help="Show and check the settings.", no_args_is_help=True)


@app.command()
def show(as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False) -> None:
    """Print every setting in force."""
    settings = shown(load_settings())
    if as_json:
        print(json.dumps(settings))
        return
    for section, values in settings.items():
        for name, value in values.items() if isinstance(values, dict) else [("", values)]:
            print(f"{section}{'.' * bool(name)}{name} = {json.dumps(value)}")


@app.command()
def check() -> None:
    """Read settings and rules; say what is wrong."""
    settings = load_settings()
    settings.publish.audience.check()
    rules = load_rules(settings.alerts.rules)
    print(f"{config_file(None) or 'no settings file, defaults'}: fine; {len(rules)} alert rules")
