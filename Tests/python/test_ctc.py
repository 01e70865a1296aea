"""CTC beyond PyTorch's numbers: all paths, what cannot be aligned, what is refused and learned."""

from itertools import product

import librnn
import numpy as np
import pytest

from logits import loss_and_gradient, slopes
from support import assert_close, assert_same_bits, assert_told, integers, normal, still


def log_softmax(x):
    return x - np.logaddexp.reduce(x, -1, keepdims=True)


def collapsed(path, blank):
    """Repetitions made one, then blanks taken out."""
    return tuple(k for t, k in enumerate(path) if k != blank and (t == 0 or path[t - 1] != k))


def labellings(x, blank):
    """The probability of every labelling of logits [T, O], by all paths."""
    logs, found = log_softmax(x), {}
    for path in product(range(x.shape[1]), repeat=len(x)):
        labels = collapsed(path, blank)
        found[labels] = found.get(labels, 0) + np.exp(sum(logs[t, k] for t, k in enumerate(path)))
    return found


@pytest.mark.parametrize("steps, classes, blank", [(1, 2, 0), (4, 3, 0), (5, 3, 2), (6, 2, 1)])
def test_the_loss_is_that_of_all_paths(steps, classes, blank):
    x = normal(steps, steps, 1, classes) * 2
    for labels, probability in labellings(x[:, 0], blank).items():
        y = np.array([labels], int).reshape(1, -1)
        value, gradient = loss_and_gradient(x, librnn.CTCLoss(blank, "sum"), y)
        assert value == pytest.approx(-np.log(probability), rel=1e-12)
    assert_close(gradient, slopes(x, librnn.CTCLoss(blank, "sum"), y), bound=1e-7)


def test_likelihoods_far_below_the_least_double_are_exact():
    steps = 300
    x = np.zeros((steps, 1, 3))
    x[:, 0, 0] = 40.0  # blank is all but certain
    y = np.array([[1, 2, 1]])
    value, gradient = loss_and_gradient(x, librnn.CTCLoss(reduction="sum"), y)
    assert 80 < value < 120 and np.isfinite(gradient).all()
    one_path = np.zeros((steps, 1, 2))
    one_path[:, 0, 0] = 1000.0
    long = np.full((1, 149), 1)
    value, _ = loss_and_gradient(one_path[:298], librnn.CTCLoss(reduction="sum"), long)
    assert value > 148_000


def test_rows_do_not_depend_on_each_other_or_on_padding():
    x, y = normal(1, 7, 4, 5) * 3, integers(2, 4, 4, 3) + 1
    lengths, counts = [7, 5, 6, 0], [2, 0, 3, 0]
    loss = librnn.CTCLoss(reduction="sum")
    value, gradient = loss_and_gradient(x, loss, y, lengths=lengths, target_lengths=counts)
    total = 0.0
    for row in range(4):
        if lengths[row] == 0:
            continue
        own = np.ascontiguousarray(x[: lengths[row], row : row + 1])
        part, slope = loss_and_gradient(own, loss, y[row : row + 1, : counts[row]].copy())
        assert_same_bits(gradient[: lengths[row], row], slope[:, 0])
        assert not gradient[lengths[row] :, row].any()
        total += part
    assert value == pytest.approx(total, rel=1e-14)


def test_threads_change_no_bit():
    x, y = normal(1, 60, 8, 20), integers(2, 19, 8, 15) + 1
    alone = loss_and_gradient(x, librnn.CTCLoss(), y)
    librnn.set_num_threads(2)
    shared = loss_and_gradient(x, librnn.CTCLoss(), y)
    assert alone[0] == shared[0]
    assert_same_bits(alone[1], shared[1])


@pytest.mark.parametrize("labels, steps", [([1], 0), ([1, 2], 1), ([1, 1], 2)])
def test_too_few_steps_are_an_infinite_loss_and_no_update(labels, steps):
    model = librnn.Model(librnn.Embedding(2, 4), librnn.Linear(4, 3), seed=1)
    before = model.state_dict()
    trainer = librnn.Trainer(model, librnn.CTCLoss())
    x, y = np.zeros((3, 2), int), np.array([labels, labels])
    result = trainer.step(x, y, lengths=[3, steps])
    assert result.loss == np.inf and result.skipped and result.origin.kind == "loss"
    assert result.origin.step == max(steps - 1, 0)
    for name, value in model.state_dict().items():
        assert_same_bits(value, before[name])
    assert trainer.evaluate(x, y, lengths=[3, steps]).loss == np.inf


def test_zero_infinity_leaves_the_others():
    x, y = normal(1, 3, 2, 3), np.array([[1, 2], [1, 1]])
    loss = librnn.CTCLoss(zero_infinity=True)
    value, gradient = loss_and_gradient(x, loss, y, lengths=[3, 2])
    own = np.ascontiguousarray(x[:, :1])
    alone, slope = loss_and_gradient(own, loss, y[:1])
    assert value == pytest.approx(alone / 2) and not gradient[:, 1].any()
    assert_close(gradient[:, :1], slope / 2)


def test_not_a_number_is_no_zero():
    x = normal(1, 3, 1, 3)
    model = librnn.Model(librnn.Embedding(3, 3), librnn.Linear(3, 3), dtype="float64")
    model.load_state_dict(model.state_dict() | {"0.weight": x[:, 0] * 1e308, "1.weight": x[:, 0]})
    trainer = still(model, librnn.CTCLoss(zero_infinity=True))
    assert trainer.step(np.arange(3).reshape(3, 1), np.array([[1]])).skipped


def test_evaluating_is_the_loss_of_a_step():
    model = librnn.Model(librnn.GRU(2, 4), librnn.Linear(4, 3), dtype="float64")
    trainer = still(model, librnn.CTCLoss())
    x, y = normal(1, 6, 2, 2), np.array([[1, 2], [2, 2]], "int32")
    assert trainer.evaluate(x, y).loss == trainer.step(x, y, observe=True).loss


def test_what_ctc_cannot_do_is_refused():
    model = librnn.Model(librnn.Embedding(2, 4), librnn.Linear(4, 3))
    last = librnn.Model(librnn.GRU(2, 4), librnn.Linear(4, 3, last=True))
    for got, make in [
        ("bptt", lambda: librnn.Trainer(model, librnn.CTCLoss(), bptt=2)),
        ("recompute", lambda: librnn.Trainer(model, librnn.CTCLoss(), recompute=True)),
        ("last-step head", lambda: librnn.Trainer(last, librnn.CTCLoss())),
    ]:
        assert_told(librnn.ArgumentError, f"loss | whole sequences | {got}", make)


X, Y = np.zeros((3, 2), int), np.array([[1, 2], [2, 1]])
REFUSED = [
    (librnn.ArgumentError, "y | 0 to 2 but for blank | 0 at [1, 0]", {"y": np.array([[1], [0]])}),
    (librnn.ArgumentError, "y | 0 to 2 but for blank | 3", {"y": np.array([[3], [1]])}),
    (librnn.ArgumentError, "target_lengths[1] | 0 to 2 | 3", {"target_lengths": [1, 3]}),
    (librnn.ArgumentError, "target_lengths[0] | 0 to 2 | -1", {"target_lengths": [-1, 3]}),
    (librnn.ShapeError, "target_lengths | [2] | [1]", {"target_lengths": [1]}),
    (librnn.ShapeError, "y | [2, 2] | [3, 2]", {"y": np.ones((3, 2), int)}),
    (librnn.DTypeError, "y | int32 or int64 | float64", {"y": np.ones((2, 2))}),
    (librnn.ArgumentError, "weights | none | some", {"weights": np.ones((3, 2), "float32")}),
]


@pytest.mark.parametrize("kind, sentence, change", REFUSED, ids=[each[1] for each in REFUSED])
def test_targets_are_refused_with_the_reason(kind, sentence, change):
    model = librnn.Model(librnn.Embedding(2, 4), librnn.Linear(4, 3))
    trainer = librnn.Trainer(model, librnn.CTCLoss())
    batch = {"x": X, "y": Y} | change
    assert_told(kind, sentence, lambda: trainer.step(**batch))


def test_labels_that_are_not_counted_are_not_looked_at():
    model = librnn.Model(librnn.Embedding(2, 4), librnn.Linear(4, 3))
    trainer = still(model, librnn.CTCLoss())
    first = trainer.step(X, Y, target_lengths=[1, 0]).loss
    assert trainer.step(X, np.array([[1, -9], [99, 0]]), target_lengths=[1, 0]).loss == first


def test_target_lengths_belong_to_ctc():
    trainer = librnn.Trainer(librnn.Model(librnn.Embedding(2, 4)))
    assert_told(
        librnn.ArgumentError,
        "target_lengths | CTC | some",
        lambda: trainer.step(X, X, target_lengths=[1, 1]),
    )


def test_a_network_learns_to_spell():
    """Each token stands for three steps; the labels are the tokens, not aligned."""
    model = librnn.Model(librnn.LSTM(4, 24), librnn.Linear(24, 5), seed=3)
    trainer = librnn.Trainer(model, librnn.CTCLoss(), librnn.Adam(lr=0.02), clip_norm=5.0)
    for step in range(150):
        tokens = integers(step, 4, 8, 5)
        x = np.eye(4, dtype="float32")[np.repeat(tokens.T, 3, axis=0)]
        loss = trainer.step(x, tokens + 1).loss
    assert loss < 0.2
    decoded = librnn.ctc_decode(model(x)[0], beam_width=8)
    right = [list(each.labels) == list(row) for each, row in zip(decoded, tokens + 1, strict=True)]
    assert np.mean(right) > 0.8


# ---- Decoding


@pytest.mark.parametrize("steps, classes, blank", [(1, 2, 0), (3, 4, 1), (5, 3, 0), (6, 2, 1)])
def test_a_wide_beam_finds_the_likeliest_labels_and_their_probability(steps, classes, blank):
    for seed in range(20):
        x = normal(seed, steps, 1, classes) * 1.5
        found = labellings(x[:, 0], blank)
        [(labels, score)] = librnn.ctc_decode(x, blank=blank, beam_width=1000)
        best = max(found, key=found.get)
        assert tuple(labels) == best
        assert score == pytest.approx(np.log(found[best]), rel=1e-12, abs=1e-12)


def test_a_narrow_beam_is_no_better_and_knows_no_more_than_there_is():
    for seed in range(50):
        x = normal(seed, 6, 1, 3)
        found = labellings(x[:, 0], 0)
        for width in (1, 2, 4):
            [(labels, score)] = librnn.ctc_decode(x, beam_width=width)
            assert score <= np.log(found[tuple(labels)]) + 1e-12


def test_without_a_beam_it_is_the_likeliest_path():
    x = normal(1, 9, 3, 4) * 2
    lengths = [9, 4, 0]
    decoded = librnn.ctc_decode(x, lengths, blank=2)
    for row, (labels, score) in enumerate(decoded):
        own = log_softmax(x[: lengths[row], row])
        assert tuple(labels) == collapsed(own.argmax(-1), 2)
        assert score == pytest.approx(own.max(-1).sum(), abs=1e-12)


def test_beams_end_with_each_sequence():
    x = normal(1, 6, 3, 3)
    together = librnn.ctc_decode(x, [6, 2, 0], beam_width=5)
    for row, steps in enumerate([6, 2]):
        [alone] = librnn.ctc_decode(x[:steps, row : row + 1].copy(), beam_width=5)
        assert_same_bits(together[row].labels, alone.labels)
        assert together[row].log_probability == alone.log_probability
    assert len(together[2].labels) == 0 and together[2].log_probability == 0


def prefix_search(x, width):
    """The search as Hannun et al. write it, over a table of prefixes; blank is 0."""
    beams = {(): (1.0, 0.0)}
    for p in np.exp(log_softmax(x)):
        found = {}
        for prefix, (b, n) in beams.items():
            add(found, prefix, (b + n) * p[0], n * p[prefix[-1]] if prefix else 0.0)
            for k in range(1, len(p)):
                add(found, (*prefix, k), 0.0, p[k] * (b if prefix[-1:] == (k,) else b + n))
        beams = dict(sorted(found.items(), key=lambda each: -sum(each[1]))[:width])
    best = max(beams, key=lambda prefix: sum(beams[prefix]))
    return best, np.log(sum(beams[best]))


def add(found, prefix, b, n):
    old = found.get(prefix, (0.0, 0.0))
    found[prefix] = old[0] + b, old[1] + n


@pytest.mark.parametrize("width", [1, 2, 3, 7])
def test_beams_are_kept_and_merged_as_published(width):
    """Prefixes fall out and come back, some while what goes on from them has stayed."""
    for seed in range(150):
        x = normal(seed, 12, 1, 3) * 2
        [(labels, score)] = librnn.ctc_decode(x, beam_width=width)
        expected, total = prefix_search(x[:, 0], width)
        assert tuple(labels) == expected
        assert score == pytest.approx(total, rel=1e-12)


def test_both_types_and_minus_infinity_decode():
    x = normal(1, 5, 2, 4)
    x[:, :, 3] = -np.inf
    wide = librnn.ctc_decode(x, beam_width=50)
    narrow = librnn.ctc_decode(x.astype("float32"), beam_width=50)
    for one, other in zip(wide, narrow, strict=True):
        assert_same_bits(one.labels, other.labels)
        assert one.log_probability == pytest.approx(other.log_probability, rel=1e-6)
        assert 3 not in one.labels


@pytest.mark.parametrize("value, kind", [(np.nan, librnn.NaNError), (np.inf, librnn.ArgumentError)])
def test_logits_that_are_no_distribution_are_refused(value, kind):
    x = normal(1, 4, 2, 3)
    x[3, 1, 0] = value
    assert_told(kind, "logits | -infinity | row 7", lambda: librnn.ctc_decode(x))
    librnn.ctc_decode(x, [4, 3])  # padding is not looked at
    assert_told(
        librnn.ArgumentError,
        "logits | -infinity | row 0",
        lambda: librnn.ctc_decode(np.full((1, 1, 2), -np.inf)),
    )


def test_options_of_decoding_are_refused():
    x = normal(1, 4, 2, 3)
    for sentence, options in [
        ("blank | 0 to 2 | 3", {"blank": 3}),
        ("beam_width | 0 to 1048576 | 1048577", {"beam_width": 2**20 + 1}),
        ("lengths[1] | 0 to 4 | 5", {"lengths": [4, 5]}),
    ]:
        assert_told(librnn.ArgumentError, sentence, lambda o=options: librnn.ctc_decode(x, **o))


@pytest.mark.parametrize("large", [1e16, 1e17, 1e300])
def test_beside_large_logits_nothing_is_lost(large):
    x = np.full((2, 1, 3), large)
    y = np.array([[1]])
    value, gradient = loss_and_gradient(x, librnn.CTCLoss(0, "sum"), y)
    expected, slope = loss_and_gradient(np.zeros((2, 1, 3)), librnn.CTCLoss(0, "sum"), y)
    assert value == pytest.approx(expected, rel=1e-12)
    assert_close(gradient, slope, bound=1e-12)
    (found,) = librnn.ctc_decode(x, beam_width=3)
    assert found.log_probability <= 0
