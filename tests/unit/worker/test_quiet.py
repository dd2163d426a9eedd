"""In an outage the clients' lines are thinned out; ours are not."""

from __future__ import annotations

import logging

from streams.faust_app.quiet import SeldomRepeats


def line(name: str, message: str, *arguments: object) -> logging.LogRecord:
    return logging.LogRecord(name, logging.ERROR, __file__, 1, message, arguments, None)


def test_a_repeated_line_comes_once_in_a_while_and_says_how_often_it_was() -> None:
    now = 0.0
    seldom = SeldomRepeats(30.0, lambda: now)
    assert seldom.filter(line("aiokafka.fetcher", "Failed fetch from %s", 1))
    for _ in range(40):
        assert not seldom.filter(line("aiokafka.fetcher", "Failed fetch from %s", 1))
    assert seldom.filter(line("aiokafka.fetcher", "Something else")), "another message is another line"
    now = 31.0
    again = line("aiokafka.fetcher", "Failed fetch from %s", 1)
    assert seldom.filter(again)
    assert again.getMessage() == "Failed fetch from 1 (and 40 times before)"


def test_our_own_lines_always_pass() -> None:
    seldom = SeldomRepeats(30.0, lambda: 0.0)
    assert all(seldom.filter(line("rasad.worker", "quarantined %s", 1)) for _ in range(5))


def test_a_hundred_percent_in_a_message_without_arguments_does_no_harm() -> None:
    now = 0.0
    seldom = SeldomRepeats(30.0, lambda: now)
    seldom.filter(line("kafka", "100 % of it"))
    seldom.filter(line("kafka", "100 % of it"))
    now = 60.0
    assert seldom.filter(record := line("kafka", "100 % of it"))
    assert record.getMessage() == "100 % of it (and 1 times before)"
