"""What `ask0 serve` tells the person who started it."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files

from rich.console import Console

from ask0.catalog.projects import NewProject
from ask0.cli.datadir import write_private
from ask0.cli.embedded import ANALYST, PASSWORD_FILE, Interface
from ask0.cli.links import console_link
from ask0.schemas.settings import Settings

CONSOLE_LINK_FILE = "console_link"  # of the first owner, likewise
SECRET_KEY_FILE = "secret_key"  # of the first project, where it cannot be shown on a terminal


@dataclass(frozen=True)
class Greeting:
    """On a terminal with some colour, elsewhere plain lines."""

    settings: Settings
    url: str
    interface: Interface | None
    demo: bool

    def show(self, write_key: str, new: NewProject | None, first_token: str = "") -> None:
        console = Console(highlight=False, soft_wrap=True)
        console.print(f"[bold]Ask0 is running.[/] Ctrl-C stops it; the data stays in {self.settings.data_dir}.\n")
        for name, value, note in self._lines(write_key, new, first_token, secretly=not console.is_terminal):
            console.print(f"  {name:<12} [bold]{value}[/]" + (f"  {note}" if note else ""))
        if stub := _stub(self.settings.public_url or self.url, write_key):
            console.print("\nPaste this into the <head> of your pages:\n")
            console.print(f"<script>{stub}</script>", markup=False)
        console.print()

    def show_waiting(self) -> None:
        Console(highlight=False, soft_wrap=True).print(
            f"Ask0 takes events on {self.url}. ClickHouse does not answer yet: they become visible when it does."
        )

    def _lines(
        self, write_key: str, new: NewProject | None, first_token: str, *, secretly: bool
    ) -> Iterator[tuple[str, str, str]]:
        """`secretly` where what is printed may be kept, in a log of whoever runs this: secrets are in files then."""
        yield "Gateway", self.url, ""
        yield self._console(first_token, secretly=secretly)
        if self.demo:
            yield "Demo page", f"{self.url}/demo", ""
        if self.interface and self.interface.analyst_password:
            password = self.interface.analyst_password if self.interface.password_is_new else "as before"
            if secretly or self.settings.analyst_password.get_secret_value():
                password = f"in {self.settings.data_dir / PASSWORD_FILE}"
            if self.settings.analyst_password.get_secret_value():
                password = "as in ASK0_ANALYST_PASSWORD"
            yield "ClickHouse", self.interface.url, f"user {ANALYST}, password {password}"
        if write_key:
            yield "Write key", write_key, "public: it goes into the snippet"
        if self.settings.bootstrap_secret_key.get_secret_value():
            yield "Secret key", "sk_…", "as in ASK0_BOOTSTRAP_SECRET_KEY"
        elif new and new.secret_key and secretly:
            path = self.settings.data_dir / SECRET_KEY_FILE
            write_private(path, f"{new.secret_key}\n".encode())
            yield "Secret key", "sk_…", f"in {path}: keep it on your servers, and remove the file"
        elif new and new.secret_key:
            yield "Secret key", new.secret_key, "keep it on your servers; it is not shown again"
        else:
            yield "Secret key", "sk_…", "shown when it was made; `ask0 key create --secret` makes another"

    def _console(self, first_token: str, *, secretly: bool) -> tuple[str, str, str]:
        own = f"{(self.settings.public_url or self.url).rstrip('/')}/console/"
        if not first_token:
            return "Console", own, ""
        link = console_link(self.settings, first_token, self.url)
        if not secretly:
            return "Console", link, "signs you in as owner, once"
        path = self.settings.data_dir / CONSOLE_LINK_FILE
        write_private(path, f"{link}\n".encode())
        return "Console", own, f"a link that signs you in as owner, once, is in {path}"


def _stub(url: str, write_key: str) -> str:
    """The widget's stub for this gateway and key; empty when the widget is not built."""
    manifest = files("ask0.gateway") / "static" / "manifest.json"
    if not write_key or not manifest.is_file():
        return ""
    stub: str = json.loads(manifest.read_text())["snippet"]
    return stub.replace("__ASK0_HOST__", url).replace("__ASK0_KEY__", write_key)
