"""A character-level language model: an LSTM learns a text byte by byte, then goes on writing it.

    python Examples/python/charlm.py                    # Python's reference manual, two minutes
    python Examples/python/charlm.py --text novel.txt   # any other text
    python Examples/python/charlm.py --resume           # two minutes more

It learns from the first 90 % of the text by truncated backpropagation through time with carried
state, and is judged on the last 10 %. Into build/demo go the model (model.safetensors), a
checkpoint to go on from (checkpoint.safetensors) and a picture of the training (training.png).
"""

from __future__ import annotations

import argparse
import math
import subprocess
import time
from pathlib import Path

import librnn
import numpy as np

from charlm_data import Tokens, load_text, parallel_streams, split
from charlm_plot import History, plot_training
from charlm_train import ROWS, evaluate, train

ROOT = Path(__file__).resolve().parents[2]
CONTINUE = ROOT / "build" / "examples" / "continue"
BYTES = 256
TEMPERATURE = 0.8


def main() -> None:
    """Train, judge, save, draw and write."""
    options = parse_options()
    begin = time.monotonic()
    librnn.set_num_threads(options.threads)
    text, held_out = split(load_text(options.text))
    trainer = make_trainer(options)
    print_task(trainer.model, text, held_out, options)
    history = train(trainer, text, held_out, options)
    if not history.losses:
        raise SystemExit("charlm: stopped before the first step, nothing is written")
    history.held_out = evaluate(trainer, *parallel_streams(held_out, ROWS))
    save(trainer, history, options)
    prompt = first_line(held_out)
    print_heading(f"A sample, after the prompt {prompt.decode(errors='replace')!r}")
    print(sample(trainer.model, prompt, options.seed))
    print_summary(history, held_out, time.monotonic() - begin, options)
    run_c_program(prompt, options)


def parse_options() -> argparse.Namespace:
    """Return the options of the command line."""
    parser = argparse.ArgumentParser(
        description=(__doc__ or "").partition("\n")[0],
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add = parser.add_argument
    add("--text", type=Path, help="a text file, or None for Python's reference manual")
    add("--out", type=Path, default=ROOT / "build" / "demo", help="the folder to write to")
    add("--hidden", type=count, default=256, help="units of the LSTM")
    add("--layers", type=count, default=1, help="stacked layers of the LSTM")
    add("--batch", type=count, default=16, help="places of the text read side by side, B")
    add("--steps", type=count, default=32, help="characters the gradient goes back over, T")
    add("--minutes", type=duration, default=2.0, help="time to train for")
    add("--lr", type=float, default=8e-3, help="Adam's greatest learning rate")
    add("--clip", type=float, default=1.0, help="greatest norm of the gradient")
    add("--seed", type=int, default=0, help="of the first weights and of the sample")
    add("--threads", type=count, default=2, help="threads of librnn; OpenBLAS has its own")
    add("--resume", action="store_true", help="go on from the checkpoint in the folder")
    options = parser.parse_args()
    check_text(parser, options.text)
    return options


def count(word: str) -> int:
    """Return a whole number of at least 1."""
    number = int(word)
    if number < 1:
        raise argparse.ArgumentTypeError(f"expected at least 1, got {word}")
    return number


def duration(word: str) -> float:
    """Return a number above 0."""
    number = float(word)
    if not 0 < number < math.inf:
        raise argparse.ArgumentTypeError(f"expected a number above 0, got {word}")
    return number


def check_text(parser: argparse.ArgumentParser, path: Path | None) -> None:
    """End the program if there is not enough text."""
    if path and not path.is_file():
        parser.error(f"--text: expected a file, got {path}")
    if path and path.stat().st_size < 10_000:
        parser.error(f"--text: expected at least 10,000 bytes, got {path.stat().st_size}")


def make_trainer(options: argparse.Namespace) -> librnn.Trainer:
    """Return a new trainer, or that of the checkpoint, which brings its own sizes."""
    options.out.mkdir(parents=True, exist_ok=True)
    if options.resume:
        return librnn.Trainer.resume(options.out / "checkpoint.safetensors")
    model = librnn.Model(
        librnn.Embedding(BYTES, 64),
        librnn.LSTM(64, options.hidden, num_layers=options.layers, forget_bias=1.0),
        librnn.Linear(options.hidden, BYTES),
        seed=options.seed,
    )
    return librnn.Trainer(model, optimizer=librnn.Adam(lr=options.lr), clip_norm=options.clip)


def save(trainer: librnn.Trainer, history: History, options: argparse.Namespace) -> None:
    """Write the model, the checkpoint and the picture."""
    trainer.model.save(options.out / "model.safetensors")
    trainer.save(options.out / "checkpoint.safetensors")
    title = f"librnn: {trainer.model.layers[1]!r} learns {text_name(options)}"
    plot_training(history, options.clip, title, options.out / "training.png")


def sample(model: librnn.Model, prompt: bytes, seed: int, length: int = 600) -> str:
    """Return what the model writes after a prompt, byte by byte."""
    random = librnn.Random(seed)
    stream = model.stream()
    logits = stream.step(ord("\n"))  # the prompt begins a line
    for token in prompt:
        logits = stream.step(token)
    text = bytearray(prompt)
    for _ in range(length):
        text.append(librnn.sample(logits[0], TEMPERATURE, random=random))
        logits = stream.step(text[-1])
    return text.decode(errors="replace")


def first_line(text: Tokens, most: int = 60) -> bytes:
    """Return the first full line of some length, as far as `most` bytes."""
    lines = bytes(text.astype(np.uint8)).split(b"\n")[1:]
    return next((line.strip()[:most] for line in lines if len(line) > most // 2), b"\n")


def print_task(
    model: librnn.Model, text: Tokens, held_out: Tokens, options: argparse.Namespace
) -> None:
    """Say what is going to be learned, and by what."""
    print_heading(f"librnn {librnn.__version__} learns {text_name(options)}")
    print(f"{len(text):,} characters to learn from, {len(held_out):,} held out")
    print(f"{model.num_parameters:,} parameters: {', '.join(map(repr, model.layers))}")
    print(f"B = {options.batch}, T = {options.steps}, {options.minutes:g} minutes\n", flush=True)


def print_summary(
    history: History, held_out: Tokens, seconds: float, options: argparse.Namespace
) -> None:
    """Say how it went and where the files are."""
    clipped = sum(history.clipped)
    skipped = sum(not math.isfinite(norm) for norm in history.grad_norms)
    print_heading("Summary")
    print(f"held-out text  {in_bits(history.held_out)} per character, over all {len(held_out):,}")
    print(f"training       {history.characters[-1]:,} characters seen, {seconds:.0f} s in all")
    print(f"steps          {len(history.losses):,}: {clipped:,} clipped, {skipped:,} skipped")
    for name in ("model.safetensors", "checkpoint.safetensors", "training.png"):
        print(f"written        {shown(options.out / name)}")


def run_c_program(prompt: bytes, options: argparse.Namespace) -> None:
    """Let the C program read the same model and go on from the same prompt."""
    command = [shown(CONTINUE), shown(options.out / "model.safetensors"), "400", str(TEMPERATURE)]
    print_heading(f"The same from C: {' '.join(command)}")
    if not CONTINUE.is_file():
        print("It is not built yet: `make build/examples/continue` does it.")
        return
    arguments = [CONTINUE, options.out / "model.safetensors", *command[2:]]
    subprocess.run(arguments, input=prompt, check=True)


def print_heading(text: str) -> None:
    """Print a line that begins a part of the output."""
    print(f"\n== {text} ==", flush=True)


def text_name(options: argparse.Namespace) -> str:
    """Return what to call the text."""
    return options.text.name if options.text else "Python's reference manual"


def in_bits(nats: float) -> str:
    """Return a loss as people of both schools read it."""
    return f"{nats:.4f} nats ({nats / math.log(2):.3f} bits)"


def shown(path: Path) -> str:
    """Return a path as one would type it here."""
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)


if __name__ == "__main__":
    try:
        main()
    except librnn.RnnError as error:
        raise SystemExit(f"charlm: {error}") from None
