from conftest_process import bench

__all__ = ["bench"]
