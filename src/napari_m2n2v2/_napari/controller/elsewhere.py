"""Where features are computed: on this computer, or by the workers of a dask cluster."""

from __future__ import annotations

from importlib.util import find_spec

from psygnal import Signal

from napari_m2n2v2.errors import MissingDependencyError, ParameterError

__all__ = ["Elsewhere"]


class Elsewhere:
    """Which cluster computes features, if any, and whether it is lost. Clicks are always solved here.

    Features are the same wherever they are computed, so that none are out of date when this changes.
    """

    changed = Signal()

    def __init__(self) -> None:
        self.address = ""  # read by workers when they begin
        self.lost = ""  # why features wait for an answer

    def use(self, address: str) -> None:
        """Let features be computed at this address from now on; here, if it is empty. What waits goes on.

        Raises
        ------
        ParameterError
            If that is no address.
        MissingDependencyError
            If dask is not installed.
        """
        self.address, self.lost = as_address(address), ""
        self.changed.emit()

    def lose(self, why: str) -> None:
        """Let features wait until somebody says where to compute them."""
        self.lost = why
        self.changed.emit()

    def nothing_waits(self) -> None:
        """Ask no more."""
        if self.lost:
            self.lost = ""
            self.changed.emit()


def as_address(text: str) -> str:
    """Return a scheduler's address with its protocol; empty for none.

    Raises
    ------
    ParameterError
        If it is none.
    MissingDependencyError
        If nothing here can speak with it.
    """
    if not (text := text.strip()):
        return ""
    protocol, _, place = text.rpartition("://")
    host, _, port = place.rpartition(":")
    if not (host and port.isdigit()):
        raise ParameterError(f"Expected a dask scheduler's address, such as tcp://10.0.0.1:8786, got {text!r}.")
    if find_spec("distributed") is None:  # found and not imported: this is asked on the main thread
        raise MissingDependencyError('To compute on another machine, install dask: pip install "napari-m2n2v2[stacks]"')
    return f"{protocol or 'tcp'}://{place}"
