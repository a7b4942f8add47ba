"""What is seen of names and of servers beside an app, as troubles: told once each, and over when they are over."""

from discode.core import notice_views
from discode.core.certificate import Certificate, CertificateFailure, NameState
from discode.core.https import Https
from discode.core.trouble import observed

DAY, NOW = 86400.0, 1_800_000_000.0
YEAR = 365 * DAY


def name(days, *, begun=-80, trusted=True, failure=None):
    """Of a certificate that ends in so many days from NOW; None: there is none."""
    if days is None:
        return NameState("a.test", None, failure)
    made = Certificate(("a.test",), "Example CA", NOW + begun * DAY, NOW + days * DAY, trusted, "")
    return NameState("a.test", made, failure)


class Watched:
    def __init__(self, tls="auto"):
        self.tls, self.troubles, self.told = tls, {}, []

    def look(self, one, now, times=3):
        for number in range(times):
            at = now + number * 150
            views = list(notice_views.certificates("myapp", Https((one,), at, self.tls == "auto"), self.tls))
            self.troubles, events = observed(self.troubles, views, (), at)
            self.told += [(event.severity, event.is_recovery, event.words.subject) for event in events]
        return events


ENDS = ("warning", False, "the certificate of a.test is near its end")
WELL = "a.test has a good certificate again"
NONE = ("critical", False, "a.test has no good certificate")


def test_a_certificate_near_its_end_is_told_once_and_its_renewal():
    watched = Watched()
    watched.look(name(90), NOW)
    watched.look(name(90), NOW + 76 * DAY - 600)
    assert watched.told == []
    for days in range(76, 90):
        watched.look(name(90), NOW + days * DAY + 1)
    assert watched.told == [ENDS]
    watched.look(name(180), NOW + 90 * DAY)
    assert watched.told == [ENDS, ("warning", True, WELL)]
    watched.look(name(180), NOW + 167 * DAY)
    assert watched.told[2:] == [ENDS], "the next one has an end, too"


def test_one_that_ends_is_worse_and_is_told_again():
    watched = Watched()
    watched.look(name(5), NOW)
    watched.look(name(5, trusted=False), NOW + 6 * DAY)
    watched.look(name(95), NOW + 7 * DAY)
    assert watched.told == [ENDS, NONE, ("critical", True, WELL)]


def test_a_clock_that_goes_back_makes_no_certificate_young_again():
    watched = Watched()
    watched.look(name(5, begun=-3 * 365), NOW)
    watched.look(name(5, begun=-3 * 365), NOW - YEAR)
    watched.look(name(5, begun=-3 * 365), NOW + 60)
    assert watched.told == [ENDS]


def test_a_name_without_a_certificate_is_told_when_it_lasts_and_says_why():
    watched = Watched()
    refused = CertificateFailure("refused", "no such name")
    assert watched.look(name(None, failure=refused), NOW, times=1) == [] == watched.told
    watched.look(name(None, failure=refused), NOW + 150)
    assert watched.told == [NONE]
    [view] = notice_views.certificates("myapp", Https((name(None, failure=refused),), NOW), "auto")
    assert view.words.text == "a.test: the CA says: no such name."
    assert view.words.next_step == "discode status myapp"


def test_a_certificate_of_ones_own_has_its_own_next_step():
    [view] = notice_views.certificates("myapp", Https((name(5),), NOW, is_renewed=False), "own")
    assert view.words.text == "a.test: its certificate ends in 5 days; give it the next one before that."
    assert view.words.next_step == "discode certificate set myapp --certificate FILE --private-key FILE"


def test_a_server_beside_an_app_is_told_and_its_recovery():
    troubles, told = {}, []
    for number, trouble in enumerate(["", "it does not run", "", "it does not run", "it does not run", "", ""]):
        view = notice_views.accessory("myapp", "db", trouble)
        troubles, events = observed(troubles, [view], (), NOW + number * 60)
        told += [event.words for event in events]
    assert [one.subject for one in told] == ["db of myapp is not well", "db of myapp is well again"]
    assert told[0].text == "db, which runs beside myapp, is not well: it does not run."
    assert told[0].next_step == "discode logs myapp --process db"
