"""What a website loads and asks, as groups of operations."""

from starlette.middleware import Middleware

from ask0.gateway.cors import Cors, PublicRoute, SameSite, SameSiteRoute
from ask0.gateway.groups import Group
from ask0.gateway.operations import Operation
from ask0.gateway.site.cookie import Cookie
from ask0.gateway.site.demo import Demo
from ask0.gateway.site.sdk_settings import SdkSettings
from ask0.gateway.site.static import Static
from ask0.gateway.site.visitor import Visitor
from ask0.schemas import wire

SDK_METRICS = ("/m", "/v1/m", "/m/", "/v1/m/", "/rsaMetrics", "/rsaMetrics/")


def public_group(cors: Cors, visitor: Visitor, sdks: SdkSettings, static: Static) -> Group:
    """Pages of any site may call these."""
    operations = [
        Operation(
            "POST",
            "/v1/user",
            visitor.user,
            "The traits that a page may read of its visitor",
            body=wire.Visitor,
            answer=wire.VisitorAnswer,
        ),
        Operation("GET", "/v1/projects/{writeKey}/settings", sdks.segment, "Settings of analytics-next"),
        Operation("GET", "/sourceConfig", sdks.rudderstack, "Settings of RudderStack's JavaScript SDK"),
        Operation("GET", "/sourceConfig/", sdks.rudderstack, "", hidden=True),
        *(Operation("POST", path, sdks.ignore_metrics, "", hidden=True) for path in SDK_METRICS),
        Operation("GET", "/snippet.js", static.snippet, "The widget's stub for ?writeKey=, consent= and cookieDomain="),
    ]
    return Group(operations, Middleware(PublicRoute, cors))


def cookie_group(cookie: Cookie, same_site: SameSite) -> Group:
    """Pages of the gateway's own site may call this."""
    renew = Operation(
        "POST", "/v1/cookie", cookie.renew, "Set the guest's cookie for 400 days", body=wire.Guest, answer=wire.Renewed
    )
    return Group([renew], Middleware(SameSiteRoute, same_site))


def file_group(static: Static) -> Group:
    """Files say themselves who may read them."""
    return Group(
        [
            Operation(
                "GET", "/ask0.json", static.manifest, "Names and integrity of the widget's files, to pin a version"
            ),
            Operation("GET", "/ask0.js", static.bundle, "The newest widget"),
            Operation("GET", "/ask0.{version}.js", static.versioned_bundle, "One version of the widget, for ever"),
            Operation("GET", "/auto.js", static.auto, "The newest widget for pages without a snippet"),
            Operation("GET", "/auto.{version}.js", static.versioned_auto, "One version of it, for ever"),
            Operation("GET", "/more.{hash}.js", static.more, "What the widget loads when a page first needs it"),
        ]
    )


def demo_group(demo: Demo) -> Group:
    return Group(
        [
            Operation("GET", "/demo", demo.page, "A help centre to try the widget on"),
            Operation("GET", "/demo/", demo.page_without_slash, "", hidden=True),
            Operation("GET", "/demo/rows", demo.rows, "The rows that one ?user= of the demo has made"),
        ]
    )
