"""What HAProxy says about a configuration with all that the edge can write into one: nothing."""

import subprocess

from discode.edge.haproxy.process import find_binary
from rig.ports import free_port


def test_haproxy_warns_of_nothing(https_edge, apps, pair, tmp_path):
    edge = https_edge
    one, two = apps("one", "two")
    (tmp_path / "503.html").write_text("Soon back")
    own = pair("own", "own.test")
    edge.start("--metrics-port", str(free_port()))
    for name, *flags in (
        ("plain", "--host", "plain.test"),
        ("own", "--host", "own.test", "--tls", *own.flags),
        ("approved", "--tls-on-demand-url", f"http://{two.target}/up", "--tls"),
        ("prefix", "--host", "shared.test", "--path-prefix", "/app", "--scope-cookie-paths", "--force"),
        ("pages", "--host", "pages.test", "--error-pages", str(tmp_path), "--canonical-host", "pages.test"),
        ("checks", "--host", "checks.test", "--health-check-host", "x.test", "--health-check-timeout", "3s"),
        ("pool", "--host", "pool.test", "--target", two.target, "--target-timeout", "5s"),
        ("reads", "--host", "reads.test", "--read-target", two.target, "--client-ip-header", "X-Real-IP"),
        ("limits", "--host", "limits.test", "--buffer-requests", "--max-request-body", "1000"),
        ("sizes", "--host", "sizes.test", "--buffer-responses", "--max-response-body", "1000"),
        ("logs", "--host", "logs.test", "--log-request-header", "X-A", "--log-response-header", "X-B"),
        ("quiet", "--host", "quiet.test", "--exclude-metrics-path", "/up", "--forward-headers=false"),
    ):
        edge.ok("deploy", name, "--target", one.target, *flags)
    edge.ok("rollout", "deploy", "plain", "--target", two.target)
    edge.ok("rollout", "set", "plain", "--percent", "10")
    edge.ok("stop", "pages")
    told = subprocess.run([find_binary(), "-c", "-f", edge.folder / "haproxy.cfg"], capture_output=True, text=True)
    assert told.returncode == 0 and told.stderr.strip() in ("", "Configuration file is valid")
