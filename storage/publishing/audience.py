"""Who may read what is published, and whether it tells of people. A file has its readers before it has its name."""

import grp
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from storage.access import FOLDER, owner_only
from storage.errors import ConfigurationError

Readers = Literal["all", "group", "owner"]
FILES: dict[Readers, int] = {"all": 0o644, "group": 0o640, "owner": 0o600}
FOLDERS: dict[Readers, int] = {"all": 0o755, "group": 0o750, "owner": 0o700}
AS_IT_IS = -1


@dataclass(frozen=True)
class Audience:
    """Everybody, the members of `group`, or only whose files they are; `sees_people`: what tells of people is published, too."""

    readers: Readers = "all"
    group: str = ""
    sees_people: bool = True

    def check(self) -> None:
        """Raise ConfigurationError where there is no such group, or it is none of ours."""
        group = self._group_id()
        if group != AS_IT_IS and os.geteuid() != 0 and group not in {os.getegid(), *os.getgroups()}:
            raise ConfigurationError(
                f"publish.group: this account is not in the group {self.group!r};"
                " ask its administrator to add it, or name another group"
            )

    def admit(self, path: Path) -> None:
        """Make a file or folder of ours what these may read.

        Raises:
            ConfigurationError: as in `check`.
        """
        self.check()
        os.chown(path, AS_IT_IS, self._group_id())
        path.chmod((FOLDERS if path.is_dir() else FILES)[self.readers])

    def admit_all(self, folder: Path) -> None:
        """Make a folder, where there is one, with all that is in it, what these may read."""
        for path in (folder, *sorted(folder.rglob("*"))) if folder.exists() else ():
            if not path.is_symlink():
                self.admit(path)

    def make_folder(self, folder: Path) -> None:
        """Make a folder for what these may read."""
        folder.mkdir(FOLDER, exist_ok=True)
        self.admit(folder)

    def write(self, path: Path, content: bytes) -> None:
        """Put a file in the place of the one before, whole or not at all."""
        part = path.with_name(f"{path.name}.part")
        part.unlink(missing_ok=True)
        with open(part, "wb", opener=owner_only) as file:
            file.write(content)
        self.admit(part)
        os.replace(part, path)

    def _group_id(self) -> int:
        if self.readers != "group":
            return AS_IT_IS
        try:
            return grp.getgrnam(self.group).gr_gid
        except KeyError:
            raise ConfigurationError(f"publish.group: there is no group {self.group!r} on this machine") from None


EVERYBODY = Audience()
