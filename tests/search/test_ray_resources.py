"""What a trial takes of a cluster."""

from typing import Any

import pytest

from bnas.errors import InvalidConfiguration
from bnas.search.settings import SearchSettings


@pytest.mark.parametrize(
    ("settings", "threads", "num_gpus", "expected"),
    [
        ({}, 1, 0, {"cpu": 1}),
        ({}, 4, 8, {"cpu": 4}),
        ({"device": "cuda", "workers": 8}, 1, 2, {"cpu": 1, "gpu": 1 / 4}),
        ({"device": "cuda", "workers": 3}, 2, 8, {"cpu": 2, "gpu": 1.0}),
        ({"device": "cuda", "workers": 8, "gpus_per_trial": 0.5}, 1, 2, {"cpu": 1, "gpu": 0.5}),
    ],
)
def test_a_trial_takes_its_threads_and_its_share_of_a_gpu(
    monkeypatch: pytest.MonkeyPatch,
    settings: dict[str, Any],
    threads: int,
    num_gpus: int,
    expected: dict[str, float],
) -> None:
    import ray

    from bnas.search.ray_cluster import resources_per_trial

    monkeypatch.setattr(ray, "cluster_resources", lambda: {"CPU": 16.0, "GPU": float(num_gpus)})
    found = resources_per_trial(SearchSettings.model_validate(settings), threads=threads)
    assert found == expected


def test_cuda_on_a_cluster_without_a_gpu_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    import ray

    from bnas.search.ray_cluster import resources_per_trial

    monkeypatch.setattr(ray, "cluster_resources", lambda: {"CPU": 16.0})
    message = (
        "^device cuda needs a GPU that Ray can see, but it sees none; "
        "use device cpu, or check the driver and CUDA_VISIBLE_DEVICES$"
    )
    with pytest.raises(InvalidConfiguration, match=message):
        resources_per_trial(SearchSettings(device="cuda"))
