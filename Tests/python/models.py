"""Models that several tests use."""

import librnn


def charlm(**options):
    stack = [librnn.Embedding(9, 4), librnn.LSTM(4, 5, num_layers=2), librnn.Linear(5, 9)]
    return librnn.Model(*stack, **options)


def sensor(**options):
    return librnn.Model(librnn.GRU(3, 4), librnn.Linear(4, 2), **options)
