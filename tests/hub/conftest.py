from conftest_hub import hub_vendor, place, postgresql, served, small_place, small_vendor

__all__ = ["hub_vendor", "place", "postgresql", "served", "small_place", "small_vendor"]
