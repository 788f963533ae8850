"""Why an event is refused: one reason each, the same word in the answer, the quarantine and the metrics."""

from enum import StrEnum


class Reason(StrEnum):
    """Every way an event can fail to become a row."""

    NOT_AN_OBJECT = "not_an_object"  # an event must be a JSON object
    UNKNOWN_TYPE = "unknown_type"  # neither `type` nor the shape says which call this is
    MISSING_EVENT = "missing_event"  # a track call without an event name
    MISSING_USER = "missing_user"  # neither userId nor anonymousId
    INVALID_ID = "invalid_id"  # an id that is not a string or number, or is longer than 255 characters
    INVALID_TIMESTAMP = "invalid_timestamp"  # not ISO 8601 and not epoch milliseconds
    TIMESTAMP_OUT_OF_RANGE = "timestamp_out_of_range"  # before 1970 or after 2099
    INVALID_PROPERTIES = "invalid_properties"  # properties, traits or context that is not an object
    INVALID_TEXT = "invalid_text"  # a lone surrogate: text that no UTF-8 can carry
    INVALID_NUMBER = "invalid_number"  # NaN, an infinity, or a number no double can hold
    TOO_DEEP = "too_deep"  # nested deeper than 64 levels
    TOO_LARGE = "too_large"  # more than 32 KB as JSON
    WRONG_KEY = "wrong_key"  # the event's own writeKey is unknown, or another project's
    TOKEN_MISSING = "token_missing"  # the project requires a userToken, and identify or alias has none
    TOKEN_INVALID = "token_invalid"  # a userToken that no live verification key of the project has signed
    TOKEN_EXPIRED = "token_expired"  # a userToken whose exp is past
    TOKEN_WRONG_SUBJECT = "token_wrong_subject"  # a userToken of another user than the event's
    TOKEN_WRONG_GUEST = "token_wrong_guest"  # a userToken for another anonymousId than one that the event names
    FACTS_REFUSED = "facts_refused"  # what an event says of its user or conversation, refused likewise (worker)
    MERGE_REFUSED = "merge_refused"  # a merge of users, or its undo, that no longer fits what stands (worker)
    ROW_NOT_WRITTEN = "row_not_written"  # a user's or conversation's row that ClickHouse will not take (worker)
    UNREADABLE_RECORD = "unreadable_record"  # a log record that does not decode (worker)
    REFUSED_BY_CLICKHOUSE = "refused_by_clickhouse"  # a row that ClickHouse will not take (worker)


class LeftOut(StrEnum):
    """What an accepted event says and a bound leaves out of the user or conversation. The event itself is stored."""

    TOO_MANY_NAMES = "too_many_names"  # a property's name more than one project may have: `sent_properties` has it
    NAME_TOO_LONG = "name_too_long"  # a trait's name of more than 255 characters
    TOO_MANY_TRAITS = "too_many_traits"  # a name, or bytes, more than one user may have
    TOO_MANY_TAGS = "too_many_tags"  # a tag more than one user may have, those taken off too
    TOO_MANY_GUESTS = "too_many_guests"  # an anonymousId more than one user may have been
    TEXT_DENIED = "text_denied"  # what is said in a conversation, whose person does not want it stored
    TOO_MUCH_ACTIVITY = "too_much_activity"  # a question, answer or rating more than one user or conversation counts


class InvalidEvent(Exception):
    """One event cannot be accepted. `reason` is for programs, `message` tells the sender what to change."""

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
