"""What of an installation is open to others and should not be: for `govpulse doctor`."""

import os
import shlex
import stat
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from flows.settings import Settings, config_file
from storage.access import LISTING_OR_WRITING, name_of
from storage.errors import GovpulseError

ROOT = 0


def check_openness(settings: Settings) -> str:
    """Who reads what is published, where nothing else is open.

    Raises:
        GovpulseError: others can read or change something; says each with its remedy.
    """
    settings.publish.audience.check()
    found = [
        *_readable_secrets(settings),
        *_changeable_files(settings),
        *_ways(settings.folder.root),
        *_listed(settings.folder.root),
    ]
    if found:
        raise GovpulseError("; ".join(found))
    people = "" if settings.publish.people else ", without people"
    return f"published for {_published_for(settings)}{people}; all else is closed"


def _readable_secrets(settings: Settings) -> Iterator[str]:
    file = config_file(None)
    if (
        file is not None
        and _is_open(file, stat.S_IRGRP, stat.S_IROTH)
        and _texts(tomllib.loads(file.read_text())) & _secrets(settings)
    ):
        yield f"others can read {file}, and there is a secret in it: `chmod 600 {_quoted(file)}`"


def _secrets(settings: Settings) -> set[str]:
    """Those in force. A source's URL is one where it has a password."""
    addresses = [source.address for source in settings.all_sources]
    channels = [secret for channel in settings.notifications.channels for secret in (channel.url, channel.secret)]
    known = {secret.get_secret_value() for secret in (settings.alerts.heartbeat_url, *channels)}
    return (known | {address.url for address in addresses if address.without_secrets(address.url) != address.url}) - {""}


def _texts(part: Any) -> set[str]:
    if isinstance(part, dict | list):
        return set().union(*map(_texts, part.values() if isinstance(part, dict) else part))
    return {part} if isinstance(part, str) else set()


def _changeable_files(settings: Settings) -> Iterator[str]:
    """Whoever writes the settings, the rules or the mapping decides what is done in our name."""
    mappings = dict.fromkeys(Path(source.mapping) for source in settings.all_sources if "/" in source.mapping)
    selects = {mapping: sorted(mapping.glob("*.sql")) for mapping in mappings}
    folders = (path for mapping, files in selects.items() if files for path in (mapping, *files))
    for file in (config_file(None), settings.alerts.rules, *folders):
        if file is not None and file.exists() and _is_open(file, stat.S_IWGRP, stat.S_IWOTH):
            yield f"others can write to {file}: `chmod go-w {_quoted(file)}`"


def _ways(root: Path) -> Iterator[str]:
    """Whoever may rename a folder on the way to the home can put another in its place."""
    for folder in root.resolve().parents:
        status = folder.stat()
        if status.st_mode & stat.S_IWOTH and not status.st_mode & stat.S_ISVTX:
            yield f"everybody can write to {folder}, in which {root} lies: `chmod o-w {_quoted(folder)}`, or move it"
        elif status.st_uid not in (os.geteuid(), ROOT):
            yield f"{root} lies in {folder}, which belongs to {name_of(status.st_uid)}: move it to a folder of your own"


def _listed(root: Path) -> Iterator[str]:
    if stat.S_IMODE(root.stat().st_mode) & LISTING_OR_WRITING:
        yield f"others can list {root}, for there is more in it than govpulse's own: `chmod 711 {_quoted(root)}`"


def _published_for(settings: Settings) -> str:
    """Who may read it; a folder that others cannot go through may be meant so, or forgotten."""
    published, root = settings.publish, settings.folder.root.resolve()
    who = {"all": "all accounts", "group": f"the group {published.group}", "owner": "nobody else"}[published.readers]
    shut = [folder for folder in (*reversed(root.parents), root) if not folder.stat().st_mode & (stat.S_IXOTH | stat.S_IXGRP)]
    return f"{who}, but they cannot go through {shut[0]} (chmod 711)" if shut and published.readers != "owner" else who


def _is_open(path: Path, for_group: int, for_others: int) -> bool:
    """Whether those outside of our own group have the right, or any group that is not our own."""
    status = path.stat()
    return bool(status.st_mode & for_others or (status.st_mode & for_group and status.st_gid != os.getegid()))


def _quoted(path: Path) -> str:
    return shlex.quote(str(path))
