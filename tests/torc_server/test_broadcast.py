"""News inside the server: nothing is missed, slow readers learn what they lost."""

import asyncio
from contextlib import ExitStack

from torc_core.api.events import Severity, StreamEvent
from torc_server.broadcast import STREAM_BUFFER, Hub


def _event(workflow_id: int = 1, severity: Severity = "info") -> StreamEvent:
    return StreamEvent(workflow_id=workflow_id, timestamp=0, event_type="x", severity=severity, data={})


def test_news_between_looking_and_waiting_are_not_missed() -> None:
    async def scenario() -> bool:
        hub = Hub()
        hub.attach(asyncio.get_running_loop())
        with hub.waiting(1) as waiter:
            await asyncio.to_thread(hub.publish, [], wake=[1])
            return await waiter.wait(5.0)

    assert asyncio.run(scenario())


def test_a_waiter_hears_of_its_own_workflow_only() -> None:
    async def scenario() -> bool:
        hub = Hub()
        hub.attach(asyncio.get_running_loop())
        with hub.waiting(1) as waiter:
            hub.publish([], wake=[2])
            return await waiter.wait(0.01)

    assert not asyncio.run(scenario())


def test_news_are_looked_after_by_one_waiter_and_by_the_next_when_it_leaves() -> None:
    async def scenario() -> list[bool]:
        hub = Hub()
        hub.attach(asyncio.get_running_loop())
        with hub.waiting(1) as second:
            with hub.waiting(1) as first:
                hub.publish([], wake=[1])
                heard = [await second.wait(5.0), await first.wait(0.01)]
                heard.append(await second.wait(0.01))
                heard.append(await first.wait(5.0))
            return heard

    assert asyncio.run(scenario()) == [True, False, False, True]


def test_what_is_settled_by_one_waiter_wakes_nobody_else_until_there_are_more_news() -> None:
    async def scenario() -> list[bool]:
        hub = Hub()
        hub.attach(asyncio.get_running_loop())
        with hub.waiting(1) as first, hub.waiting(1) as second:
            hub.publish([], wake=[1])
            heard = [await first.wait(5.0)]
            first.settle()
            heard += [await first.wait(0.01), await second.wait(0.01)]
            hub.publish([], wake=[1])
            return [*heard, await first.wait(5.0)]

    assert asyncio.run(scenario()) == [True, False, False, True]


def test_a_waiter_that_leaves_with_its_turn_hands_it_on() -> None:
    async def scenario() -> bool:
        hub = Hub()
        hub.attach(asyncio.get_running_loop())
        with ExitStack() as stack:
            first = stack.enter_context(hub.waiting(1))
            with hub.waiting(1) as second:
                hub.publish([], wake=[1])
                assert await first.wait(5.0)
                stack.close()
                return await second.wait(5.0)

    assert asyncio.run(scenario())


def test_a_slow_reader_learns_how_many_events_it_lost() -> None:
    async def scenario() -> tuple[int, int]:
        hub = Hub()
        hub.attach(asyncio.get_running_loop())
        with hub.reading(1, "info") as reader:
            hub.publish([_event() for _ in range(STREAM_BUFFER + 7)])
            await reader.wait(5.0)
            events, dropped = reader.take()
            assert reader.take() == ([], 0)
            return len(events), dropped

    assert asyncio.run(scenario()) == (STREAM_BUFFER, 7)


def test_closing_wakes_everybody_who_waits() -> None:
    async def scenario() -> list[bool]:
        hub = Hub()
        hub.attach(asyncio.get_running_loop())
        with hub.waiting(1) as waiter, hub.reading(2, "debug") as reader:
            hub.close()
            return [await waiter.wait(5.0), await reader.wait(5.0)]

    assert asyncio.run(scenario()) == [True, True]


def test_who_has_left_is_forgotten() -> None:
    async def scenario() -> None:
        hub = Hub()
        hub.attach(asyncio.get_running_loop())
        with hub.reading(1, "info") as reader:
            pass
        hub.publish([_event()], wake=[1])
        assert not await reader.wait(0.01)
        assert reader.take() == ([], 0)

    asyncio.run(scenario())
