"""Asking for jobs in tests."""

import asyncio

import httpx


def parts(*contents: bytes) -> list[tuple[str, tuple[str, bytes]]]:
    return [("file", (f"MUELLER_HANS_{number}.png", content)) for number, content in enumerate(contents)]


async def ended(client: httpx.AsyncClient, location: str, **arguments) -> dict:
    """The job's document once it has ended."""
    async with asyncio.timeout(20):
        while True:
            document = (await client.get(location, **arguments)).json()
            if document["state"] not in ("waiting", "running"):
                return document
            await asyncio.sleep(0.02)


async def until(condition) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.01)
