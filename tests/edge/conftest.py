from conftest_edge import apps, deployed, edge
from conftest_https import authority, https_edge, pair

__all__ = ["apps", "authority", "deployed", "edge", "https_edge", "pair"]
