"""What every browser test needs: a real Chromium, and a site of another origin than the gateway."""

import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

from playwright.sync_api import Browser, sync_playwright

CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking"
    " --disable-component-update --disable-sync"
)
BLANK = ("text/html", b"<!doctype html><title>Site</title>")


def chromium() -> str:
    path = next(filter(None, map(shutil.which, CHROMIUM)), None)
    assert path, f"none of {', '.join(CHROMIUM)} is installed"
    return path


@contextmanager
def open_browser(without: Sequence[str] = (), more: Sequence[str] = ()) -> Iterator[Browser]:
    """While it is open, its event loop runs in this thread, and no other test's can.

    `without` are arguments that Playwright gives by itself, `more` are further ones.
    """
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium(), args=[*ARGUMENTS.split(), *more], ignore_default_args=without
        )
        yield browser
        browser.close()


@contextmanager
def serve_pages(pages: Mapping[str, tuple[str, bytes]], headers: Mapping[str, str] | None = None) -> Iterator[str]:
    """The address of a site with these (media type, body) at these paths, and blank pages everywhere else.

    A real server: Chromium lets no page of unknown address, as an intercepted one is, ask a loopback address.
    """

    class Site(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            media_type, body = pages.get(self.path.partition("?")[0], BLANK)
            self.send_response(200)
            self.send_header("content-type", media_type)
            self.send_header("content-length", str(len(body)))
            for name, value in (headers or {}).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Site) as server:
        Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
