from conftest_docker import bench, daemon, proxies_told, proxy_image, proxy_images, registry

__all__ = ["bench", "daemon", "proxy_image", "proxy_images", "registry"]


def pytest_terminal_summary(terminalreporter):
    for line in proxies_told():
        terminalreporter.write_line(f"PROXY IMAGE {line}")
