from conftest_source import customer, vendor

__all__ = ["customer", "vendor"]
