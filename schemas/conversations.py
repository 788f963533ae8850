"""The track calls the product understands. Any other event name is the site's own."""

from collections.abc import Mapping
from typing import Any

STARTED = "Conversation Started"
QUESTION = "Question Asked"
ANSWER = "Answer Given"
FEEDBACK = "Feedback Given"
CLOSED = "Conversation Closed"
DELETED = "Conversation Deleted"
SURVEY = "Survey Answered"  # of the user, not of a conversation
UNDERSTOOD = (STARTED, QUESTION, ANSWER, FEEDBACK, CLOSED, DELETED, SURVEY)

# What stays of such an event whose texts are not to be stored, beside numbers and booleans.
KEPT_TEXTS = ("conversationId", "inReplyTo", "topic", "intent", "channel", "status", "thumbs", "survey")

OUTCOMES = ("resolved", "noted", "escalated", "abandoned")
THUMBS = {"up": 1.0, "down": 0.0}


def rating_of(said: Mapping[str, Any]) -> float | None:
    """0 to 1, of the properties of feedback: from a rating or a thumb."""
    rating = said.get("rating")
    if isinstance(rating, int | float) and not isinstance(rating, bool):
        return float(min(max(rating, 0), 1))
    thumbs = said.get("thumbs")
    return THUMBS.get(thumbs) if type(thumbs) is str else None
