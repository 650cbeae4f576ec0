import json

import torch

import bnas
from bnas.runs.environment import environment
from bnas.search.settings import SearchSettings


def test_the_environment_names_versions_code_hardware_and_seed() -> None:
    found = environment(SearchSettings(seed=5))
    json.dumps(found)
    assert found["seed"] == 5
    assert found["bnas"] == bnas.__version__
    assert found["packages"]["torch"] == torch.__version__
    assert found["cpus"] >= 1
    assert found["git"] is None or len(found["git"]["commit"]) == 40
