"""Whose turn it is at a host: with a clock that the test turns, and with the loop's own."""

from __future__ import annotations

import asyncio
import itertools
import math

from agent.collect.queues import HostQueues, Lanes
from agent.fetch.pacing import Pacer, pace_key


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def drain(queue: HostQueues[int], pacer: Pacer, host: str) -> list[int]:
    taken = []
    while (item := queue.take()) is not None:
        taken.append(item)
        pacer.take(host).release()
    return taken


def test_500_feeds_of_one_host_start_one_after_the_other() -> None:
    clock = Clock()
    pacer = Pacer(concurrency=2, spacing_seconds=0.5, clock=clock)
    queue: HostQueues[int] = HostQueues(pacer, clock)
    pacer.on_release = queue.released
    for number in range(500):
        queue.put(number, "one.example")
    queue.put(-1, "other.example")
    started = []
    while queue:
        while (item := queue.take()) is not None:
            started.append((clock.now, item))
            pacer.take("other.example" if item < 0 else "one.example").release()
        if (next_at := queue.next_at()) is not None:
            clock.now = max(clock.now, next_at)
    times = [at for at, item in started if item >= 0]
    assert [item for _, item in started if item >= 0] == list(range(500))
    assert all(later - earlier >= 0.5 for earlier, later in itertools.pairwise(times))
    assert (1000.0, -1) in started  # the other host waited for nothing


def test_so_many_at_a_time_and_no_more() -> None:
    clock = Clock()
    pacer = Pacer(concurrency=2, spacing_seconds=0, clock=clock)
    queue: HostQueues[int] = HostQueues(pacer, clock)
    pacer.on_release = queue.released
    for number in range(5):
        queue.put(number, "a")
    turns = []
    while queue.take() is not None:
        turns.append(pacer.take("a"))
    assert len(turns) == 2
    assert math.isinf(pacer.ready_at("a"))
    assert queue.next_at() is None
    turns[0].release()
    turns[0].release()  # a second time does nothing
    assert queue.take() == 2
    pacer.take("a")
    assert queue.take() is None
    assert len(queue) == 2


def test_a_host_that_refuses_three_times_is_left_alone_and_one_address_that_does_is_not_the_host() -> None:
    clock = Clock()
    pacer = Pacer(concurrency=2, spacing_seconds=0, clock=clock)
    queue: HostQueues[int] = HostQueues(pacer, clock)
    pacer.refused("a", 3600)
    pacer.answered("a")
    pacer.refused("a", 3600)
    pacer.refused("a", 3600)
    assert pacer.held_seconds("a") == 0
    pacer.refused("a", 1800)
    assert pacer.held_seconds("a") == 1800
    queue.put(1, "a")
    assert queue.take() is None
    assert queue.next_at() == clock.now + 1800
    clock.now += 1800
    assert queue.take() == 1
    pacer.hold("a", 60)
    queue.put(2, "a")
    assert queue.take(max_hold_seconds=30) is None
    assert not queue


async def test_those_who_wait_are_served_in_order_and_apart() -> None:
    pacer = Pacer(concurrency=1, spacing_seconds=0.01)
    served: list[int] = []
    at: list[float] = []

    async def ask(number: int) -> None:
        turn = await pacer.turn("a")
        served.append(number)
        at.append(asyncio.get_running_loop().time())
        await asyncio.sleep(0)
        turn.release()

    begun = asyncio.get_running_loop().time()
    await asyncio.gather(*(ask(number) for number in range(10)))
    assert served == list(range(10))
    # From the beginning, not from one to the next: whoever is served may be late to look at the clock.
    assert all(moment - begun >= number * 0.0099 for number, moment in enumerate(at))


async def test_one_who_gives_up_waiting_keeps_nobody_up() -> None:
    pacer = Pacer(concurrency=1, spacing_seconds=0)
    first = await pacer.turn("a")
    impatient = asyncio.create_task(pacer.turn("a"))
    patient = asyncio.create_task(pacer.turn("a"))
    await asyncio.sleep(0)
    impatient.cancel()
    await asyncio.wait([impatient])
    first.release()
    (await patient).release()
    assert pacer.ready_at("a") <= asyncio.get_running_loop().time() + 1


def test_hosts_that_nobody_asks_any_more_are_forgotten() -> None:
    clock = Clock()
    pacer = Pacer(concurrency=1, spacing_seconds=1, clock=clock)
    held = pacer.take("held")
    for number in range(5_000):
        pacer.take(f"host-{number}").release()
        clock.now += 1
    assert len(pacer._hosts) < 2_100
    assert math.isinf(pacer.ready_at("held"))
    held.release()


def test_what_is_paced_together() -> None:
    assert pace_key("https://a.example/x") == pace_key("http://A.example.:80/y") == "a.example"
    assert pace_key("http://a.example:8080/") == "a.example:8080"
    assert pace_key("http://[") == ""


def test_the_slow_share_a_part_of_the_places() -> None:
    lanes: Lanes[int] = Lanes(Pacer(concurrency=1, spacing_seconds=0), places=8, slow_share=0.25)
    for number in range(10):
        lanes.put(number, f"slow-{number}", is_slow=True)
    for number in range(100, 104):
        lanes.put(number, f"quick-{number}", is_slow=False)
    taken = list(iter(lanes.take, None))
    assert taken == [(100, False), (101, False), (102, False), (103, False), (0, True), (1, True)]
    lanes.give_back(is_slow=False)
    assert lanes.take() is None
    lanes.give_back(is_slow=True)
    assert lanes.take() == (2, True)
    for number in range(200, 210):
        lanes.put(number, f"quick-{number}", is_slow=False)
    assert len(list(iter(lanes.take, None))) == 3
    assert lanes.next_at() is None
    assert lanes
    lanes.clear()
    assert not lanes
