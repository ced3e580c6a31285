"""The queue of claims that wait for jobs of one workflow."""

import asyncio


class ClaimQueue:
    """Waiting claims in the order they came, of which one at a time looks for jobs again.

    If all of them looked after every change, hundreds of idle runners would ask the database for the same job. So one
    looks; the next one does only when that one took jobs or saw that there may be more. Lives in the event loop: no
    locks, and no step may run in another thread.
    """

    def __init__(self) -> None:
        self.changes = 0
        """How many times something changed that may mean jobs."""
        self.settled = 0
        """Up to which of these changes it is known that there are no jobs for any claim."""
        self._claims: dict[WaitingClaim, None] = {}
        self._looking: WaitingClaim | None = None

    def __len__(self) -> int:
        return len(self._claims)

    def join(self) -> "WaitingClaim":
        claim = WaitingClaim(self)
        self._claims[claim] = None
        return claim

    def leave(self, claim: "WaitingClaim") -> None:
        del self._claims[claim]
        self.stop_looking(claim)

    def note_change(self) -> None:
        """Count a change that may mean jobs, and let one claim look."""
        self.changes += 1
        self._wake_next()

    def stop_looking(self, claim: "WaitingClaim") -> None:
        """Let the next claim look if this one was looking; otherwise do nothing."""
        # a claim that left without this, for example because its client went away, would block all others
        if self._looking is claim:
            self._looking = None
            self._wake_next()

    def close(self) -> None:
        """Wake all claims at once."""
        for claim in self._claims:
            claim.wake()

    def _wake_next(self) -> None:
        if self._looking is not None:
            return
        for claim in self._claims:
            if max(claim.seen, self.settled) < self.changes:
                self._looking = claim
                claim.wake()
                return


class WaitingClaim:
    """One claim in the queue; `seen` is the number of changes up to which it has looked."""

    def __init__(self, queue: ClaimQueue) -> None:
        # a change after this moment wakes the claim, so that join, then look, then wait misses none
        self.seen = queue.changes
        self._queue = queue
        self._woken = asyncio.Event()

    def wake(self) -> None:
        self._woken.set()

    async def wait(self, timeout_s: float) -> bool:
        """Return True when this claim is to look, False when the time is over.

        The claim counts as looking until it waits again or leaves the queue.
        """
        self._queue.stop_looking(self)
        try:
            await asyncio.wait_for(self._woken.wait(), timeout_s)
        except TimeoutError:
            return False
        self._woken.clear()
        self.seen = self._queue.changes
        return True

    def settle(self) -> None:
        """Note that there were no jobs for any claim, so that the others need not look after the same changes."""
        self._queue.settled = max(self._queue.settled, self.seen)
