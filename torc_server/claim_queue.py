"""Who waits for jobs of a workflow, and whose turn it is to look for them."""

import asyncio


class ClaimQueue:
    """The claims that wait on one workflow, in the order they came.

    News let one of them look. Only when it took something, or found what others might take, the next one looks:
    hundreds of idle runners cost one or two looks for each piece of news. Lives in the event loop.
    """

    def __init__(self) -> None:
        self.news = 0
        self.settled = 0
        self._waiters: dict[Waiter, None] = {}
        self._looking: Waiter | None = None

    def __len__(self) -> int:
        return len(self._waiters)

    def join(self) -> "Waiter":
        waiter = Waiter(self)
        self._waiters[waiter] = None
        return waiter

    def leave(self, waiter: "Waiter") -> None:
        del self._waiters[waiter]
        self.pass_on(waiter)

    def tell(self) -> None:
        """Something happened that may mean jobs for somebody."""
        self.news += 1
        self._call_next()

    def pass_on(self, waiter: "Waiter") -> None:
        """Ends the waiter's turn, if it has it."""
        if self._looking is waiter:
            self._looking = None
            self._call_next()

    def close(self) -> None:
        """Calls everybody at once."""
        for waiter in self._waiters:
            waiter.call()

    def _call_next(self) -> None:
        if self._looking is not None:
            return
        for waiter in self._waiters:
            if max(waiter.seen, self.settled) < self.news:
                self._looking = waiter
                waiter.call()
                return


class Waiter:
    """One claim that waits. `seen` is how much of the news it has looked after."""

    def __init__(self, line: ClaimQueue) -> None:
        self.seen = line.news
        self._line = line
        self._step = asyncio.Event()

    def call(self) -> None:
        self._step.set()

    async def wait(self, timeout_s: float) -> bool:
        """True when it is this claim's turn, which lasts until it waits again or leaves; False when the time is up."""
        self._line.pass_on(self)
        try:
            await asyncio.wait_for(self._step.wait(), timeout_s)
        except TimeoutError:
            return False
        self._step.clear()
        self.seen = self._line.news
        return True

    def settle(self) -> None:
        """There was nothing for anybody: the others need not look after the same news."""
        self._line.settled = max(self._line.settled, self.seen)
