from conftest_dns import one_dns_world, world
from conftest_edge import apps, controller, deployed, edge
from conftest_https import authority, https_edge, pair

__all__ = ["apps", "authority", "controller", "deployed", "edge", "https_edge", "one_dns_world", "pair", "world"]
