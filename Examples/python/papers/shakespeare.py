"""A character model of tiny Shakespeare: an LSTM, in a quarter of an hour.

    python Examples/python/papers/shakespeare.py --data tinyshakespeare.txt

It learns from the first 90 % of the text and is judged on the last 10 %, in nats per character: the
customary split of Karpathy's char-rnn. The state is carried along in both. The settings were chosen
by `--validate`, which learns from the first nine tenths of those 90 % and judges on their rest.
"""

from __future__ import annotations

import sys
import time
from functools import partial
from pathlib import Path
from typing import NamedTuple

import librnn
import numpy as np

import trials

sys.path.append(str(Path(__file__).resolve().parents[1]))

from charlm_data import Tokens, endless_batches, load_text, parallel_streams, split  # noqa: E402
from charlm_train import evaluate, schedule  # noqa: E402


class Setting(NamedTuple):
    """What was chosen on the validation text."""

    embedding: int = 64
    hidden: int = 512
    layers: int = 1
    dropout: float = 0.0
    batch_size: int = 32
    time_steps: int = 64
    lr: float = 4e-3
    weight_decay: float = 0.01


def load(path: Path) -> Tokens:
    """Return a text as tokens from 0 on, one for each different character."""
    _, tokens = np.unique(load_text(path), return_inverse=True)
    return tokens.astype(np.int32)


def make_trainer(setting: Setting, tokens: int, seed: int) -> librnn.Trainer:
    """Return an LSTM that reads tokens and says which comes next."""
    s = setting
    model = librnn.Model(
        librnn.Embedding(tokens, s.embedding),
        librnn.LSTM(s.embedding, s.hidden, s.layers, s.dropout, forget_bias=1.0),
        librnn.Linear(s.hidden, tokens),
        seed=seed,
    )
    optimizer = librnn.AdamW(s.lr, weight_decay=s.weight_decay)
    return librnn.Trainer(model, optimizer=optimizer, clip_norm=1.0, seed=seed)


def train(trainer: librnn.Trainer, text: Tokens, setting: Setting, seconds: float) -> int:
    """Learn until the time is over, and return how many characters were read."""
    begin, state, characters = time.monotonic(), None, 0
    for x, y in endless_batches(text, setting.batch_size, setting.time_steps):
        done = (time.monotonic() - begin) / seconds
        if done >= 1:
            break
        trainer.learning_rate = setting.lr * schedule(done)
        state = trainer.step(x, y, state=state).state
        characters += x.size
    return characters


def trial(text: Tokens, judged: Tokens, minutes: float, seed: int) -> trials.Figures:
    """Train one model and judge it on all of the text that it has not seen."""
    setting = Setting()
    tokens = 1 + int(max(text.max(), judged.max()))
    trainer = make_trainer(setting, tokens, seed)
    characters = train(trainer, text, setting, 60 * minutes)
    return {
        "nats": evaluate(trainer, *parallel_streams(judged, 1)),
        "training nats": evaluate(trainer, *parallel_streams(text[: len(judged)], 1)),
        "epochs": characters / len(text),
        "parameters": trainer.model.num_parameters,
    }


def main() -> None:
    """Run the trials."""
    parser = trials.parser(__doc__)
    parser.add_argument("--data", type=Path, required=True, help="tinyshakespeare.txt")
    parser.add_argument("--minutes", type=float, default=15.0, help="time to learn, each trial")
    parser.add_argument("--validate", action="store_true", help="leave the last 10 %% alone")
    options = parser.parse_args()
    text, judged = split(load(options.data))
    title = f"{options.minutes:g} minutes"
    if options.validate:
        text, judged = split(text)
        title += ", validation"
    trials.run("shakespeare", {title: partial(trial, text, judged, options.minutes)}, options)


if __name__ == "__main__":
    main()
