from contextlib import closing

import pytest
from conftest_docker import EDGE_IMAGE

from .docker_place import DockerPlace


@pytest.fixture
def image_of_proxy(proxy_images):
    """Files of tests have theirs."""
    return EDGE_IMAGE


@pytest.fixture
def place(tmp_path, daemon, registry, image_of_proxy):
    with closing(DockerPlace(tmp_path, daemon, registry, image_of_proxy)) as made:
        made.init()
        yield made
