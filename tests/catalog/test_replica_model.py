"""Any order of writers, crashes, lost answers and stale copies: in the end everyone has the same documents."""

import asyncio
import tempfile
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test
from msgspec.structs import replace

from ask0.catalog import replica as module
from ask0.catalog.errors import CatalogUnavailable, MovedOn
from ask0.catalog.replica import Replica
from ask0.catalog.rule import State, adopt
from ask0.eventlog.log import Control
from ask0.schemas import changes
from ask0.schemas.changes import Change
from tests.catalog.replicas import Unreliable, bodies, change, crash
from tests.eventlog.homes import Home

PROCESSES, SUBJECTS = 3, ("a", "b")
process = st.integers(0, PROCESSES - 1)


class Documents(RuleBasedStateMachine):
    """`standing` are the changes whose writers were told that they stand; `doubtful` those that nobody knows of."""

    home: Home

    @initialize()
    def begin(self) -> None:
        self.patch = pytest.MonkeyPatch()
        self.patch.setattr(module, "WRITE_SECONDS", 0.1)
        self.patch.setattr(module, "SAVE_SECONDS", 0.0)
        self.runner = asyncio.Runner()
        self.folders = [Path(tempfile.mkdtemp()) for _ in range(PROCESSES)]
        self.standing: list[Change] = []
        self.doubtful: list[Change] = []
        self.start_everyone()

    def start_everyone(self) -> None:
        self.controls = [Unreliable(self.home.open_control()) for _ in range(PROCESSES)]
        self.replicas = [Replica(*each) for each in zip(self.controls, self.folders, strict=True)]
        for replica in self.replicas:
            self.runner.run(replica.start())

    @rule(
        number=process, subject=st.sampled_from(SUBJECTS), whole_kind=st.booleans(), body=st.integers(0, 9) | st.none()
    )
    def write(self, number: int, subject: str, whole_kind: bool, body: int | None) -> None:
        """From what this process knows, which may be old."""
        self.runner.run(self.send(number, self.made_by(number, subject, body, whole_kind)))

    @rule(subject=st.sampled_from(SUBJECTS), whole_kind=st.booleans())
    def write_at_once(self, subject: str, whole_kind: bool) -> None:
        asked = [self.made_by(number, subject, number, whole_kind) for number in range(PROCESSES)]

        async def send_all() -> None:
            await asyncio.gather(*(self.send(number, each) for number, each in enumerate(asked)))

        self.runner.run(send_all())

    def made_by(self, number: int, subject: str, body: int | None, whole_kind: bool) -> Change:
        state = self.replicas[number].state
        expects = {"thing": state.versions.get("thing", 0)} if whole_kind else {}
        expects[f"thing/{subject}"] = state.version_of("thing", subject)
        return replace(change(subject, body), expects=expects)

    @rule(number=process)
    def send_again(self, number: int) -> None:
        """No precondition asks whether there is something: how fast the machine is decides that, not what is drawn."""
        if self.doubtful:
            self.runner.run(self.send(number, self.doubtful.pop()))

    async def send(self, number: int, asked: Change) -> None:
        try:
            await self.replicas[number].write(asked)
        except MovedOn:
            return
        except CatalogUnavailable:
            self.doubtful.append(asked)
        else:
            self.standing.append(asked)

    @rule(number=process, what=st.sampled_from(("lose_answer", "refuse")))
    def go_wrong_next(self, number: int, what: str) -> None:
        setattr(self.controls[number], what, True)

    @rule(number=process, stale=st.booleans())
    def stand_still(self, number: int, stale: bool) -> None:
        self.controls[number].stale = stale

    @rule(number=process)
    def crash_and_start(self, number: int) -> None:
        self.runner.run(crash(self.replicas[number]))
        self.controls[number] = Unreliable(self.home.open_control())
        self.replicas[number] = Replica(self.controls[number], self.folders[number])
        self.runner.run(self.replicas[number].start())

    @precondition(lambda self: changes.VERSION == 1)
    @rule(subject=st.sampled_from(SUBJECTS), body=st.integers(0, 9))
    def roll_to_a_newer_version(self, subject: str, body: int) -> None:
        """One process is updated and writes; the others stop deciding, and are updated after it."""
        newer = changes.encode(change(subject, body)).replace(b'"v":1', b'"v":2')
        self.runner.run(self.controls[0]._control.append(newer))
        for number in range(PROCESSES):
            self.controls[number].stale = False
            self.runner.run(self.replicas[number].catch_up())
            assert "newer" in self.replicas[number].report()["reason"]
            assert bodies(self.replicas[number].state) == bodies(self.replicas[0].state)
            self.runner.run(self.replicas[number].close())
        self.patch.setattr(changes, "VERSION", 2)
        self.start_everyone()

    def teardown(self) -> None:
        if not hasattr(self, "replicas"):
            return
        try:
            expected, decided = self.runner.run(replay(self.controls[0]._control))
            for number in range(PROCESSES):
                self.controls[number].stale = False
                self.runner.run(self.replicas[number].catch_up())
                state = self.replicas[number].state
                assert (state.documents, state.versions) == (expected.documents, expected.versions)
            for asked in self.standing:
                assert expected.outcomes[asked.id].stands, "it was acknowledged"
            won = [(name, version) for one in decided for name, version in one.expects.items() if "/" in name]
            assert len(won) == len(set(won)), "two changes made from the same version both stand"
        finally:
            for replica in self.replicas:
                self.runner.run(replica.close())
            self.runner.close()
            self.patch.undo()


async def replay(control: Control) -> tuple[State, list[Change]]:
    """The state after the whole stream, and the changes that stand."""
    state, standing, end = State(), [], await control.end()
    while state.position < end:
        for position, value in await control.read(state.position, 1):
            adopted = adopt(state, position, value)
            if adopted and adopted[1].stands:
                standing.append(adopted[0])
    return state, standing


def run_model(homes: Iterator[Home], examples: int, steps: int) -> None:
    """Each run has a home of its own."""

    class Here(Documents):
        @initialize()
        def begin(self) -> None:
            self.home = next(homes)
            super().begin()

    run_state_machine_as_test(
        Here,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


@pytest.mark.apart
def test_everyone_ends_with_the_same_documents_on_sqlite(tmp_path: Path) -> None:
    run_model((Home(f"sqlite://{tmp_path}/{number}/log.sqlite3", "") for number in count()), 60, 15)


@pytest.mark.timeout(600)  # a topic for each example
def test_everyone_ends_with_the_same_documents_on_kafka(kafka_home: Home) -> None:
    run_model((Home(f"{kafka_home.dsn}-{number}", "") for number in count()), 4, 10)
