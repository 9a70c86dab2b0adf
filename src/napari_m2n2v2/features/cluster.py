"""Attention and depth read by the workers of a dask cluster; all else about the features is made here.

What travels there is the image at working resolution; what comes back is what attention is made of, such as queries and
keys (:mod:`~napari_m2n2v2.backbones.self_attention`), or the matrix where a backbone does not tell, and depth.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import CancelledError, Future, wait
from dataclasses import replace
from functools import cached_property
from typing import Any, NamedTuple
from uuid import uuid4

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from napari_m2n2v2.backbones import AttentionBackbone, DepthBackbone, find_backbone, find_depth
from napari_m2n2v2.backbones.device import resolve_device
from napari_m2n2v2.backbones.run import one_pass
from napari_m2n2v2.backbones.self_attention import Kept, attention_of, keeping
from napari_m2n2v2.errors import Cancelled, ClusterError, M2N2V2Error
from napari_m2n2v2.features.keys import identity_of
from napari_m2n2v2.features.spec import FeatureSpec
from napari_m2n2v2.guides.guide import as_guides
from napari_m2n2v2.parallel import Progress, check_dask, client_of, silent, within

__all__ = ["Cluster"]

_CONNECTING = 10.0  # seconds
_LOOK_EVERY = 0.05  # whether it is done, or was stopped
_COUNT_EVERY = 1.0  # who is there
_TELL_EVERY = 0.2  # how far it is

_OTHER_CODE = (
    "The scheduler or the workers at {} cannot read what they are asked to do: napari-m2n2v2 must be installed there, "
    "in the same version, with the same Python. The command napari-m2n2v2 worker starts both."
)


class Cluster:
    """A dask cluster whose workers read attention and depth. Connects for each of them anew, when it is used.

    Parameters
    ----------
    address : str
        Of the scheduler, such as ``tcp://10.0.0.1:8786``. Use one that you trust: workers run what they are sent, and
        what comes back could make this process run something, too.
    patience : float
        Seconds without any worker that could do it before this is an error. A worker that is lost is replaced by
        another at once.

    Notes
    -----
    Where workers announce ``GPU``, only those get work, one piece for each GPU. Weights must lie where the workers are.

    Examples
    --------
    >>> cluster = Cluster("tcp://10.0.0.1:8786")  # doctest: +SKIP
    >>> features = compute_features(image, cluster.attention("dinov2-base"))  # doctest: +SKIP
    """

    def __init__(self, address: str, *, patience: float = 30.0) -> None:
        self.address = address
        self.patience = patience

    def attention(self, name: str = "auto") -> AttentionBackbone:
        """Return a backbone there, by a name or the path of a folder there; ``"auto"`` is the best that is ready there.

        What it raises, when it is used, is what :func:`~napari_m2n2v2.find_backbone` raises there, and

        Raises
        ------
        ClusterError
            If no scheduler answers, or nobody is left who could do it.
        MissingDependencyError
            If dask is not installed here.
        """
        return _Attention(self, name)

    def depth(self, name: str) -> DepthBackbone:
        """Return a source of depth there, as :meth:`attention`."""
        return _Depth(self, name)

    def spec(self, spec: FeatureSpec) -> FeatureSpec:
        """Return how the same features are wanted, attention and depth read there; objects stay what they are."""
        guides = [
            replace(one, source=self.depth(one.source)) if one.is_depth and isinstance(one.source, str) else one
            for one in as_guides(spec.guide)
        ]
        attention = self.attention(spec.attention) if isinstance(spec.attention, str) else spec.attention
        return replace(spec, attention=attention, guide=guides)

    def run(self, task: Callable[..., Any], *given: Any, report: Progress = silent) -> Any:
        """Return what a worker makes of ``task(*given, topic)``, a function of this package.

        Parameters
        ----------
        task : callable
            Given, last, the topic it may tell about how far it is: see ``_telling``.
        report : callable
            Called several times a second; what it raises stops the work there.
        """
        check_dask()
        report(0.0, f"connecting with {self.address}")
        with client_of(self.address, _CONNECTING) as client:
            topic, told = f"napari-m2n2v2-{uuid4().hex}", [(0.0, "waiting for a worker")]

            def look() -> None:
                share, stage = told[-1]
                report(share, f"{stage} on {self.address}")

            client.subscribe_topic(topic, lambda event: told.append(event[1]))
            wanted = {"GPU": 1} if any(_gpus(worker) for worker in _workers(client)) else {}
            future = client.get_executor(pure=False, resources=wanted).submit(task, *given, topic)
            try:
                self._wait(client, future, bool(wanted), look)
                return self._result(future)
            finally:
                future.cancel()  # a cluster goes on otherwise

    def _wait(self, client: Any, future: Future[Any], on_gpu: bool, look: Callable[[], None]) -> None:
        """Wait for a task; raise when nobody is left who could do it."""
        counted = seen = time.monotonic()
        look()
        while not wait([future], timeout=_LOOK_EVERY).done:
            look()
            now = time.monotonic()
            if now - counted < _COUNT_EVERY:
                continue
            counted = now
            try:
                able = [worker for worker in _workers(client) if _gpus(worker) or not on_gpu]
            except (OSError, RuntimeError) as error:
                raise ClusterError(self._lost) from error
            if able:
                seen = now
            elif now - seen > self.patience:
                raise ClusterError(f"No worker is left at {self.address}, or none has come yet.")

    def _result(self, future: Future[Any]) -> Any:
        from distributed import KilledWorker

        try:
            return future.result()
        except M2N2V2Error as error:
            raise type(error)(f"On {self.address}: {error}") from error
        except KilledWorker as error:
            raise ClusterError(
                f"The workers at {self.address} that tried it were killed, perhaps for want of memory."
            ) from error
        except (CancelledError, OSError) as error:
            raise ClusterError(self._lost) from error
        except (ImportError, RuntimeError) as error:
            if isinstance(error, ImportError) or "deserializ" in str(error):
                raise ClusterError(_OTHER_CODE.format(self.address)) from error
            raise

    @property
    def _lost(self) -> str:
        return f"The connection with {self.address} was lost."


def _workers(client: Any) -> list[dict[str, Any]]:
    return list(client.scheduler_info()["workers"].values())


def _gpus(worker: dict[str, Any]) -> float:
    return float(worker["resources"].get("GPU", 0))


class _About(NamedTuple):
    """What is known of a backbone there, without its weights."""

    name: str
    weights_revision: str
    default_grid: int
    reason: str
    stands_for: dict[str, Any]
    long_chains: bool


class _There:
    """A backbone of a cluster's workers; what is asked about it is asked once."""

    _kind = ""

    def __init__(self, cluster: Cluster, name: str) -> None:
        self._cluster = cluster
        self._asked = name

    @cached_property
    def _about(self) -> _About:
        return _About(*self._cluster.run(_describe, self._kind, self._asked))

    @property
    def name(self) -> str:
        """As there."""
        return self._about.name

    @property
    def weights_revision(self) -> str:
        """As there."""
        return self._about.weights_revision

    @property
    def reason(self) -> str:
        """Why it is this one, and where."""
        return f"on {self._cluster.address}: {self._about.reason}"

    @property
    def stands_for(self) -> dict[str, Any]:
        """What stored features are known by: the same as if they were computed here."""
        return self._about.stands_for

    def release(self) -> None:
        """Do nothing: the weights are elsewhere."""


class _Attention(_There):
    """See :class:`~napari_m2n2v2.backbones.AttentionBackbone`."""

    _kind = "attention"

    @property
    def default_grid(self) -> int:
        """As there."""
        return self._about.default_grid

    @property
    def long_chains(self) -> bool:
        """As there."""
        return self._about.long_chains

    def attention(
        self, image: NDArray[np.uint8], grid_shape: tuple[int, int], device: torch.device, progress: Progress
    ) -> Tensor:
        """Let a worker read it, on its best device, and make the tensor here, on ``device``."""
        read = self._cluster.run(_read_attention, self._asked, image, grid_shape, report=within(progress, 0.0, 0.8))
        if isinstance(read, np.ndarray):
            return torch.from_numpy(read).to(device)
        return attention_of(read, device, lambda share: progress(0.8 + 0.2 * share, "attention"))


class _Depth(_There):
    """See :class:`~napari_m2n2v2.backbones.DepthBackbone`."""

    _kind = "depth"

    def depth(self, image: NDArray[np.uint8], device: torch.device, progress: Progress) -> NDArray[np.float32]:
        """Let a worker compute it, on its best device."""
        depth: NDArray[np.float32] = self._cluster.run(_read_depth, self._asked, image, report=progress)
        return depth


# -- what workers do ---------------------------------------------------------------------------------------------


def _describe(kind: str, name: str, topic: str) -> tuple[Any, ...]:
    found = find_backbone(name) if kind == "attention" else find_depth(name)
    backbone = found.backbone
    grid, long_chains = getattr(backbone, "default_grid", 0), getattr(backbone, "long_chains", False)
    return backbone.name, backbone.weights_revision, grid, found.reason, identity_of(backbone), long_chains


def _read_attention(
    name: str, image: NDArray[np.uint8], grid_shape: tuple[int, int], topic: str
) -> list[Kept] | NDArray[np.float32]:
    backbone, report = find_backbone(name).backbone, _telling(topic)

    def compute(device: torch.device) -> list[Kept] | NDArray[np.float32]:
        with keeping(making=False) as kept:
            matrix = backbone.attention(image, grid_shape, device, report)
        return kept or matrix.numpy(force=True)

    return one_pass(compute, resolve_device(), backbone)[0]


def _read_depth(name: str, image: NDArray[np.uint8], topic: str) -> NDArray[np.float32]:
    backbone, report = find_depth(name).backbone, _telling(topic)
    return one_pass(lambda device: backbone.depth(image, device, report), resolve_device(), backbone)[0]


def _telling(topic: str) -> Progress:
    """Return what tells whoever waits how far this task is, and stops it once nobody does."""
    from distributed import get_worker

    worker = get_worker()
    key, told = worker.get_current_task(), 0.0

    def report(share: float, stage: str) -> None:
        nonlocal told
        task = worker.state.tasks.get(key)
        if task is None or task.state == "cancelled":
            raise Cancelled("Nobody waits for it any more.")
        if time.monotonic() - told >= _TELL_EVERY:
            told = time.monotonic()
            worker.log_event(topic, (share, stage))

    return report
