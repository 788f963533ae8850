"""What a website loads and asks, as groups of operations."""

from dataclasses import replace

from starlette.middleware import Middleware

from ask0.gateway.callers import Access
from ask0.gateway.cors import Cors, PublicRoute, SameSite, SameSiteRoute
from ask0.gateway.entrance import Entrance
from ask0.gateway.groups import Group
from ask0.gateway.operations import Operation
from ask0.gateway.site.cookie import renew
from ask0.gateway.site.demo import Demo
from ask0.gateway.site.sdk_settings import SdkSettings
from ask0.gateway.site.static import Static
from ask0.gateway.site.visitor import Visitor
from ask0.schemas import wire
from ask0.schemas.api import AccessAnswer, AccessParameters

SDK_METRICS = ("/m", "/v1/m", "/m/", "/v1/m/", "/rsaMetrics", "/rsaMetrics/")


def page_group(entrance: Entrance, cors: Cors, visitor: Visitor) -> Group:
    """Pages of the listed sites may call these, by default of any."""
    user = Operation(
        "POST",
        "/v1/user",
        visitor.user,
        "The traits that a page may read of its visitor",
        Access.PAGE,
        body=wire.Visitor,
        answers=wire.VisitorAnswer,
    )
    return Group(replace(entrance, check=cors.check), [user], Middleware(PublicRoute, cors))


def public_group(entrance: Entrance, cors: Cors, sdks: SdkSettings, static: Static) -> Group:
    """Pages of any site may call these."""
    operations = [
        Operation("GET", "/v1/projects/{writeKey}/settings", sdks.segment, "Settings of analytics-next", Access.PAGE),
        Operation("GET", "/sourceConfig", sdks.rudderstack, "Settings of RudderStack's JavaScript SDK", Access.PAGE),
        Operation("GET", "/sourceConfig/", sdks.rudderstack, "", Access.PAGE, hidden=True),
        *(Operation("POST", path, sdks.ignore_metrics, "", hidden=True) for path in SDK_METRICS),
        Operation(
            "GET",
            "/snippet.js",
            static.snippet,
            "The widget's stub for ?writeKey=, consent= and cookieDomain=",
            Access.PAGE,
        ),
    ]
    return Group(entrance, operations, Middleware(PublicRoute, cors))


def cookie_group(entrance: Entrance, same_site: SameSite) -> Group:
    """Pages of the gateway's own site may call this."""
    renewal = Operation(
        "POST",
        "/v1/cookie",
        renew,
        "Set the guest's cookie for 400 days",
        Access.PAGE,
        body=wire.Guest,
        answers=wire.Renewed,
    )
    return Group(entrance, [renewal], Middleware(SameSiteRoute, same_site))


def file_group(entrance: Entrance, static: Static) -> Group:
    """Files say themselves who may read them."""
    return Group(
        entrance,
        [
            Operation(
                "GET", "/ask0.json", static.manifest, "Names and integrity of the widget's files, to pin a version"
            ),
            Operation("GET", "/ask0.js", static.bundle, "The newest widget"),
            Operation("GET", "/ask0.{version}.js", static.versioned_bundle, "One version of the widget, for ever"),
            Operation("GET", "/auto.js", static.auto, "The newest widget for pages without a snippet"),
            Operation("GET", "/auto.{version}.js", static.versioned_auto, "One version of it, for ever"),
            Operation("GET", "/more.{hash}.js", static.more, "What the widget loads when a page first needs it"),
        ],
    )


def demo_group(entrance: Entrance, demo: Demo) -> Group:
    return Group(
        entrance,
        [
            Operation("GET", "/demo", demo.page, "A help centre to try the widget on"),
            Operation("GET", "/demo/", demo.page_without_slash, "", hidden=True),
            Operation(
                "GET",
                "/demo/access",
                demo.access,
                "Whether a visitor of the demo may chat",
                query=AccessParameters,
                answers=AccessAnswer,
            ),
            Operation("GET", "/demo/rows", demo.rows, "The rows that one ?user= of the demo has made"),
        ],
    )
