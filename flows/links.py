"""What links in messages are made of: the address of the pages, and the key of the installation that signs them."""

from functools import partial

from pydantic import SecretStr

from flows.settings import Settings
from storage.errors import GovpulseError
from storage.kept_secret import kept_secret
from tasks.notifications.links import Links
from tasks.plots.index import plot_of


def resolve_links(settings: Settings) -> Links:
    """The links, none where the settings name no address, and the plots that were drawn last."""
    plots = partial(plot_of, settings.folder.plots)
    return Links(settings.web.url, link_key(settings), plots) if settings.web.url else Links(plot_of=plots)


def link_key(settings: Settings) -> SecretStr:
    """The key that signs, made on first use.

    Raises:
        GovpulseError: its file cannot be read or written.
    """
    file = settings.folder.private / "links.key"
    try:
        return SecretStr(kept_secret(file))
    except OSError as error:
        raise GovpulseError(f"cannot write the key of links to {file}: {error.strerror or error}") from error
