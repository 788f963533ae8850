"""Where processes end, fork, or are interrupted: nothing is lost, nothing is sent twice, nothing hangs."""

import asyncio
import os
import subprocess
import sys
from collections import Counter
from textwrap import dedent

import pytest
from ask0_sdk import AsyncAsk0

from tests.sdk.python.conftest import SDK
from tests.sdk.python.gateway_double import HANG, Fault, GatewayDouble

BEGIN = """
import asyncio, os, signal, sys, threading
from ask0_sdk import Ask0, AsyncAsk0

def told(refusal):
    print(refusal.reason, refusal.event["event"], flush=True)

host, close_seconds = sys.argv[1], float(sys.argv[2])
options = dict(host=host, secret_key="sk_1", flush_seconds=3600, close_seconds=close_seconds, on_refused=told)
"""

pytestmark = pytest.mark.apart


def run(double: GatewayDouble, program: str, close_seconds: float = 30) -> subprocess.CompletedProcess[str]:
    """To its end; one that hangs fails after a minute."""
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", BEGIN + dedent(program), double.url, str(close_seconds)],
        env={**os.environ, "PYTHONPATH": str(SDK)},
        capture_output=True,
        text=True,
        timeout=60,
    )


THREAD = """
    client = Ask0(**options)
    for n in range(3):
        client.track(str(n), user_id="u")
"""
TASK = """
    client = AsyncAsk0(**options)
    async def main():
        for n in range(3):
            client.track(str(n), user_id="u")
            await asyncio.sleep(0)
    asyncio.run(main())
"""
NO_LOOP = """
    client = AsyncAsk0(**options)
    for n in range(3):
        client.track(str(n), user_id="u")
"""
PROGRAMS = {"a thread": THREAD, "a task whose loop is gone": TASK, "no loop ever": NO_LOOP}
ENDS = {"its last line": ("", 0), "sys.exit": ("    sys.exit(3)", 3), "an exception": ("    raise OSError", 1)}


@pytest.mark.parametrize("program", PROGRAMS.values(), ids=PROGRAMS)
@pytest.mark.parametrize(("end", "code"), ENDS.values(), ids=ENDS)
def test_a_program_that_ends_sends_what_is_queued(double: GatewayDouble, program: str, end: str, code: int) -> None:
    done = run(double, program + end)
    assert (done.returncode, done.stdout) == (code, ""), done.stderr
    assert double.names() == ["0", "1", "2"]


FAULTS = {"hangs": HANG, "is away": Fault(raw=b""), "says later": Fault(503, {"retry-after": "300"})}


@pytest.mark.parametrize("program", PROGRAMS.values(), ids=PROGRAMS)
@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_a_program_ends_within_its_bound_when_the_server(double: GatewayDouble, program: str, fault: Fault) -> None:
    double.fail(fault)
    done = run(double, program, close_seconds=0.3)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["closed 0", "closed 1", "closed 2"]


def test_it_ends_in_the_middle_of_a_request(double: GatewayDouble) -> None:
    double.fail(HANG)
    program = THREAD + "    assert not client.flush(0.2)\n"
    done = run(double, program, close_seconds=0.3)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["closed 0", "closed 1", "closed 2"]
    assert len(double.tries) == 1


def test_many_clients_share_one_bound(double: GatewayDouble) -> None:
    double.fail(HANG)
    program = """
        clients = [Ask0(**options) for _ in range(50)]
        for client in clients:
            client.track("e", user_id="u")
    """
    done = run(double, program, close_seconds=2)  # one after the other they would need longer than run allows
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["closed e"] * 50


FORK = """
    client = {kind}(**options)
    client.track("of the parent", user_id="u")
    children = []
    for number in range(4):
        child = os.fork()
        if not child:
            client.track(f"of child {{number}}", user_id="u")
            sys.exit(0)
        children.append(child)
    assert [os.waitpid(child, 0)[1] for child in children] == [0] * 4
    client.track("of the parent, later", user_id="u")
"""


@pytest.mark.parametrize("kind", ["Ask0", "AsyncAsk0"])
def test_a_forked_process_sends_its_own_events_and_not_the_parents(double: GatewayDouble, kind: str) -> None:
    done = run(double, FORK.format(kind=kind))
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    assert Counter(event["event"] for _, events in double.tries for event in events) == Counter(
        ["of the parent", "of the parent, later", *(f"of child {number}" for number in range(4))]
    )
    assert len({event["messageId"] for event in double.events}) == 6


def test_forks_in_the_midst_of_sending_and_tracking_do_no_harm(double: GatewayDouble) -> None:
    """As gunicorn does with an application that is loaded before: the parent has threads, locks and a connection."""
    program = """
        options["flush_seconds"] = 0.001
        client = Ask0(**options)
        going = True

        def track():
            while going:
                client.track("parent", user_id="u")

        threads = [threading.Thread(target=track) for _ in range(2)]
        for thread in threads:
            thread.start()
        children = []
        for number in range(12):
            child = os.fork()
            if not child:
                try:
                    client.track(f"child {number}", user_id="u")
                    assert client.flush()
                    client.close()
                    os._exit(0)
                finally:
                    os._exit(1)
            children.append(child)
        codes = [os.waitpid(child, 0)[1] for child in children]
        going = False
        for thread in threads:
            thread.join()
        client.close()
        assert codes == [0] * 12, codes
    """
    done = run(double, program)
    assert done.returncode == 0, done.stderr
    sent = Counter(event["messageId"] for _, events in double.tries for event in events)
    assert set(sent.values()) == {1}
    assert {name for name in double.names() if name != "parent"} == {f"child {number}" for number in range(12)}


def test_a_signals_handler_may_track_at_any_moment(double: GatewayDouble) -> None:
    program = """
        client = Ask0(**options)
        handled = 0

        def handle(number, frame):
            global handled
            handled += 1
            client.track("handled", user_id="u")

        signal.signal(signal.SIGALRM, handle)
        signal.setitimer(signal.ITIMER_REAL, 0.0005, 0.0005)
        while handled < 300:
            client.track("main", user_id="u")
        signal.setitimer(signal.ITIMER_REAL, 0)
        client.close()
        print(handled)
    """
    done = run(double, program)
    assert done.returncode == 0, done.stderr
    assert double.names().count("handled") == int(done.stdout)


def test_a_client_goes_from_one_event_loop_to_the_next(double: GatewayDouble) -> None:
    client = AsyncAsk0("sk_1", double.url, flush_seconds=3600)
    client.track("before any", user_id="u")

    async def track(name: str) -> None:
        client.track(name, user_id="u")
        await asyncio.sleep(0)  # its task begins, and is cancelled with the loop

    async def finish() -> None:
        client.track("three", user_id="u")
        assert await client.flush()
        await client.close()

    asyncio.run(track("one"))
    asyncio.run(track("two"))
    asyncio.run(finish())
    assert double.names() == ["before any", "one", "two", "three"]
