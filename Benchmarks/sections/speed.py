"""Training steps and forward passes, librnn and its rivals in turns."""

from __future__ import annotations

from crew import Crew
from job import Task
from results import Timing
from run import Run
from turns import Effort, compare
from workloads import INFERENCE, TRAINING, Workload

TRAINING_SECONDS, INFERENCE_SECONDS = 45, 15


def training(run: Run) -> None:
    """Measure training steps: forward, loss, backward, clipping, Adam."""
    workloads = [TRAINING[name] for name in run.options.chosen(list(TRAINING))]
    effort = run.options.effort(TRAINING_SECONDS)
    libraries = run.options.trainers()
    run.results.training += measure(run, libraries, "Training", workloads, effort)


def inference(run: Run) -> None:
    """Measure forward passes over whole sequences."""
    shapes = [INFERENCE[name] for name in run.options.chosen(list(INFERENCE))]
    effort = run.options.effort(INFERENCE_SECONDS)
    libraries = run.options.runners()
    run.results.inference += measure(run, libraries, "Inference", shapes, effort)


def measure(
    run: Run, libraries: list[str], task: Task, workloads: list[Workload], effort: Effort
) -> list[Timing]:
    """Return the times of all workloads, the machine's peak measured before each."""
    timings: list[Timing] = []
    with Crew.hire(libraries, run.options.threads, run.options.log) as crew:
        run.results.absent |= crew.absent
        for workload in workloads:
            run.peak.sample()
            timings += compare(crew, task, workload, effort)
    return timings
