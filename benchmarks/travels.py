"""What travels when features of a photo come from a worker elsewhere: ``python -m benchmarks.travels``.

A dask scheduler and one worker are started here, features of 480 x 854 pixels at grid 64 are asked of them, and the
bytes counted that dask makes of what is asked and answered. Beside them what the attention itself would take.
"""

from distributed import LocalCluster
from distributed.protocol.core import dumps
from distributed.protocol.serialize import Serialize

from benchmarks.conftest import photo_of
from benchmarks.page import table
from napari_m2n2v2 import FeatureParameters, compute_features
from napari_m2n2v2.features.cluster import Cluster

HEAD = ["grid", "what is asked", "what is answered", "the attention itself"]


def megabytes(what):
    return sum(memoryview(frame).nbytes for frame in dumps(Serialize(what))) / 1e6


class Counted(Cluster):
    """Notes the megabytes of what is asked and answered."""

    asked = answered = 0.0

    def run(self, task, *given, **named):
        answer = super().run(task, *given, **named)
        self.asked += megabytes(given)
        self.answered += megabytes(answer)
        return answer


def main(grid=64):
    with LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address="127.0.0.1:0") as there:
        cluster, parameters = Counted(there.scheduler_address), FeatureParameters(grid=grid)
        features = compute_features(
            photo_of("480x854"), cluster.attention("offline"), device="cpu", parameters=parameters
        )
    sizes = cluster.asked, cluster.answered, features.transition.numel() * 4 / 1e6
    print(table(HEAD, [[grid, *(f"{size:.1f} MB" for size in sizes)]]))


if __name__ == "__main__":
    main()
