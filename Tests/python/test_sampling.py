"""Drawing tokens: the distribution, what is kept of it, and the random numbers."""

import librnn
import numpy as np
import pytest
from librnn import Random, sample

from support import assert_same_bits, assert_told, at_once, integers, normal


def kept(x, temperature=1.0, top_k=None, top_p=None):
    """The probabilities by the definition: sorted, the first of equals first."""
    order = sorted(range(len(x)), key=lambda j: (-x[j], j))[: top_k or len(x)]
    weights = np.exp((x - x.max()) / temperature)
    if top_p is not None:
        sums = np.cumsum(weights[order])
        order = order[: int(np.argmax(sums >= top_p * sums[-1])) + 1]
    p = np.zeros(len(x))
    p[order] = weights[order]
    return p / p.sum()


def draws(x, count, seed=1, **options):
    """So many tokens from one row of logits, each with a stream of its own."""
    rows = np.ascontiguousarray(np.broadcast_to(x, (count, len(x))))
    return sample(rows, random=[Random(seed, stream) for stream in range(count)], **options)


def chi_square(tokens, p):
    """Pearson's statistic of tokens, and how many classes are possible."""
    counts = np.bincount(tokens, minlength=len(p))
    assert not counts[p == 0].any()
    expected = len(tokens) * p[p > 0]
    return np.sum((counts[p > 0] - expected) ** 2 / expected), np.count_nonzero(p)


OPTIONS = [
    {},
    {"temperature": 0.5},
    {"temperature": 3.0},
    {"top_k": 3},
    {"top_p": 0.7},
    {"top_k": 4, "top_p": 0.6, "temperature": 1.7},
    {"top_k": 1},
    {"top_p": 1e-9},
]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("options", OPTIONS, ids=repr)
def test_tokens_come_as_often_as_they_should(options, dtype):
    x = normal(3, 8, dtype=dtype) * 1.5
    p = kept(x.astype("float64"), **options)
    for found, classes in [
        chi_square(draws(x, 20_000, **options), p),
        chi_square(one_after_another(x, 4_000, options), p),
    ]:
        # Mean and deviation are d and sqrt(2 d) with d degrees of freedom: a one in thousands.
        assert found <= (classes - 1) + 4.5 * np.sqrt(2 * (classes - 1))


def one_after_another(x, count, options):
    random = Random(7)
    return np.array([sample(x, random=random, **options) for _ in range(count)])


@pytest.mark.parametrize("seed", range(40))
def test_what_is_kept_is_by_the_definition(seed):
    """With ties, and where nothing comes that must not."""
    rng = np.random.default_rng(seed)
    x = rng.integers(-3, 3, rng.integers(1, 12)).astype("float64")
    x[rng.random(len(x)) < 0.2] = -np.inf
    x[0] = 0
    options = {"top_k": int(rng.integers(1, len(x) + 2)), "top_p": float(rng.uniform(0.05, 1))}
    p = kept(x, **options)
    tokens = draws(x, 1500, **options)
    assert not p[tokens].min() == 0
    likely = np.flatnonzero(p > 0.02)
    assert set(likely) <= set(tokens)


def test_equals_are_kept_from_the_first_on():
    x = np.array([0.0, 1.0, 0.0, 1.0, -0.0, 0.0])
    assert set(draws(x, 300, top_k=4)) == {0, 1, 2, 3}
    assert set(draws(np.zeros(4), 300, top_p=0.5)) == {0, 1}
    assert set(draws(np.zeros(4), 300, top_p=0.51)) == {0, 1, 2}
    assert set(draws(np.zeros(4), 300, top_k=3, top_p=0.9)) == {0, 1, 2}


def test_bisection_finds_numbers_that_are_far_apart_or_next_to_each_other():
    close = np.array([1.0, np.nextafter(1, 2), np.nextafter(1, 0), 1.0])
    assert set(draws(close, 300, top_k=2)) == {0, 1}
    far = np.array([1e-300, -1e-300, 1e-310, 0.0, -np.inf, 1e-5])
    assert set(draws(far, 300, top_k=2)) == {0, 5}
    assert set(draws(far, 300, top_k=1)) == {5}
    assert set(draws(np.array([-1e308, 1e308, 0, 9e307]), 300, top_k=2)) == {1}
    assert set(draws(np.array([-1e-310, 0.0, -1e300]), 300, top_k=2)) == {0, 1}


def test_temperature_zero_is_the_first_of_the_likeliest_and_takes_no_number():
    random = Random(1)
    assert sample(np.array([0.0, 2.0, 2.0, 1.0]), temperature=0, random=random) == 1
    assert sample(np.array([0.0, 2.0, 2.0, 1.0]), temperature=0) == 1
    assert random == Random(1)


def test_a_small_temperature_is_nearly_that():
    assert set(draws(normal(1, 9), 200, temperature=1e-300)) == {int(normal(1, 9).argmax())}


# ---- Random numbers


def test_a_seed_means_the_same_tokens():
    x = normal(1, 50, 30)
    tokens = sample(x, random=[Random(5, stream) for stream in range(50)])
    assert_same_bits(tokens, sample(x, random=[Random(5, stream) for stream in range(50)]))
    assert tokens[:10].tolist() == [sample(x[row], random=Random(5, row)) for row in range(10)]
    assert (tokens != sample(x, random=[Random(6, stream) for stream in range(50)])).any()


def test_the_numbers_are_philoxs():
    """Two words of the generator's published test vector make the first number of seed 0."""
    bounds = np.array([0x6627E8D5E169C58D >> 11]) / 2.0**53
    x = np.log(np.array([bounds[0] * (1 - 1e-9), 1e-9, 1 - bounds[0]]))
    assert sample(x, random=Random()) == 1


def test_each_token_takes_one_number():
    random = Random(3, 2)
    for _ in range(5):
        sample(normal(1, 4), random=random)
    assert random.position == 5
    again = Random(3, 2, position=4)
    sample(normal(1, 4), random=again)
    assert again == random


def test_a_fork_goes_on_alike_and_another_stream_apart():
    x, random = normal(1, 100), Random(9)
    sample(x, random=random)
    twin, other = random.fork(), random.fork(stream=1)
    tokens = [[sample(x, random=each) for _ in range(30)] for each in (random, twin, other)]
    assert tokens[0] == tokens[1] != tokens[2]
    assert np.mean(np.array(tokens[0]) == tokens[2]) < 0.3


def test_a_text_forks_with_its_stream():
    model = librnn.Model(librnn.Embedding(20, 8), librnn.GRU(8, 16), librnn.Linear(16, 20), seed=2)
    stream = model.stream(2)
    randoms = [Random(4), Random(4)]
    logits = stream.step(np.array([1, 2]))
    for _ in range(5):
        logits = stream.step(sample(logits, random=randoms))
    stream.copy(0, stream, 1)
    logits, randoms = np.repeat(logits[:1], 2, axis=0), [randoms[0], randoms[0].fork()]
    for _ in range(5):
        tokens = sample(logits, random=randoms)
        assert tokens[0] == tokens[1]
        logits = stream.step(tokens)


def test_threads_may_draw_at_once():
    x, found = normal(1, 200, 64), [None] * 8

    def run(place):
        found[place] = sample(x, top_p=0.9, random=[Random(1, row) for row in range(200)])

    at_once(run, 8)
    for tokens in found[1:]:
        assert_same_bits(tokens, found[0])


# ---- Refusals

ROW = normal(1, 3)
WITH = {"random": Random()}
REFUSED = [
    (librnn.NaNError, "logits | numbers | row 0", {"logits": np.array([0, np.nan])}),
    (librnn.ArgumentError, "logits | numbers | row 0", {"logits": np.array([0, np.inf])}),
    (librnn.ArgumentError, "logits | numbers | row 0", {"logits": np.full(3, -np.inf)}),
    (librnn.DTypeError, "logits | float32 or float64 | int64", {"logits": integers(1, 3, 3)}),
    (librnn.ShapeError, "logits | [O] | [1, 1, 1]", {"logits": np.zeros((1, 1, 1))}),
    (librnn.ShapeError, "logits | at least 1 | [0]", {"logits": np.zeros(0)}),
    (librnn.ArgumentError, "temperature | >= 0 | -1", {"temperature": -1}),
    (librnn.ArgumentError, "temperature | 0 or a number > | e-320", {"temperature": 1e-320}),
    (librnn.ArgumentError, "top_k | 1 | 0", {"top_k": 0}),
    (librnn.ArgumentError, "top_k | 2147483647 | 2147483648", {"top_k": 2**31}),
    (librnn.ArgumentError, "top_p | > 0 | 0.0", {"top_p": 0}),
    (librnn.ArgumentError, "top_p | (0, 1] | 1.5", {"top_p": 1.5}),
    (librnn.ArgumentError, "random | Random | None", {"random": None}),
    (librnn.DTypeError, "random | a Random | int", {"random": 3}),
    (librnn.DTypeError, "random | a sequence | Random", {"logits": np.zeros((2, 3))}),
    (
        librnn.ShapeError,
        "random | 2 | 1",
        {"logits": np.zeros((2, 3)), "random": [Random()]},
    ),
    (
        librnn.ArgumentError,
        "random | of its own | twice",
        {"logits": np.zeros((2, 3)), "random": [WITH["random"]] * 2},
    ),
    (librnn.ArgumentError, "seed | 0 | -1", {"random": lambda: Random(-1)}),
]


@pytest.mark.parametrize("kind, sentence, change", REFUSED, ids=[each[1] for each in REFUSED])
def test_what_cannot_be_drawn_from_is_refused(kind, sentence, change):
    call = {"logits": ROW} | WITH | change
    make = call["random"] if callable(call["random"]) else None
    assert_told(kind, sentence, make or (lambda: sample(**call)))


def test_a_refused_row_leaves_all_as_it_was():
    x, randoms = normal(1, 2, 3), [Random(1), Random(2)]
    x[1, 1] = np.nan
    with pytest.raises(librnn.NaNError):
        sample(x, random=randoms)
    assert randoms == [Random(1), Random(2)]
