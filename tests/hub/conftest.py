from conftest_docker import daemon
from conftest_hub import hub_vendor, place, postgresql, served, small_place, small_vendor

__all__ = ["daemon", "hub_vendor", "place", "postgresql", "served", "small_place", "small_vendor"]
