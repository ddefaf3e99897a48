"""insights.alert_noise."""

from storage.catalogue.insights.shared import AS_OF, IS_SAMPLE, WINDOW_DAYS, count, median, rate
from storage.catalogue.model import Column, Table

ALERT_NOISE = Table(
    schema="insights",
    name="alert_noise",
    description=(
        "How much each rule told in the last 28 days, and what came of it, the noisiest first: of the episodes that somebody was "
        "told of, those that were acted upon, and those that ended by themselves within minutes. By rule, and by team where alerts "
        "have one."
    ),
    columns=(
        AS_OF,
        WINDOW_DAYS,
        Column("rule", "VARCHAR", "the rule", is_required=True),
        Column("team", "VARCHAR", "the label `team` of its alerts; empty where they have none", is_required=True),
        count("episodes", "episodes that began in the window, and of which somebody was told, alone or in a digest"),
        count("notifications", "notifications sent on their own, all channels together"),
        count("night_notifications", "those of them sent from 22:00 to 06:00, by clocks in `[alerts] zone`"),
        count("acted", "episodes that somebody acknowledged, or silenced while they lasted"),
        *rate("acted_share", "acted / episodes"),
        count("brief", "episodes that resolved by themselves within 10 minutes, and that nobody acted upon"),
        *rate("brief_share", "brief / episodes"),
        count("flapping", "episodes in which the alert flapped"),
        count("idle_notifications", "notifications of episodes that nobody acted upon: what the order goes by"),
        *median("duration", "how long an episode lasted, of those that have ended"),
        IS_SAMPLE,
    ),
    verb="replace",
    key=("rule", "team", "is_sample"),
    is_published=True,
)
