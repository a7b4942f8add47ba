"""Every option of `deploy` and `rollout`, by what clients and apps see of it."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest
from conftest_edge import requests_under_way
from echo import Echo, ask

from rig.ports import free_port
from rig.wait import wait_for


@pytest.fixture
def echoes():
    made = []

    def make(*names):
        made.extend(Echo(name) for name in names)
        return made[-len(names) :]

    yield make
    for echo in made:
        echo.close()


@pytest.fixture
def deploy(edge, echoes):
    """Deploys an echo as service `a` at a.test with more options; returns it."""

    def run(*options, host="a.test"):
        (echo,) = echoes("echo")
        edge.ok("deploy", "a", "--target", echo.target, "--host", host, *options)
        return echo

    return run


def test_a_canonical_host_gets_the_others(edge, deploy):
    deploy("--host", "www.a.test", "--canonical-host", "a.test")
    answer = ask(edge, "/x?y=1", host="www.a.test")
    assert (answer.status, answer.values("location")) == (301, ["http://a.test/x?y=1"])
    assert ask(edge, host="A.test:80").status == 200
    done = edge.run("deploy", "a", "--target", "127.0.0.1:1", "--host", "a.test", "--canonical-host", "b.test")
    assert done.returncode == 1 and "canonical-host 'b.test' must be present in the hosts list: [a.test]" in done.stderr


def test_a_redirect_is_of_one_host_alone(edge, deploy):
    deploy("--host", "b.test,www.a.test,*.old.test", "--redirect", "www.a.test=a.test,*.old.test=b.test")
    for host, place in (("www.a.test", "http://a.test/x?y=1"), ("OLD.old.test:8080", "http://b.test:8080/x?y=1")):
        answer = ask(edge, "/x?y=1", host=host)
        assert (answer.status, answer.values("location")) == (301, [place])
    assert [edge.get(host)[0] for host in ("a.test", "b.test", "old.test")] == [200, 200, 404]
    assert edge.service("a")["redirects"] == {"www.a.test": "a.test", "*.old.test": "b.test"}
    assert set((edge.folder / "hosts.map").read_text().split()) == {"a.test", "b.test", "a"}, "which may be plain"
    deploy("--host", "b.test,www.a.test")
    assert edge.get("www.a.test")[0] == 200 and edge.get("a.old.test")[0] == 404


def test_a_redirect_is_kept_by_a_restart_and_by_other_prefixes(edge, deploy):
    deploy("--host", "www.a.test", "--path-prefix", "/a", "--redirect", "www.a.test=a.test")
    edge.ok("deploy", "b", "--target", edge.service("a")["targets"][0], "--host", "www.a.test")
    edge.kill()
    edge.start()
    assert ask(edge, "/a/x", host="www.a.test").values("location") == ["http://a.test/a/x"]
    assert ask(edge, "/b", host="www.a.test").status == 200, "the path of another app"


@pytest.mark.parametrize("pair", ["www.a.test", "www.a.test=b.test", "b.test=a.test", "a.test=a.test", "a.test=*.test"])
def test_a_redirect_that_leads_nowhere_is_refused(edge, pair):
    hosts = ("--host", "a.test", "--host", "www.a.test", "--host", "*.test")
    done = edge.run("deploy", "a", "--target", "127.0.0.1:1", *hosts, "--redirect", pair)
    source, _, to = pair.partition("=")
    assert done.returncode == 1
    assert (
        f"redirect '{source}={to}' must be FROM=TO, both in the hosts list: [a.test www.a.test *.test]" in done.stderr
    )
    chain = ("--redirect", "a.test=www.a.test", "--redirect", "www.a.test=a.test")
    assert edge.run("deploy", "a", "--target", "127.0.0.1:1", *hosts, *chain).returncode == 1


def test_several_prefixes_are_stripped_and_the_longest_wins(edge, deploy):
    deploy("--path-prefix", "/api", "--path-prefix", "/api/v2,/old")
    paths = ["/api/x", "/api/v2/x", "/api/v2", "/old/x//y", "/api"]
    assert [ask(edge, path).told["path"] for path in paths] == ["/x", "/x", "/", "/x//y", "/"]
    assert ask(edge, "/other").status == 404
    assert edge.service("a")["paths"] == ["/api", "/api/v2", "/old"]


def test_a_begin_of_a_prefix_may_be_stripped_alone(edge, deploy):
    deploy("--path-prefix", "/shop/live,/shop/api/live", "--strip-prefix", "/shop")
    told = [ask(edge, path).told for path in ("/shop/live/x?y=1", "/shop/live", "/shop/api/live//x")]
    assert [one["path"] for one in told] == ["/live/x?y=1", "/live", "/api/live//x"]
    assert ask(edge, "/live").status == ask(edge, "/shop/lively").status == 404
    done = edge.run("deploy", "a", "--target", "127.0.0.1:1", "--path-prefix", "/other", "--strip-prefix", "/shop")
    assert done.returncode == 1
    assert "strip-prefix /shop must be the begin of every path prefix" in done.stderr


def test_a_known_host_does_not_fall_through_to_anothers_route(edge, deploy, echoes):
    deploy("--path-prefix", "/api")
    (other,) = echoes("other")
    edge.ok("deploy", "b", "--target", other.target)
    assert ask(edge, "/else").status == 404
    assert ask(edge, "/else", host="x.test").told["name"] == "other"


def test_error_pages_of_a_service(edge, deploy, tmp_path):
    for status, text in {
        502: "Soon back",
        503: "<p>{{ if .Message }}{{ .Message }}{{ else }}Closed{{ end }}</p>",
    }.items():
        (tmp_path / f"{status}.html").write_text(text)
    echo = deploy("--error-pages", str(tmp_path))
    edge.ok("stop", "a")
    assert (ask(edge).status, ask(edge).text) == (503, "<p>Closed</p>")
    edge.ok("stop", "a", "--message", "at <noon>")
    assert ask(edge).text == "<p>at &lt;noon&gt;</p>"
    edge.ok("resume", "a")
    (tmp_path / "502.html").unlink()
    (tmp_path / "503.html").unlink()
    edge.kill()
    edge.start()
    echo.close()
    answer = ask(edge)
    assert (answer.status, answer.text) == (502, "Soon back"), "pages outlive the folder that they came from"


def test_error_pages_that_cannot_be_used_are_refused(edge, deploy, tmp_path):
    done = edge.run("deploy", "a", "--target", deploy().target, "--host", "a.test", "--error-pages", str(tmp_path))
    assert done.returncode == 1 and "unable to load error pages: no page like 503.html" in done.stderr
    (tmp_path / "503.html").write_text("{{ range .Things }}x{{ end }}")
    done = edge.run("deploy", "a", "--target", deploy().target, "--host", "a.test", "--error-pages", str(tmp_path))
    assert done.returncode == 1 and "unable to load error pages" in done.stderr
    assert ask(edge).status == 200


def test_bodies_over_a_limit_with_and_without_a_length(edge, deploy):
    echo = deploy("--buffer-requests", "--max-request-body", "50000")
    assert ask(edge, method="POST", body=b"x" * 50000).told["size"] == 50000
    assert ask(edge, method="POST", body=b"x" * 50001).status == 413
    assert ask(edge, method="POST", body=[b"x" * 10000] * 5).told["size"] == 50000
    assert ask(edge, method="POST", body=[b"x" * 10000] * 6).status == 413
    assert len(echo.hits) == 2, "no target has taken a body that is over the limit"


def test_answers_over_a_limit(edge, deploy):
    deploy("--buffer-responses", "--max-response-body", "5000")
    assert ask(edge, "/bytes?5000").status == 200
    assert ask(edge, "/bytes?5001").status == 500
    assert ask(edge, "/chunked?4000").status == 200
    assert ask(edge, "/chunked?9000").status == 500


def test_limits_need_buffering_and_notices_are_said(edge, echoes):
    (echo,) = echoes("echo")
    words = ("deploy", "a", "--target", echo.target, "--host", "a.test")
    done = edge.run(*words, "--max-request-body", "10")
    assert (done.returncode, done.stderr) == (
        1,
        "Error: max-request-body can only be set when request buffering is enabled\n",
    )
    done = edge.run(*words, "--buffer-responses", "--buffer-memory", "1000")
    assert done.returncode == 0 and done.stdout.startswith("Note: --buffer-responses")


def test_cookies_are_scoped_to_the_prefix(edge, deploy):
    echo = deploy("--path-prefix", "/app", "--scope-cookie-paths")
    cookies = [
        "a=1",
        "b=2; Path=/; HttpOnly",
        "c=3; path=/x/; Secure",
        "d=4; Domain=other.test; Path=/",
        "e=5; Domain=a.test",
    ]
    echo.answers["/"] = [("Set-Cookie", cookie) for cookie in cookies]
    assert ask(edge, "/app").values("set-cookie") == [
        "a=1; Path=/app",
        "b=2; Path=/app/; HttpOnly",
        "c=3; path=/app/x; Secure",
        "d=4; Domain=other.test; Path=/",
        "e=5; Domain=a.test; Path=/app",
    ]


def test_the_client_ip_header(edge, deploy):
    deploy("--client-ip-header", "CF-Connecting-IP")
    seen = ask(edge, headers=[("CF-Connecting-IP", "203.0.113.5"), ("X-Forwarded-For", "198.51.100.1")])
    assert seen.seen("x-forwarded-for") == ["203.0.113.5, 127.0.0.1"]
    assert ask(edge, headers=[("X-Forwarded-For", "198.51.100.1")]).seen("x-forwarded-for") == [
        "198.51.100.1, 127.0.0.1"
    ]


def test_forwarding_headers_cannot_be_spoofed_or_disguised(edge, deploy):
    echo = deploy("--forward-headers=false")
    given = {
        "X-Forwarded-For": "6.6.6.6",
        "X_Forwarded_For": "6.6.6.6",
        "X-Forwarded_Proto": "https",
        "X_Forwarded-Host": "evil.test",
        "X-Forwarded-Port": "1",
        "Forwarded": "for=6.6.6.6",
        "X_Request_ID": "evil",
        "X-Kamal-Target": "evil:1",
        "api_key": "kept",
    }
    answer = ask(edge, headers=given.items())
    seen = dict(answer.told["headers"])
    assert seen["x-forwarded-for"] == "127.0.0.1" and seen["x-forwarded-proto"] == "http"
    assert seen["x-kamal-target"] == echo.target and seen["api_key"] == "kept"
    assert "6.6.6.6" not in answer.text and "evil" not in answer.text and "x-forwarded-port" not in seen


def test_reads_go_to_read_targets_but_after_a_write(edge, echoes):
    writer, reader = echoes("writer", "reader")
    words = ["deploy", "a", "--target", writer.target, "--read-target", reader.target, "--host", "a.test"]
    edge.ok(*words, "--writer-affinity-timeout", "1h")
    assert {ask(edge).told["name"] for _ in range(5)} == {"reader"}
    wrote = ask(edge, method="POST", body=b"x")
    assert wrote.told["name"] == "writer"
    cookie = wrote.values("set-cookie")[0]
    assert cookie.startswith("kamal-writer=") and "Path=/" in cookie and "HttpOnly" in cookie
    assert ask(edge, headers=[("Cookie", cookie.partition(";")[0])]).told["name"] == "writer"
    edge.ok(*words, "--writer-affinity-timeout", "1s")
    cookie = ask(edge, method="POST", body=b"x").values("set-cookie")[0]
    wait_for(lambda: ask(edge, headers=[("Cookie", cookie.partition(";")[0])]).told["name"] == "reader")
    writer.answers["/quiet"] = [("X-Writer-Affinity", "false")]
    opted_out = ask(edge, "/quiet", method="POST", body=b"")
    assert opted_out.told["name"] == "writer"
    assert not opted_out.values("set-cookie") and not opted_out.values("x-writer-affinity")
    assert edge.service("a")["read_targets"] == [reader.target]
    reader.is_well = False
    wait_for(lambda: {ask(edge).told["name"] for _ in range(3)} == {"writer"})


def test_a_rollout_keeps_users_on_their_side(edge, echoes):
    one, two = echoes("one", "two")
    edge.ok("deploy", "a", "--target", one.target, "--host", "a.test")
    done = edge.run("rollout", "set", "a", "--percent", "10")
    assert done.returncode == 1 and "rollout target not set" in done.stderr
    edge.ok("rollout", "deploy", "a", "--target", two.target)
    edge.ok("rollout", "set", "a", "--percent", "50", "--list", "vip,boss")
    # FNV-1a-32: "a" is 0xe40c292c, "foobar" 0xbf9cf968 (both published with the algorithm).
    sides = {
        name: ask(edge, headers=[("Cookie", f"kamal-rollout={name}")]).told["name"] for name in ("a", "foobar", "vip")
    }
    assert sides == {"a": "one", "foobar": "one", "vip": "two"}
    edge.ok("rollout", "set", "a", "--percent", "75")
    assert ask(edge, headers=[("Cookie", "x=1; kamal-rollout=foobar")]).told["name"] == "two", "0xbf9cf968 is 74.8 %"
    assert ask(edge, headers=[("Cookie", "kamal-rollout=a")]).told["name"] == "one"
    edge.kill()
    edge.start()
    assert ask(edge, headers=[("Cookie", "kamal-rollout=foobar")]).told["name"] == "two"
    assert edge.service("a")["rollout"] == {"targets": [two.target], "percent": 75, "list": []}
    for words, message in [
        (("rollout", "set", "a"), "at least one of the flags in the group [percent list] is required"),
        (("rollout", "set", "a", "--percent", "101"), "0 to 100 percent"),
        (("rollout", "stop", "nobody"), "service not found"),
        (("rollout",), 'unknown command "rollout"'),
    ]:
        done = edge.run(*words)
        assert done.returncode == 1 and message in done.stderr, done.stderr


def test_a_forced_deploy_does_not_wait_for_health(edge, echoes):
    (echo,) = echoes("echo")
    echo.is_well = False
    edge.ok("deploy", "a", "--target", echo.target, "--host", "a.test", "--force")
    assert ask(edge).status == 200


def test_the_health_path_answers_below_its_prefix_while_paused(edge, deploy):
    deploy("--path-prefix", "/api")
    edge.ok("stop", "a")
    assert [ask(edge, path).status for path in ("/api/up", "/up", "/api/x")] == [200, 404, 503]


def test_the_access_log_is_json_with_chosen_headers(edge, deploy):
    deploy("--log-request-header", "X-Tenant", "--log-response-header", "Content-Type")
    ask(
        edge,
        "/a%22b?q=1&r=%00",
        headers=[("X-Tenant", 'A "quoted" one'), ("User-Agent", "x\ty"), ("X-Request-ID", "id-1")],
    )
    ask(edge, "/none", host="nobody.test")
    lines = {line["host"]: line for line in wait_for_lines(edge.folder / "access.log", 2)}
    mine, other = lines["a.test"], lines["nobody.test"]
    assert (mine["service"], mine["status"], mine["path"], mine["query"]) == ("a", 200, "/a%22b", "q=1&r=%00")
    assert (mine["request_id"], mine["req_x_tenant"], mine["user_agent"]) == ("id-1", 'A "quoted" one', "x\ty")
    assert mine["resp_content_type"] == "application/json"
    assert mine["target"].startswith("127.0.0.1:") and mine["client_addr"] == "127.0.0.1" and mine["duration"] >= 0
    assert (other["service"], other["status"], other["host"]) == ("", 404, "nobody.test")


def wait_for_lines(path, count):
    wait_for(lambda: path.exists() and path.read_text().count('"msg":"Request"') >= count)
    return [json.loads(line) for line in path.read_text().splitlines() if line.startswith("{")]


def test_metrics_have_the_contracts_names(tmp_path, edge, echoes):
    port = free_port()
    edge.process.terminate()
    edge.process.wait()
    edge.start("--metrics-port", str(port))
    (echo,) = echoes("echo")
    edge.ok("deploy", "a", "--target", echo.target, "--host", "a.test", "--exclude-metrics-path", "/quiet")
    for path in ("/x", "/y", "/quiet"):
        ask(edge, path)
    ask(edge, method="POST", body=b"")
    ask(edge, host="nobody.test")
    # They count when an answer has ended, which its client may have seen before.
    for line in (
        'kamal_proxy_http_in_flight_requests{service="a"} 0\n',
        'kamal_proxy_http_requests_total{service="a",method="GET",status="200"} 2\n',
        'kamal_proxy_http_requests_total{service="a",method="POST",status="200"} 1\n',
        'kamal_proxy_http_requests_total{service="",method="GET",status="404"} 1\n',
        'kamal_proxy_http_request_duration_seconds_bucket{service="a",method="GET",status="200",le="+Inf"} 2\n',
    ):
        wait_for(lambda line=line: line in metrics(port), what=line)
    assert "haproxy_backend_http_responses_total" in metrics(port, "/metrics/haproxy")


def metrics(port, path="/metrics"):
    import urllib.request

    return urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=240).read().decode()


def test_a_paused_crowd_is_let_through_at_a_rate(edge, deploy):
    echo = deploy()
    edge.ok("pause", "a")
    with ThreadPoolExecutor(5) as pool:
        asked = [pool.submit(ask, edge) for _ in range(4)]
        wait_for(lambda: requests_under_way(edge) == 4)
        # Seen while the command runs: until it has ended, all may have been let through.
        resumed = pool.submit(edge.ok, "resume", "a", "--rate", "1")
        wait_for(lambda: echo.hits)
        assert len(echo.hits) < 4, "one a second, not all at once"
        resumed.result()
        assert [one.result().status for one in asked] == [200] * 4
