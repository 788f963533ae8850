"""The pictures of the README, taken of a real console with demo data: `make screenshots`."""

import tempfile
from pathlib import Path

from bench.stack import Stack, wait_for
from tests.browser.pages import open_browser
from tests.cli.processes import run
from tests.console.conftest import enter

PICTURES = Path(__file__).parents[2] / "docs" / "pictures"
FILTER = '{"all":[{"trait":"plan","op":"in","value":["pro","enterprise"]}]}'


def take(stack: Stack) -> None:
    link = run("member", "invite", "ann@example.com", settings=stack.environ).out.strip()
    with open_browser() as browser:
        page = browser.new_page(viewport={"width": 1200, "height": 760})
        enter(page, link)
        page.wait_for_url("**/dashboard**")
        home = page.url.partition("/dashboard")[0]
        for name, path, there in (
            ("dashboard", "dashboard", ".board"),
            ("users", f"users?filter={FILTER}", ".rows-row"),
            ("user", "users/demo-9?tab=conversations", "dialog button.link"),
        ):
            page.goto(f"{home}/{path}")
            page.wait_for_selector(there)
            if name == "user":
                page.locator(there).first.click()
                page.wait_for_selector(".thread .answer")
            page.wait_for_load_state("networkidle")
            page.screenshot(path=PICTURES / f"{name}.png")


if __name__ == "__main__":
    PICTURES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, Stack(Path(folder), ASK0_BOOTSTRAP_PROJECT="Help centre") as stack:
        played = run("demo", "--url", stack.url, "--users", "320", settings=stack.environ)
        assert played.code == 0, played.err
        wait_for(lambda: int(stack.query("SELECT count() FROM ask0.users")) >= 300, "the people")
        take(stack)
