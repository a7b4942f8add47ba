from records import Epoch, Record, figures, out_of_order, percentile

EPOCHS = [Epoch("1.0", 0.0, 10.0), Epoch("1.1", 10.5, 20.0), Epoch("1.0", 20.5, float("inf"))]


def at(opened, started, version, failure=""):
    return Record("kept-alive", opened, started, 0.01, version, failure)


def test_an_old_answer_on_a_new_connection_is_out_of_order():
    assert out_of_order([at(11, 12, "1.0")], EPOCHS) == 1
    assert out_of_order([at(11, 12, "1.1"), at(1, 2, "1.0"), at(21, 22, "1.0")], EPOCHS) == 0


def test_connections_from_before_the_switch_and_requests_during_it_do_not_count():
    assert out_of_order([at(5, 12, "1.0"), at(10.2, 10.3, "1.0"), at(11, 20.2, "1.1")], EPOCHS) == 0


def test_after_a_rollback_the_version_that_was_left_is_the_old_one():
    assert out_of_order([at(21, 22, "1.1")], EPOCHS) == 1


def test_figures_count_failures_by_kind():
    told = figures([at(1, 1, "1.0"), at(1, 1, "", "status 502"), at(1, 1, "", "status 502")])
    assert (told["requests"], told["failed"], told["failures"]) == (3, 2, {"kept-alive: status 502": 2})


def test_percentiles():
    assert percentile([], 0.5) == 0 and percentile([3, 1, 2], 0.5) == 2 and percentile(range(100), 0.99) == 99
