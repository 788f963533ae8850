"""`python -m bench.widgets [--peer NAME] [--scenario NAME] [--runs N]`: size and delivery of widgets, as tables."""

import argparse
import asyncio
import gzip
import statistics
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import brotli
from playwright.async_api import Browser
from playwright.async_api import Error as BrowserError
from rich.console import Console
from rich.table import Table

from ask0.gateway.site.static import STATIC
from bench.widgets import scenarios
from bench.widgets.peers import PEERS, Peer, build, install
from bench.widgets.scenarios import SCENARIOS, Outcome, Scenario

AT_ONCE = 4  # visitors: they mostly wait

Scripts = Mapping[str, bytes]
Built = Scripts | str  # or why they could not be built
Result = Outcome | str  # or why there is none


@dataclass(frozen=True)
class Report:
    """What each peer does on a page that stays, and by (scenario, peer) what each run gave."""

    browser: str
    stays: Mapping[str, Result]
    cells: Mapping[tuple[str, str], list[Result]]


def prepare(key: str, peer: Peer) -> Built:
    try:
        return build(key, peer.source)
    except subprocess.CalledProcessError as error:
        return f"not built: {Path(error.cmd[0]).name} failed, its messages are above"
    except (subprocess.TimeoutExpired, OSError, ValueError) as error:
        return f"not built: {error}"


async def measure(peers: Mapping[str, Peer], scripts: Mapping[str, Built], names: Sequence[str], runs: int) -> Report:
    slots = asyncio.Semaphore(AT_ONCE)

    async def attempt(browser: Browser, key: str, scenario: Scenario) -> Result:
        files = scripts[key]
        if isinstance(files, str):
            return files
        async with slots:
            try:
                return await scenarios.run(browser, peers[key], files, scenario)
            except (BrowserError, TimeoutError) as error:
                return f"not run: {str(error).partition(chr(10))[0] or 'out of time'}"

    async with scenarios.open_browser() as browser:
        stays = await asyncio.gather(*(attempt(browser, key, scenarios.stay) for key in scripts))
        cells = [(name, key) for name in names for key in scripts]
        jobs = [attempt(browser, key, SCENARIOS[name][1]) for name, key in cells for _ in range(runs)]
        results = await asyncio.gather(*jobs)
        grouped = {cell: results[index * runs : (index + 1) * runs] for index, cell in enumerate(cells)}
        return Report(browser.version, dict(zip(scripts, stays, strict=True)), grouped)


def sizes(peers: Mapping[str, Peer], scripts: Mapping[str, Built], stays: Mapping[str, Result]) -> Table:
    table = Table("widget", "package", "version", "gzip -9, B", "brotli, B", "scripts", "gzip of all built, B", "check")
    table.title = "Size: every script that a page loads to send events, with the entry file from bench/widgets/entries"
    for key, result in stays.items():
        peer, files = peers[key], scripts[key]
        label = [peer.name, peer.package or "gateway/static", peer.version]
        if isinstance(result, str) or isinstance(files, str):
            table.add_row(*label, "", "", "", "", str(result))
            continue
        loaded = [files[path] for path in sorted(result.loaded)]
        table.add_row(
            *label,
            f"{sum(len(gzip.compress(file, 9)) for file in loaded):,}",
            f"{sum(len(brotli.compress(file)) for file in loaded):,}",
            str(len(loaded)),
            f"{sum(len(gzip.compress(file, 9)) for file in files.values()):,}",
            f"{result.marks[-1]}/{result.sent} arrive",
        )
    return table


def delivery(peers: Mapping[str, Peer], report: Report, runs: int) -> Table:
    table = Table("scenario", *(peer.name for peer in peers.values()))
    table.title = f"Delivery in Chromium {report.browser}: events that got a 200 / sent, requests with events (median)"
    table.caption = (
        f"{runs} runs each; those that differ are all printed. An arrow: before and after coming back. Twice: the"
        " collector got it twice. Ask0's, Segment's, RudderStack's and PostHog's events carry an id to drop copies by."
    )
    for name in dict.fromkeys(name for name, _ in report.cells):
        table.add_row(SCENARIOS[name][0], *(cell(report.cells[name, key]) for key in peers))
    return table


def cell(results: Sequence[Result]) -> str:
    """Runs that went alike are printed once."""
    outcomes = [result for result in results if isinstance(result, Outcome)]
    if not outcomes:
        return str(results[0])
    arrived = [" → ".join(map(str, outcome.marks)) for outcome in outcomes]
    lines = [f"{', '.join(arrived if len(set(arrived)) > 1 else arrived[:1])} / {outcomes[0].sent}"]
    lines.append(f"{statistics.median(outcome.requests for outcome in outcomes):.0f} req")
    duplicates = [outcome.duplicates for outcome in outcomes]
    if any(duplicates):
        lines.append(f"{', '.join(map(str, duplicates))} twice")
    lines += [result for result in results if isinstance(result, str)]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.widgets", description=__doc__)
    parser.add_argument("--peer", action="append", choices=PEERS, help="only this one; may be repeated")
    parser.add_argument("--scenario", action="append", choices=SCENARIOS, help="only this one; may be repeated")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--umami", type=Path, help="src/tracker/index.* of a checkout of Umami newer than npm's")
    chosen = parser.parse_args()
    peers = {key: PEERS[key] for key in chosen.peer or PEERS}
    if chosen.umami and "umami" in peers:
        peers["umami"] = replace(peers["umami"], source=chosen.umami)
    if not (STATIC / "manifest.json").exists():
        raise SystemExit("the widget is not built: make widget")
    install()
    scripts = {key: prepare(key, peer) for key, peer in peers.items()}
    report = asyncio.run(measure(peers, scripts, chosen.scenario or list(SCENARIOS), chosen.runs))
    console = Console(width=170)
    console.print(sizes(peers, scripts, report.stays))
    console.print(delivery(peers, report, chosen.runs))
    for peer in peers.values():
        console.print(f"{peer.name}: {peer.note}", markup=False, highlight=False)


if __name__ == "__main__":
    main()
