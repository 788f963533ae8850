"""The widgets under comparison: what of each a page carries, bundled with the flags of Ask0's own."""

import base64
import hashlib
import json
import subprocess
import tarfile
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ask0.gateway.site.static import STATIC

HERE = Path(__file__).parent
MODULES = HERE / "node_modules"
# As widget/build.js has them. Modules in pieces, because then only the pieces that a page loads count.
FLAGS = (
    *("--bundle", "--minify", "--target=es2021", "--legal-comments=none", "--charset=utf8", "--tsconfig-raw={}"),
    "--log-level=error",
)
PIECES = ("--format=esm", "--splitting")

# Umami's tracker is on npm only inside the whole application, of which nothing else is wanted.
UMAMI = "umami@2.10.0"
UMAMI_INTEGRITY = "+lmrnV0751R6U2rkIgVAlE1nWI7yZawlMlJDguW9tlFacCKhnGeCyc7tCMIhNNYIiGIQy4DEX5IzJhm4b3+dPA=="
UMAMI_SOURCE = "package/src/tracker/index.js"
# Its own build fills these in, in versions that have them.
UMAMI_PLACEHOLDERS = {"__COLLECT_API_HOST__": "", "__COLLECT_API_ENDPOINT__": "/api/send"}


@dataclass(frozen=True)
class Peer:
    """`tag` is a script that its entry counts on, COLLECTOR its address. `source` is taken instead of npm's."""

    name: str
    package: str
    note: str
    tag: str = ""
    source: Path | None = None

    @property
    def version(self) -> str:
        if self.source:
            return "given source"
        if not self.package:
            return str(json.loads((STATIC / "manifest.json").read_text())["version"])
        if self.package == "umami":
            return UMAMI.partition("@")[2]
        return str(json.loads((MODULES / self.package / "package.json").read_text())["version"])


PEERS: Mapping[str, Peer] = {
    "ask0": Peer(
        "Ask0",
        "",
        "ask0.js from gateway/static, defaults.",
        '<script src="COLLECTOR/ask0.js#wk_bench" crossorigin></script>',
    ),
    "umami": Peer(
        "Umami",
        "umami",
        "npm has the tracker only in this old release of the whole application. Its fetch has no `keepalive`, which"
        " came in June 2025 (umami#3489) and lets requests outlive the page; `--umami` takes a newer source.",
        '<script src="COLLECTOR/umami.js" data-website-id="00000000-0000-4000-8000-000000000000"'
        ' data-host-url="COLLECTOR"></script>',
    ),
    "plausible": Peer("Plausible", "@plausible-analytics/tracker", "`captureOnLocalhost`, else defaults."),
    "openpanel": Peer(
        "OpenPanel", "@openpanel/web", "`trackScreenViews`, else defaults. Session replay would load 57 kB more."
    ),
    "segment": Peer(
        "Segment",
        "@segment/analytics-next",
        "Defaults: one request per event. `deliveryStrategy: batching` sends fewer, and with its `keepalive` they"
        " outlive the page.",
    ),
    "rudderstack": Peer(
        "RudderStack",
        "@rudderstack/analytics-js",
        "The `/bundled` export, else defaults: the default export (34 kB) loads its plugins from RudderStack's servers."
        " `useBeacon` lets requests outlive the page, and retries none.",
    ),
    "posthog": Peer(
        "PostHog",
        "posthog-js",
        "`defaults: latest` and `opt_out_useragent_filter`, else defaults. Its slim bundle, for which one picks the"
        " extensions, is 54 kB.",
    ),
}


def install() -> None:
    """The packages at the locked versions, if they are not there yet."""
    installed, lock = MODULES / ".package-lock.json", HERE / "package-lock.json"
    if not installed.exists() or installed.stat().st_mtime < lock.stat().st_mtime:
        subprocess.run(
            ["npm", "ci", "--ignore-scripts", "--silent", "--no-audit", "--no-fund", "--prefix", str(HERE)],
            check=True,
            timeout=600,
        )
        installed.touch()


def build(key: str, source: Path | None = None) -> dict[str, bytes]:
    """Every script that a page with this peer may ask for, by path. `entry.js` is the one that it starts with."""
    with tempfile.TemporaryDirectory() as folder:
        entry = HERE / "entries" / f"{key}.js"
        bundle(*PIECES, f"--outdir={folder}", "--entry-names=entry", str(entry))
        files = {f"/{path.name}": path.read_bytes() for path in Path(folder).iterdir()}
    if key == "ask0":
        served = [STATIC / "ask0.js", *STATIC.glob("more.*.js")]
        files |= {f"/{path.name}": path.read_bytes() for path in served}
    if key == "umami":
        files["/umami.js"] = build_umami(source or fetch_umami())
    return files


def bundle(*arguments: str) -> bytes:
    command = [str(MODULES / ".bin" / "esbuild"), *FLAGS, *arguments]
    return subprocess.run(command, check=True, timeout=60, stdout=subprocess.PIPE).stdout


def build_umami(source: Path) -> bytes:
    script = bundle("--format=iife", str(source)).decode()
    for placeholder, value in UMAMI_PLACEHOLDERS.items():
        script = script.replace(placeholder, value)
    return script.encode()


def fetch_umami() -> Path:
    source = MODULES / ".umami" / UMAMI_SOURCE
    if not source.exists():
        with tempfile.TemporaryDirectory() as folder:
            command = ["npm", "pack", UMAMI, "--silent", "--pack-destination", folder]
            subprocess.run(command, check=True, timeout=120, stdout=subprocess.DEVNULL, cwd=folder)
            archive = next(Path(folder).glob("*.tgz"))
            digest = base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
            if digest != UMAMI_INTEGRITY:
                raise ValueError(f"{UMAMI} from npm is not the one that was measured: its sha512 is {digest}")
            with tarfile.open(archive) as content:
                content.extract(UMAMI_SOURCE, MODULES / ".umami", filter="data")
    return source
