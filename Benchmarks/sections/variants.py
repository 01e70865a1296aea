"""Recurrent layers beside their plain forms, in a process of their own."""

from __future__ import annotations

import json
import subprocess
import sys
from itertools import product
from pathlib import Path

from tqdm import tqdm

from results import VariantRatio
from run import Run

HIDDEN = (128, 512)
DTYPES = ("float32", "float64")
ROUNDS, QUICK_ROUNDS = 15, 1


def variants(run: Run) -> None:
    """Measure every variant at every size."""
    rounds = QUICK_ROUNDS if run.options.quick else ROUNDS
    program = Path(__file__).parents[1] / "variants.py"
    for hidden, dtype in product(HIDDEN, DTYPES):
        command = [sys.executable, str(program), str(hidden), dtype, str(rounds)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            lines = tqdm(process.stdout, f"variants, H = {hidden}, {dtype}", leave=False)
            run.results.variants += [VariantRatio(**json.loads(line)) for line in lines]
        if process.returncode:
            raise RuntimeError(f"variants.py ended with {process.returncode}")
