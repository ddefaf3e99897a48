"""Tasks read and write warehouses; how one is made is the storage's, and tested there."""

from pathlib import Path

import pytest

from storage.home import Home
from tests.homes import migrated_home


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A home whose warehouse is empty and migrated."""
    return migrated_home(tmp_path / "home")
