"""Notifications: of what in a workflow people are notified, and through which targets of the server."""

from typing import Final, Literal, get_args

from pydantic import ConfigDict, Field

from torc_core.api.base import ApiModel

NotificationKind = Literal["waiting", "ended", "gave_up", "not_started"]
"""Jobs wait for a decision; the workflow ended; recovery gave up; an allocation cannot start."""

NOTIFICATION_KINDS: Final[tuple[NotificationKind, ...]] = get_args(NotificationKind)
TARGET_NAME: Final = r"^[A-Za-z0-9_.-]{1,64}$"
NOTIFICATIONS_KEY: Final = "notifications"
"""The key of a workflow's metadata that holds its notifications."""

GAVE_UP_EVENT: Final = "recovery_gave_up"
NOT_STARTED_EVENT: Final = "allocation_cannot_start"
TROUBLE_EVENTS: Final[dict[str, NotificationKind]] = {GAVE_UP_EVENT: "gave_up", NOT_STARTED_EVENT: "not_started"}
"""Events that clients store to report what the server cannot see, with the kind of notification that each causes."""


class NotificationRule(ApiModel):
    """One target, by its name in the server's file, and the kinds that it gets; all when none is named."""

    model_config = ConfigDict(extra="forbid")

    to: str = Field(pattern=TARGET_NAME)
    on: list[NotificationKind] = Field(default_factory=lambda: list(NOTIFICATION_KINDS), min_length=1)


NotificationRules = list[NotificationRule]
