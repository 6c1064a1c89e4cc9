"""A simulated link: a relay on this machine that delays what goes through it, as `--link` does."""

import asyncio
import threading


class Way:
    """One direction of a link, shared by all of its connections."""

    def __init__(self, bits_per_second: float, delay: float) -> None:
        self.rate, self.delay = bits_per_second / 8, delay
        self.free, self.bytes = 0.0, 0

    def arrival(self, now: float, count: int) -> float:
        """When `count` bytes have arrived: sent after what came before, at the link's rate."""
        self.bytes += count
        self.free = max(self.free, now) + count / self.rate
        return self.free + self.delay


class Link:
    """Relays connections between a client and a server; `up` is what the client sends."""

    def __init__(self, text: str) -> None:
        rates, round_trip = text.split(",")
        up, _, down = rates.partition("/")
        delay = float(round_trip.removesuffix("ms")) / 2e3
        self.up, self.down = (Way(bits(rate), delay) for rate in (up, down or up))
        self.loop, self.servers = asyncio.new_event_loop(), []
        threading.Thread(target=self.loop.run_forever, daemon=True).start()

    def relay(self, listen: int, target: int, forth: Way, back: Way) -> None:
        """What connects to port `listen` reaches port `target`; it sends by `forth`."""

        async def serve() -> None:
            async def connected(reader, writer) -> None:
                other_reader, other_writer = await connect(target)
                pumps = pump(reader, other_writer, forth), pump(other_reader, writer, back)
                await asyncio.gather(*pumps)

            self.servers.append(await asyncio.start_server(connected, "127.0.0.1", listen))

        asyncio.run_coroutine_threadsafe(serve(), self.loop).result()

    def close(self) -> None:
        """Listens no longer."""

        async def close() -> None:
            for server in self.servers:
                server.close()

        asyncio.run_coroutine_threadsafe(close(), self.loop).result()

    def bytes(self) -> tuple[int, int]:
        """All that went up and down so far."""
        return self.up.bytes, self.down.bytes


def bits(text: str) -> float:
    for suffix, unit in (("gbit", 1e9), ("mbit", 1e6)):
        if text.endswith(suffix):
            return float(text.removesuffix(suffix)) * unit
    return float(text) * 1e6


async def connect(port: int):
    """The party behind the relay may start later."""
    while True:
        try:
            return await asyncio.open_connection("127.0.0.1", port)
        except ConnectionRefusedError:
            await asyncio.sleep(0.05)


async def pump(reader, writer, way: Way) -> None:
    """Writes what is read, each piece when it arrives."""
    loop, pieces = asyncio.get_running_loop(), asyncio.Queue()

    async def read() -> None:
        try:
            while piece := await reader.read(1 << 16):
                pieces.put_nowait((way.arrival(loop.time(), len(piece)), piece))
        except ConnectionError:
            pass
        pieces.put_nowait((loop.time(), b""))

    reading = asyncio.ensure_future(read())
    while True:
        arrival, piece = await pieces.get()
        if (wait := arrival - loop.time()) > 0:
            await asyncio.sleep(wait)
        if not piece or writer.is_closing():
            break
        writer.write(piece)
    await reading
    writer.close()
