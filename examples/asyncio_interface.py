"""asyncio: a kernel releases the GIL, so the event loop goes on while it works."""

import asyncio

import numpy as np

import mypackage


async def tick(ticks: list[float]) -> None:
    while True:
        ticks.append(asyncio.get_running_loop().time())
        await asyncio.sleep(0.001)


async def main() -> None:
    a = np.random.default_rng(0).normal(size=10_000_000)
    ticks: list[float] = []
    ticker = asyncio.create_task(tick(ticks))
    # Two sums at once, each on a thread of its own.
    left, right = await asyncio.gather(
        asyncio.to_thread(mypackage.sum, a), asyncio.to_thread(mypackage.sum, a[::-1])
    )
    ticker.cancel()
    print("the same bits:", left == right)
    print("the loop went on:", len(ticks) > 1)


asyncio.run(main())
