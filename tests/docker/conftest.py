from conftest_docker import bench, daemon, registry

__all__ = ["bench", "daemon", "registry"]
