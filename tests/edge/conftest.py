from conftest_edge import apps, deployed, edge

__all__ = ["apps", "deployed", "edge"]
