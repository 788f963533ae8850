"""What conversation events say, whatever the client put into their properties."""

from collections.abc import Sequence
from typing import Any, NamedTuple, Self

from ask0.consumers.folds.records import Placed
from ask0.schemas.conversations import ANSWER, FEEDBACK, QUESTION, rating_of
from ask0.schemas.events import MAX_ID_CHARS
from ask0.schemas.ids import short_key


class Talk(NamedTuple):
    """Questions, answers and ratings by the short key of their messageId: sets, as counts would count twice."""

    questions: Sequence[int] = ()
    answers: Sequence[int] = ()
    answered: Sequence[int] = ()
    ratings: dict[int, float] = {}  # never written to

    @property
    def size(self) -> int:
        return len(self.questions) + len(self.answers) + len(self.ratings)

    @classmethod
    def of(cls, events: Sequence[Placed]) -> Self:
        """`events` are conversation events of one user or one conversation."""
        if not events:
            return cls()
        questions, answers, answered = [], [], []
        ratings: dict[int, float] = {}
        for placed in events:
            name, message = placed.event.event, short_key(placed.event.message_id)
            if name == QUESTION:
                questions.append(message)
            elif name == ANSWER:
                answers.append(message)
                if placed.said.get("answered") is not False:
                    answered.append(message)
            elif name == FEEDBACK and (rating := rating_of(placed.said)) is not None:
                ratings[message] = max(rating, ratings.get(message, 0.0))
        return cls(questions, answers, answered, ratings)


NO_TALK = Talk()


def text_of(said: dict[str, Any], name: str, limit: int = MAX_ID_CHARS) -> str:
    text = said.get(name)
    return text.strip()[:limit] if type(text) is str else ""
