from conftest_hub import place, postgresql, small_place

__all__ = ["place", "postgresql", "small_place"]
