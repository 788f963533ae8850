"""Two steps at once: neither outlives the call, whichever fails."""

import threading

import pytest

from ask0.consumers.tables.run_both import run_both


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
