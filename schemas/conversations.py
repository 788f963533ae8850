"""The track calls the product understands. Any other event name is the site's own."""

STARTED = "Conversation Started"
QUESTION = "Question Asked"
ANSWER = "Answer Given"
FEEDBACK = "Feedback Given"
CLOSED = "Conversation Closed"
DELETED = "Conversation Deleted"

OUTCOMES = ("resolved", "noted", "escalated", "abandoned")
