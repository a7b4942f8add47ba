"""A network of ours: the proxy's or an app's, and addresses in it that an instance keeps over its restarts."""

from __future__ import annotations

import ipaddress
import secrets
from typing import Any

from ...core.errors import Failed, Refused
from .engine import Engine
from .names import APP, ROLE, labels

NETWORK = "network"  # its role
TRIES = 5
POOLS = "default-address-pools in /etc/docker/daemon.json"
AGAIN = "See whether there is room then: discode doctor"


class Network:
    """Its subnet is named at the creation: Docker gives fixed addresses in such networks alone. `app`: whose it is; the
    proxy's is no app's."""

    def __init__(self, engine: Engine, name: str, app: str = ""):
        self._engine, self.name, self.app = engine, name, app

    def ensure(self) -> None:
        """Raises Refused when the network is somebody else's."""
        told = self._inspect()
        for _ in range(TRIES):
            if told is not None:
                break
            self._create(self._free_subnet())
            told = self._inspect()
        if told is None:
            raise self._no_subnet("others took each that it had")
        if not self._is_ours(told):
            raise Refused(
                f"A network named {self.name} exists and does not belong to Discode. Nothing was changed.",
                f"Remove it if nobody needs it (docker network rm {self.name}), then run the command again."
                if self.app
                else "Choose another name: proxy_network in config.toml.",
                key="network-taken",
            )

    def look(self) -> str:
        """Whether it is there or can be made, for people. As far as the engine's pools, its networks and this machine's
        routes tell: nothing is made. Raises Failed when it cannot, RuntimeUnreachable."""
        from ...core.subnets import has_room  # late: `doctor` alone looks
        from ..machine import direct_routes

        with self._engine.errors("list its networks"):
            if self._inspect() is not None:
                return f"{self.name} is there"
            networks = self._engine.api.networks()
        taken = [str(one.get("Subnet", "")) for each in networks for one in each["IPAM"].get("Config") or []]
        pools = [(str(one["Base"]), int(one["Size"])) for one in self._engine.info.get("DefaultAddressPools") or []]
        if has_room(pools, [*taken, *(direct_routes() if self._engine.reaches_containers else [])]):
            return f"there is room for {self.name}"
        raise self._no_subnet("the subnets of its address pools are all in use")

    def _no_subnet(self, why: str) -> Failed:
        return Failed(
            f"Docker has no subnet left for the network {self.name}: {why}.",
            f"Remove networks that nothing uses (docker network prune), or give Docker more address pools "
            f"({POOLS}). {AGAIN}",
            key="no-subnet",
        )

    def free_address(self) -> str:
        """One that no container of the network has, running or not; the lowest after those that are in use."""
        told = self._inspect()
        assert told is not None
        subnet = ipaddress.ip_network(told["IPAM"]["Config"][0]["Subnet"])
        taken = self._taken(told)
        hosts = [address for address in subnet.hosts() if str(address) not in taken]
        last = max((ipaddress.ip_address(one) for one in taken), default=subnet.network_address)
        # A freed address is not used again soon: a proxy may still be sending to it.
        later = [address for address in hosts if int(address) > int(last)]
        return str((later or hosts)[0])

    def remove(self) -> None:
        """Ours, and when nobody is in it; with the trials of commands that were killed at them."""
        import docker.errors

        for told in self._engine.api.networks(filters={"label": f"{ROLE}={NETWORK}"}):
            if not self._is_ours(told) or (told["Name"] != self.name and not told["Name"].startswith(self._trials)):
                continue
            try:
                self._engine.api.remove_network(told["Id"])
            except docker.errors.NotFound:
                continue
            except docker.errors.APIError as error:
                if error.status_code not in (403, 409):  # somebody's container is in it
                    raise

    def members(self) -> list[str]:
        """The names of the containers that are in it, running or not, whether it is there or not: Docker lets go of a
        network that none but stopped ones are in."""
        found = self._engine.api.containers(all=True, filters={"network": self.name})
        # The engine takes the name for a pattern, in which a dot is any character, and an end may follow.
        return sorted(one["Names"][0].lstrip("/") for one in found if self.name in one["NetworkSettings"]["Networks"])

    def _is_ours(self, told: dict[str, Any]) -> bool:
        marks = told["Labels"] or {}
        return marks.get(ROLE) == NETWORK and marks.get(APP, "") == self.app

    @property
    def _trials(self) -> str:
        """What their names begin with; no app's network has such a one."""
        return f"{self.name}.."

    @property
    def _labels(self) -> dict[str, str]:
        return labels(self.app, NETWORK) if self.app else {ROLE: NETWORK}

    def _taken(self, told: dict[str, Any]) -> set[str]:
        config = told["IPAM"]["Config"][0]
        found = {config.get("Gateway") or str(next(ipaddress.ip_network(config["Subnet"]).hosts()))}
        found |= {one["IPv4Address"].partition("/")[0] for one in told["Containers"].values()}
        for one in self._engine.api.containers(all=True, filters={"network": self.name}):
            attached = one["NetworkSettings"]["Networks"].get(self.name) or {}
            fixed = (attached.get("IPAMConfig") or {}).get("IPv4Address")
            found |= {text for text in (attached.get("IPAddress"), fixed) if text}
        return found

    def _inspect(self) -> dict[str, Any] | None:
        import docker.errors

        try:
            return dict(self._engine.api.inspect_network(self.name))
        except docker.errors.NotFound:
            return None

    def _create(self, subnet: str) -> None:
        import docker.errors
        import docker.types

        ipam = docker.types.IPAMConfig(pool_configs=[docker.types.IPAMPool(subnet=subnet)])
        try:
            self._engine.api.create_network(
                self.name, driver="bridge", check_duplicate=True, labels=self._labels, ipam=ipam
            )
        except docker.errors.APIError as error:
            # 409: another command was first. 403 and 500: the subnet has been taken since we looked.
            if error.status_code not in (403, 409, 500):
                raise

    def _free_subnet(self) -> str:
        """Docker knows which are free, and tells by giving one."""
        trial = self._trial()
        try:
            return str(self._engine.api.inspect_network(trial)["IPAM"]["Config"][0]["Subnet"])
        finally:
            self._engine.api.remove_network(trial)

    def _trial(self) -> str:
        """Nothing but a name and a label is asked for: what an engine that answers can refuse is the subnet."""
        import docker.errors

        try:
            told = self._engine.api.create_network(f"{self._trials}{secrets.token_hex(4)}", labels=self._labels)
        except docker.errors.APIError as error:
            raise self._no_subnet(str(error.explanation or error)) from error
        return str(told["Id"])


def address_of(told: dict[str, Any], *networks: str) -> str:
    """An inspected container's address in the first of these that it is in: the fixed one, or the one that it has now;
    may be empty."""
    found = told["NetworkSettings"]["Networks"]
    attached: dict[str, Any] = next((found[name] for name in networks if found.get(name)), {})
    fixed = (attached.get("IPAMConfig") or {}).get("IPv4Address")
    return str(fixed or attached.get("IPAddress") or "")
