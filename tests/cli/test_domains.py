"""The addresses of an app, as a customer changes and sees them."""

import http.client

import pytest

from place import APP
from terminal import terminal


@pytest.fixture
def shop(installed):
    def ask(host, path="/"):
        """The status, and where it leads or what it says."""
        connection = http.client.HTTPConnection("127.0.0.1", installed.port, timeout=60)
        try:
            connection.request("GET", path, headers={"Host": host})
            answer = connection.getresponse()
            text = answer.read().decode()
            return answer.status, answer.getheader("Location") or text
        finally:
            connection.close()

    installed.at = ask
    return installed


def test_names_come_lead_elsewhere_and_go(shop):
    first = shop.run("domain", "list", APP)
    assert first.out == f"HOST       LEADS TO  HTTPS\nshop.test  the app   off\nAddress: http://shop.test:{shop.port}\n"
    added = shop.run("domain", "add", APP, "WWW.Shop.test.", "new.test")
    assert added.out == (
        f"shop answers at www.shop.test and new.test now. Its address is http://shop.test:{shop.port}.\n"
    )
    assert shop.at("www.shop.test") == (200, "1.0.0")
    again = shop.run("domain", "add", APP, "www.shop.test", "--json").last
    assert (again["result"], again["flow"]) == ("nothing-to-do", "domain")

    shop.run("domain", "redirect", APP, "www.shop.test", "--to", "shop.test")
    assert shop.at("www.shop.test", "/a/b?c=d%20e") == (301, "http://shop.test/a/b?c=d%20e")
    assert (shop.at("shop.test"), shop.at("new.test")) == ((200, "1.0.0"), (200, "1.0.0"))
    told = shop.run("domain", "list", APP, "--json").last
    assert (told["app"], told["tls"], told["path_prefix"]) == (APP, "off", "/")
    assert {one["host"]: one["redirect_to"] for one in told["domains"]} == {
        "shop.test": None, "www.shop.test": "shop.test", "new.test": None,
    }  # fmt: skip
    status = shop.run("status", APP)
    assert "Hosts:       shop.test, www.shop.test (leads to shop.test), new.test\n" in status.out
    assert shop.run("status", APP, "--json").last["redirects"] == {"www.shop.test": "shop.test"}

    shop.run("domain", "redirect", APP, "www.shop.test", "--undo")
    assert shop.at("www.shop.test") == (200, "1.0.0")
    shop.run("domain", "remove", APP, "shop.test", "www.shop.test")
    assert shop.at("shop.test")[0] == 404 and shop.at("new.test") == (200, "1.0.0")
    shop.run("domain", "path", APP, "/shop/")
    assert shop.at("new.test", "/shop/version") == (200, "1.0.0") and shop.at("new.test")[0] == 404
    assert shop.run("status", APP, "--json").last["address"] == f"http://new.test:{shop.port}/shop"
    shop.run("restart", APP)
    assert shop.at("new.test", "/shop/version") == (200, "1.0.0") and shop.at("new.test")[0] == 404

    history = shop.run("history", APP, "--json").last["history"]
    assert [one["route"] for one in history if one["flow"] == "domain"] == [
        "+www.shop.test, +new.test", "www.shop.test → shop.test", "www.shop.test answers",
        "-shop.test, -www.shop.test", "below /shop",
    ]  # fmt: skip
    assert "domain   1.0.0  1.0.0  done     www.shop.test → shop.test" in shop.run("history", APP).out


def test_what_is_wrong_is_told_with_what_to_type_instead(shop):
    for words, code, sentence, step in (
        (("add", APP, "http://b.test/x"), 2, "it has a scheme", "Give the name alone: b.test"),
        (("add", APP, "a_b.test"), 2, "it has an underscore", "a-b.test"),
        (("add", "blog", "b.test"), 3, "blog is not installed", "discode install blog"),
        (("remove", APP, "b.test"), 2, "b.test is no name of shop", "Its names are: shop.test"),
        (("remove", APP, "shop.test"), 4, "No name would be left.", "discode domain remove shop shop.test --yes"),
        (
            ("redirect", APP, "b.test"),
            2,
            "A redirect needs --to HOST or --undo.",
            "discode domain redirect shop b.test",
        ),
        (("redirect", APP, "shop.test"), 2, "A redirect needs", "discode domain redirect shop shop.test --to HOST"),
        (("redirect", APP, "b.test", "--to", "shop.test", "--undo"), 2, "--to HOST or --undo, not both", "--to HOST"),
        (
            ("add", APP, "b.test", "--tls", "auto"),
            2,
            "shop.test is a name for private use",
            "Give a certificate (discode certificate set shop --certificate FILE --private-key FILE), or --tls off",
        ),
        (
            ("redirect", APP, "b.test", "--to", "c.test"),
            4,
            "c.test is no name of shop",
            "discode domain add shop c.test",
        ),
        (("path", APP, "shop"), 2, "'shop' is not a valid path prefix", "discode domain path shop /shop"),
        (("path", APP, "/a/../b"), 2, "is not a valid path prefix", "discode domain path shop /shop"),
    ):
        refused = shop.run("domain", *words, code=code).err
        assert sentence in refused and step in refused and "--host" not in refused, refused
    assert [one["flow"] for one in shop.run("history", APP, "--json").last["history"]] == ["install"]


def test_the_last_name_is_given_up_after_a_question_on_a_terminal(shop):
    with terminal(shop.command("domain", "remove", APP, "shop.test"), shop.env) as typed:
        typed.until("without HTTPS. Go on? [y/N]: ")
        typed.type("n")
        assert typed.end() == 5
    assert shop.at("anything.test")[0] == 404
    with terminal(shop.command("domain", "remove", APP, "shop.test"), shop.env) as typed:
        typed.until("Go on? [y/N]: ")
        typed.type("y")
        typed.until("shop has given up shop.test.")
        assert typed.end() == 0
    assert shop.at("anything.test") == (200, "1.0.0")
    assert shop.run("domain", "list", APP).out.startswith("shop answers at every name that no other app has.\n")
    assert shop.run("domain", "add", APP, "b.test", code=4).err.count("--yes") == 1
