"""Steps at once: none outlives the call, whichever fails."""

import threading
from collections.abc import Callable, Iterator

import pytest

from ask0.consumers.tables.run_both import run_both, run_each


def test_both_steps_run_at_once_and_return_in_order() -> None:
    met = threading.Barrier(2)

    def step(name: str) -> str:
        met.wait(60)
        return name

    assert run_both(lambda: step("here"), lambda: step("beside")) == ("here", "beside")


@pytest.mark.parametrize("failing", ["here", "beside"])
def test_an_error_is_raised_when_the_other_step_has_ended(failing: str) -> None:
    failed, ended = threading.Event(), []

    def step(name: str) -> None:
        if name == failing:
            failed.set()
            raise RuntimeError(name)
        failed.wait(60)
        ended.append(name)

    with pytest.raises(RuntimeError, match=failing):
        run_both(lambda: step("here"), lambda: step("beside"))
    assert len(ended) == 1


def test_of_many_steps_two_run_at_once_and_all_return_in_order() -> None:
    met = threading.Barrier(2)

    def step(number: int) -> int:
        met.wait(60)
        return number

    assert run_each([lambda number=number: step(number) for number in range(6)]) == list(range(6))  # type: ignore[misc]


class Watched(list[Callable[[], None]]):
    """Says when nothing of it is left."""

    taken = threading.Event()

    def __iter__(self) -> Iterator[Callable[[], None]]:
        return map(self._take, [*super().__iter__(), self.taken.set])

    def _take(self, step: Callable[[], None]) -> Callable[[], None]:
        if step == self.taken.set:
            step()
        return step


def test_once_a_step_has_failed_no_other_begins() -> None:
    begun: list[None] = []

    def fail() -> None:
        raise RuntimeError("the first")

    def wait_until_none_is_left() -> None:
        steps.taken.wait(60)

    steps = Watched([fail, wait_until_none_is_left, *[lambda: begun.append(None)] * 5])
    with pytest.raises(RuntimeError, match="the first"):
        run_each(steps)
    assert not begun


def test_no_step_at_all_is_nothing() -> None:
    assert run_each([]) == []
