"""What librnn computes for the configurations of `fixtures/draw_cells.py`."""

import librnn
import numpy as np

from fixtures.draw_cells import has_gradients, shapes, valid_steps
from support import still


def model_of(case, data):
    """Return a model with the parameters that were drawn, after a look at their names."""
    kind = getattr(librnn, case["cell"])
    layers = [kind(**case["options"])]
    if case["front"] is not None:
        layers.insert(0, librnn.Linear(case["front"], case["options"]["input_size"]))
    model = librnn.Model(*layers, dtype="float64")
    found = {name: value.shape for name, value in model.state_dict().items()}
    assert found == shapes(case), (case, found)
    model.load_state_dict(data["parameters"])
    return model


def run_librnn(case, data):
    """Compute what is compared, under the names of `cell_reference.evaluate`."""
    model = model_of(case, data)
    given = {"lengths": data["lengths"], "state": data["state"] and tuple(data["state"])}
    output, state = model(data["x"], **given)
    output[~valid_steps(case, data)] = 0
    found = {"output": output} | {f"state.{place}": part for place, part in enumerate(state)}
    if has_gradients(case):
        trainer = still(model, librnn.MSELoss(reduction=case["reduction"]))
        report = trainer.step(data["x"], data["y"], **given)
        for place, part in enumerate(report.state):
            assert np.array_equal(part, state[place])
        found |= {f"gradient.{name}": value for name, value in trainer.gradients().items()}
    return found


def difference(actual, expected):
    """Return the largest difference, relative to the largest magnitude expected; NaN stays."""
    assert actual.shape == expected.shape
    error, size = np.abs(actual - expected).max(initial=0), np.abs(expected).max(initial=0)
    if size == 0:
        return 0.0 if error == 0 else float("inf")
    return float(error / size)


def worst(actual, expected):
    """Return the largest difference of any tensor, and the tensor's name."""
    assert sorted(actual) == sorted(expected)
    found = [(difference(actual[name], expected[name]), name) for name in expected]
    return max(found, key=lambda each: (np.isnan(each[0]), each))
