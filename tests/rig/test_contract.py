from rig.contract import RESTARTS, cases, failures


def test_the_case_that_restarts_the_proxy_is_one_of_the_scripts():
    assert RESTARTS in cases()


def test_only_a_case_that_passed_is_no_failure():
    said = {
        "good": "ok    good\n1 passed, 0 failed\n",
        "bad": "FAIL  bad: AssertionError: 502\n0 passed, 1 failed\n",
        "skipped": "ok    skipped (left out: no --restart)\n1 passed, 0 failed\n",
        "silent": "0 passed, 0 failed\n",
        "crashed": "Traceback (most recent call last):\n",
    }
    assert failures(said) == {name: said[name] for name in ("bad", "skipped", "silent", "crashed")}
