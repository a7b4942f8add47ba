"""Names proved by records at a DNS provider: tried by hand, and what there is. `proxy config` sets the provider."""

from __future__ import annotations

from typing import Annotated

import typer

from .options import Json
from .output import emit

HELP = """Try the DNS provider, and see which ones there are.

It proves names by records in DNS: wildcards, and names of machines that nobody reaches.

\b
    discode proxy dns providers cloudflare
    discode proxy config set dns_provider=cloudflare \\
        dns_credentials=/etc/discode/dns
    discode proxy dns check example.com
"""

app = typer.Typer(help=HELP, no_args_is_help=True, rich_markup_mode=None, add_completion=False)


@app.command()
def check(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A host name of yours.", show_default=False)],
    as_json: Json = False,
) -> None:
    """Try whether the DNS provider can prove a name.

    A record is added where a CA would look for one, waited for, and removed.
    """
    from . import wiring
    from .wiring_dns import DnsTrial, told_of

    told = DnsTrial(wiring.host(as_json)).check(name)
    emit({"result": "checked", **told}, told_of(told), as_json=as_json)


@app.command()
def providers(
    provider: Annotated[str | None, typer.Argument(metavar="[PROVIDER]", help="Show what this one asks for.")] = None,
    as_json: Json = False,
) -> None:
    """List the DNS providers, or what one of them asks for.

    With a PROVIDER: the NAME=value lines that the file of its credentials may have.
    """
    from . import wiring
    from .wiring_dns import DnsTrial

    trial = DnsTrial(wiring.host(as_json))
    if provider:
        options = trial.options(provider)
        emit({"provider": provider, "options": options}, "\n".join(options), as_json=as_json)
        return
    found = trial.providers()
    lines = [
        name if is_there else f"{name} (needs: pip install 'dns-lexicon[{name}]')" for name, is_there in found.items()
    ]
    emit({"providers": found}, "\n".join(lines), as_json=as_json)
