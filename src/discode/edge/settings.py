"""The settings of an edge: what its `run` was given."""

from __future__ import annotations

from dataclasses import dataclass, field

from .services.tls import HttpsSettings


@dataclass(frozen=True)
class Settings:
    """The options of `run`. `addresses`: where it listens. `metrics_port` 0: no metrics. Seconds: `body_grace`, see
    `trickle`; `old_workers`, how long a worker that a reload has left serves the connections that it has.
    """

    addresses: tuple[str, ...]
    http_port: int
    metrics_port: int = 0
    access_log: bool = True
    body_grace: float = 30.0
    old_workers: float = 1800.0
    https: HttpsSettings = field(default_factory=HttpsSettings)
