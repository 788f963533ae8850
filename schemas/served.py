"""What a user was shown and served, read from the events that say so: in-app messages and configs."""

from typing import Any, Final

from pydantic import Field

from ask0.schemas.activity import NEXT
from ask0.schemas.api import Answer, Text
from ask0.schemas.conversations import SURVEY

SHOWN: Final = "Message Shown"
CLICKED: Final = "Message Clicked"
DISMISSED: Final = "Message Dismissed"
OF_MESSAGES = (SHOWN, CLICKED, DISMISSED, SURVEY)
CONFIG_SERVED: Final = "Config Served"

# Properties that name the message, the first of them that holds an id; of an answer to a survey its own name too.
MESSAGE_IDS = ("messageId", "message", "survey")
CONFIG_KEYS = ("key", "configId")

MAX_ANSWERS = 10  # of a message, the newest
MAX_TEXT_CHARACTERS = 1_000  # of an answer or a comment: the event has all of it
MAX_VALUE_BYTES = 4_000  # of an answer that is no text, as JSON


class SurveyAnswer(Answer):
    at: str
    answer: Any = Field(
        description=f"As it was sent: a text, cut after {MAX_TEXT_CHARACTERS:,} characters, or anything else of up to "
        f"{MAX_VALUE_BYTES:,} bytes"
    )
    nps: float | None = Field(description="0 to 10")
    comment: Text
    message_id: str = Field(description="Of the event")


class ShownMessage(Answer):
    """An in-app message, as far as its events are kept."""

    id: str = Field(description="The property messageId of its events, or message; of Survey Answered also survey")
    name: Text = Field(description="The newest that was sent as name")
    shown: int = Field(description="How often, as Message Shown says")
    first_shown_at: Text
    last_shown_at: Text
    clicked: int
    clicked_at: Text = Field(description="The last time")
    dismissed: int
    dismissed_at: Text = Field(description="The last time")
    answered: int
    answers: list[SurveyAnswer] = Field(description=f"The newest {MAX_ANSWERS}, the newest first")


class ShownMessages(Answer):
    messages: list[ShownMessage] = Field(description="The one of the newest event first")
    next: Text = Field(description=NEXT)


class ServedConfig(Answer):
    """A dynamic config, as far as its events are kept."""

    key: str = Field(description="The property key of Config Served, or configId")
    variation: Any = Field(description="The one that was served last: a text, a number, true or false, as it was sent")
    reason: Text = Field(description="Why that one, where the event says so")
    since: str = Field(description="Since when it was this one each time")
    first_served_at: str = Field(description="Of any variation")
    last_served_at: str
    served: int = Field(description="How many events there are; Ask0 writes one a day and variation")


class ServedConfigs(Answer):
    configs: list[ServedConfig] = Field(description="The one that was served last first")
    next: Text = Field(description=NEXT)
