import pytest

from discode.core.clash import EVERY_HOST, clash, taken_over
from discode.core.installation import Route

SHOP = Route(hosts=("shop.test", "www.shop.test"))
WWW_SENT_ON = Route(hosts=("shop.test",), redirects={"www.shop.test": "shop.test"})


@pytest.mark.parametrize(
    ("one", "other", "names"),
    [
        (SHOP, SHOP, SHOP.hosts),
        (Route(hosts=("www.shop.test", "new.test")), SHOP, ("www.shop.test",)),
        (Route(hosts=("new.test",)), SHOP, ()),
        (Route(), Route(), (EVERY_HOST,)),
        (Route(), SHOP, ()),
        (Route(hosts=("*.shop.test",)), SHOP, ()),
        (SHOP, Route(hosts=("*.shop.test",)), ()),
        (Route(hosts=("*.shop.test",)), Route(hosts=("*.shop.test", "a.test")), ("*.shop.test",)),
        (Route(hosts=SHOP.hosts, path_prefix="/docs"), SHOP, ()),
        (Route(hosts=SHOP.hosts, path_prefix="/docs"), Route(hosts=SHOP.hosts, path_prefix="/docs"), SHOP.hosts),
        (Route(path_prefix="/docs"), Route(), ()),
        (Route(path_prefix="/docs"), Route(path_prefix="/docs"), (EVERY_HOST,)),
        (Route(hosts=("www.shop.test",)), WWW_SENT_ON, ("www.shop.test",)),
        (WWW_SENT_ON, Route(hosts=("www.shop.test",)), ("www.shop.test",)),
        (WWW_SENT_ON, Route(hosts=("a.test",), redirects={"www.shop.test": "a.test"}), ("www.shop.test",)),
        (Route(redirects={"www.shop.test": "shop.test"}), Route(), (EVERY_HOST,)),
    ],
)
def test_what_two_routes_both_ask_for(one, other, names):
    assert clash(one, other) == names


@pytest.mark.parametrize(
    ("hosts", "others", "names"),
    [
        (("a.shop.test", "b.test"), ("*.shop.test",), ("a.shop.test",)),
        (("a.b.shop.test",), ("*.shop.test",), ()),  # a wildcard is for one label
        (("shop.test",), ("*.shop.test",), ()),
        (("*.shop.test",), ("*.shop.test",), ()),
        (("a.shop.test",), ("a.shop.test",), ()),
        ((), ("*.shop.test",), ()),
    ],
)
def test_what_a_whole_name_takes_from_a_wildcard(hosts, others, names):
    assert taken_over(Route(hosts=hosts), Route(hosts=others)) == names
