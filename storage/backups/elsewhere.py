"""Backups in a second place: copied when they are proven here, read back there, and only then older ones go."""

from collections.abc import Mapping

from storage.backups.manifest import CONTENT, Manifest, is_there, manifest_of, manifests_in
from storage.destination import Destination, delete, fetch, push, read, sizes_in
from storage.errors import GovpulseError
from storage.home import Home
from storage.installation import read_own_marks

PREFIX = "backups"


def copy_backups(home: Home, destination: Destination, keep: int) -> int:
    """Copy the newest backup there, what of it is not there yet, and drop all but the newest `keep`; returns the bytes copied.

    Raises:
        GovpulseError: the place is another installation's, is full, or does not answer; what was there stays.
    """
    own = list(manifests_in(home.backups).items())
    if not own:
        return 0
    path, newest = own[-1]
    there = manifests_there(destination)
    refuse_foreign(destination, there, newest.installation)
    sizes = sizes_in(destination, f"{PREFIX}/{CONTENT}")
    missing = [file for file in newest.files if sizes.get(f"{PREFIX}/{file.path}") != file.bytes]
    copied = push(destination, {f"{PREFIX}/{file.path}": home.backups / file.path for file in missing})
    if home.kept_person_secret.exists():
        copied += push(destination, {f"{PREFIX}/{home.kept_person_secret.name}": home.kept_person_secret})
    copied += push(destination, {f"{PREFIX}/{path.name}": path})
    _rotate(destination, {**there, path.name: newest}, keep)
    return copied


def refuse_foreign(destination: Destination, there: Mapping[str, Manifest], installation: str) -> None:
    """What another installation left is not ours to mix with.

    Raises:
        GovpulseError: there is some.
    """
    if any(manifest.installation != installation for manifest in there.values()):
        raise GovpulseError(
            f"{destination.name} holds backups of another installation: choose another place, or restore them with"
            f" `govpulse restore --from {destination.name}` into an empty home"
        )


def manifests_there(destination: Destination) -> dict[str, Manifest]:
    """The whole manifests by their names, the oldest first."""
    names = [path.rpartition("/")[2] for path in sizes_in(destination, PREFIX) if path.count("/") == 1 and path.endswith(".json")]
    found = {name: manifest_of(name, read(destination, f"{PREFIX}/{name}")) for name in names}
    whole = {name: manifest for name, manifest in found.items() if manifest is not None}
    return dict(sorted(whole.items(), key=lambda item: item[1].number))


def _rotate(destination: Destination, there: Mapping[str, Manifest], keep: int) -> None:
    """Those from before somebody was forgotten go, however few stay."""
    ordered = sorted(there.items(), key=lambda item: item[1].number)
    newest = ordered[-1][1]
    kept = {name: each for name, each in ordered[-keep:] if each.forgets == newest.forgets}
    delete(destination, [f"{PREFIX}/{name}" for name in there if name not in kept])
    needed = {f"{PREFIX}/{file.path}" for manifest in kept.values() for file in manifest.files}
    delete(destination, [path for path in sizes_in(destination, f"{PREFIX}/{CONTENT}") if path not in needed])


def fetch_backups(destination: Destination, home: Home) -> int:
    """Copy to the home's own backups what is there and not here; returns the bytes.

    Raises:
        GovpulseError: there is no backup, it is another installation's than those of the home, or the place does not answer.
    """
    there = manifests_there(destination)
    if not there:
        raise GovpulseError(f"there is no backup in {destination.name}; nothing was changed")
    installation = read_own_marks(home).installation
    if any(manifest.installation != installation for manifest in there.values()) and installation is not None:
        raise GovpulseError(
            f"{home.root} belongs to a different installation than the backups in {destination.name}: set GOVPULSE_HOME to an"
            " empty folder and restore there; nothing was changed"
        )
    files = {file.path: file for manifest in there.values() for file in manifest.files}
    missing = [path for path, file in files.items() if not is_there(home.backups, file)]
    fetched = fetch(destination, {f"{PREFIX}/{path}": home.backups / path for path in missing})
    secret = home.kept_person_secret
    if f"{PREFIX}/{secret.name}" in sizes_in(destination, PREFIX) and not secret.exists():
        fetched += fetch(destination, {f"{PREFIX}/{secret.name}": secret})
    return fetched + fetch(destination, {f"{PREFIX}/{name}": home.backups / name for name in there})
