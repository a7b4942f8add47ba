"""`discode install`: what a customer types once for each app."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from .host_names import SkipChecks
from .https import CertificateFile, PrivateKeyFile, RequireHttps, TlsChoice
from .options import App, Assignments, FromEnvironment, Json, SettingsFile
from .running import asking, run_and_show
from .source_login import CredentialsFile, PlainHttp

if TYPE_CHECKING:
    from ..core.installation import Route
    from ..flows.install import InstallRequest
    from ..flows.world import Result, World

Source = Annotated[
    str | None,
    typer.Option(
        "--from",
        metavar="SOURCE",
        help="Where the vendor's releases are: a folder or a web address. Default: the hub this machine trusts.",
        show_default=False,
    ),
]
Hosts = Annotated[
    list[str], typer.Option(help="A host name of the app; repeatable. Default: every host that no other app uses.")
]
PathPrefix = Annotated[str, typer.Option(help="Send only paths below this one to the app.")]
Channel = Annotated[str, typer.Option(help="The release channel to follow.")]
Version = Annotated[
    str | None,
    typer.Option("--to", "--version", metavar="VERSION", help="Install this version instead of the newest."),
]
Root = Annotated[
    str | None, typer.Option(metavar="FINGERPRINT", help="Trust only a vendor whose root key file has this SHA-256.")
]
LicenseFile = Annotated[
    str | None,
    typer.Option(
        metavar="FILE", help="A file with the license key; - reads standard input. Default: $DISCODE_LICENSE."
    ),
]
HttpPort = Annotated[int | None, typer.Option(help="The proxy's port for HTTP, for the whole machine; set once.")]
HttpsPort = Annotated[int | None, typer.Option(help="The proxy's port for HTTPS, for the whole machine; set once.")]
ProxyChoice = Annotated[
    Literal["docker", "edge"] | None,
    typer.Option(
        help="What takes the traffic of this machine: a container of kamal-proxy (for images, unless told "
        "otherwise), or the edge as a program. Kept from the first install on.",
        show_default=False,
    ),
]
ProxyImage = Annotated[
    str | None, typer.Option(metavar="IMAGE", help="The image of the proxy's container.", show_default=False)
]

TrustedProxies = Annotated[
    str | None,
    typer.Option(
        metavar="ADDRESS[,…]",
        help="Proxies in front of this machine's own: what they say of a client (X-Forwarded-For) is believed, and of "
        "nobody else. Networks, too.",
        show_default=False,
    ),
]
AutoUpdates = Annotated[
    bool | None,
    typer.Option(
        "--auto-updates/--no-auto-updates",
        help="Whether it is updated by itself: see discode auto --help. On a terminal you are asked; else it is not.",
        show_default=False,
    ),
]


def install(
    app: App,
    source: Source = None,
    host: Hosts = [],
    path_prefix: PathPrefix = "/",
    channel: Channel = "stable",
    version: Version = None,
    set_: Assignments = [],
    set_from_env: FromEnvironment = [],
    settings: SettingsFile = None,
    root: Root = None,
    license_file: LicenseFile = None,
    credentials_file: CredentialsFile = None,
    plain_http: PlainHttp = False,
    http_port: HttpPort = None,
    https_port: HttpsPort = None,
    proxy: ProxyChoice = None,
    proxy_image: ProxyImage = None,
    trusted_proxies: TrustedProxies = None,
    tls: TlsChoice = None,
    certificate: CertificateFile = None,
    private_key: PrivateKeyFile = None,
    require_https: RequireHttps = False,
    skip_checks: SkipChecks = False,
    auto_updates: AutoUpdates = None,
    as_json: Json = False,
) -> None:
    """Install an app.

    Starts the newest release and sends traffic to it, by HTTPS for a public host. A failure leaves settings and data.

    \b
        discode install myapp --from https://hub.example.com --host my.example.com
        discode install myapp --host my.example.com \\
            --certificate fullchain.pem --private-key key.pem
    """
    from ..flows.install import InstallRequest
    from . import https, source_login, wiring
    from .settings import collect

    route, values = _route(app, host, path_prefix, as_json), collect(set_, set_from_env, settings)
    machine = wiring.host(as_json)
    route, own = https.chosen(route, tls, certificate, private_key, machine, as_json, required=require_https)
    machine.configure(proxy, http_port, https_port, proxy_image, trusted_proxies)
    world = wiring.world(as_json, "discode install", pin=root, on=machine)
    address, login = source_login.taken_off(wiring.source(source, machine), credentials_file, as_json)
    source_login.keep_new(world, app, address, login, plain_http)
    wanted = InstallRequest(app, address, channel, version, route, values, own, require_https, skip_checks)
    _install(world, wanted, license_file, auto_updates, as_json)


def _install(
    world: World, wanted: InstallRequest, license_file: str | None, auto_updates: bool | None, as_json: bool
) -> None:
    """What only the customer can say is asked for."""
    from ..flows.install import install
    from .auto import choose_updates
    from .license_key import with_license

    def flow(given: dict[str, str]) -> Result:
        return install(world, replace(wanted, settings={**wanted.settings, **given}))

    def run() -> None:
        run_and_show(world, lambda: asking(flow, as_json), as_json)

    with_license(wanted.app, wanted.source, license_file, as_json, run)
    choose_updates(wanted.app, auto_updates, as_json)


def _route(app: str, hosts: list[str], path_prefix: str, as_json: bool) -> Route:
    """Raises UsageError for what is typed wrong, in the order in which it is typed."""
    from ..core.host_names import check_hosts
    from ..core.installation import Route
    from ..core.names import check_slug
    from ..core.path_prefix import check_path_prefix
    from .host_names import tell_international

    check_slug(app)
    route = Route(hosts=check_hosts(hosts), path_prefix=check_path_prefix(path_prefix, "--path-prefix /shop"))
    tell_international(route.hosts, as_json)
    return route
