"""Pictures of training and of what `observe=True` and `librnn.dynamics` find, by matplotlib.

    librnn.plot.gradient_flow(trainer.step(x, y, observe=True).flow)
    librnn.plot.training(results)

Every function draws into `ax`, or into a new figure if it is None, and returns the axes. matplotlib
is imported when the first of them is called: ``pip install "librnn[plot]"``.
"""

from ._dynamics import lyapunov, spectrum
from ._flow import gradient_flow
from ._profiles import gain, gates
from ._training import training

__all__ = ["gain", "gates", "gradient_flow", "lyapunov", "spectrum", "training"]
