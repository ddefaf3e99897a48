"""`govpulse config`: the settings in force, and whether they are right."""

import json
import sys
from typing import Annotated

import typer

from flows.printing import json_for, say, say_json, write
from flows.settings import config_file, load_settings, shown
from tasks.alerts.rules import load_rules

app = typer.Typer(help="Show and check the settings.", no_args_is_help=True)


@app.command()
def show(as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False) -> None:
    """Print every setting in force."""
    settings = shown(load_settings())
    if as_json:
        say_json(settings)
        return
    for section, values in settings.items():
        for name, value in values.items() if isinstance(values, dict) else [("", values)]:
            said = json.dumps(value, ensure_ascii=False)
            write(json_for(sys.stdout, f"{section}{'.' * bool(name)}{name} = {said}\n"))


@app.command()
def check() -> None:
    """Read settings and rules; say what is wrong."""
    settings = load_settings()
    settings.publish.audience.check()
    rules = load_rules(settings.alerts.rules)
    say(f"{config_file(None) or 'no settings file, defaults'}: fine; {len(rules)} alert rules")
