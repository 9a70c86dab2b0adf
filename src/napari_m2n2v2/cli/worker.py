"""The command line of clusters: ``napari-m2n2v2 worker``."""

from __future__ import annotations

import argparse
import os
from typing import Any

__all__ = ["add_commands"]

_PORT = 8786  # dask's own


def add_commands(commands: Any) -> None:
    """Add ``worker`` to the command line's sub-parsers. Cheap: imports nothing of the engine."""
    worker = commands.add_parser("worker", help="compute features for napari, or a shell, on another machine, by dask")
    where = worker.add_mutually_exclusive_group()
    where.add_argument("--scheduler", metavar="ADDRESS", help="join a dask cluster, such as tcp://10.0.0.1:8786")
    where.add_argument(
        "--listen", type=_place, default=("", _PORT), metavar="[HOST:]PORT",
        help=f"begin a cluster: a scheduler at this port, {_PORT} by default. Whoever reaches it can run code here; "
        "localhost:PORT is reached from this machine, or through ssh, alone",
    )  # fmt: skip
    worker.set_defaults(run=_worker)


def _place(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not (port.isdigit() and int(port) < 65536):
        raise argparse.ArgumentTypeError(f"expected a port such as {_PORT}, or localhost:{_PORT}, got {text!r}")
    return host, int(port)


def _worker(options: argparse.Namespace) -> int:
    import asyncio

    from napari_m2n2v2.parallel import check_dask

    check_dask()
    asyncio.run(_serve(options.scheduler, *options.listen))
    return 0


async def _serve(address: str | None, host: str, port: int) -> None:
    """Run a worker until it is stopped, and where no scheduler is named one beside it."""
    from contextlib import AsyncExitStack

    from distributed import Nanny, Scheduler

    os.environ.setdefault("OMP_NUM_THREADS", str(os.cpu_count()))  # dask would have each worker compute on one core
    has_gpu = _has_gpu()
    async with AsyncExitStack() as opened:
        if address is None:
            scheduler = await opened.enter_async_context(Scheduler(host=host or None, port=port, dashboard=False))
            address = scheduler.address
            print(f"napari-m2n2v2: a scheduler listens at {address}", flush=True)
        # One piece of work at a time: torch has the GPU, or all cores, for it.
        resources = {"GPU": 1} if has_gpu else {}
        nanny = await opened.enter_async_context(Nanny(address, host=host or None, nthreads=1, resources=resources))
        what = "a GPU" if has_gpu else "no GPU"
        print(f"napari-m2n2v2: a worker with {what} is at {nanny.worker_address}", flush=True)
        await nanny.finished()


def _has_gpu() -> bool:
    import torch

    return bool(torch.cuda.is_available() or torch.backends.mps.is_available())
