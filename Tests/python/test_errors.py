"""Every misuse: the type of its exception, and a sentence with argument, expected and got."""

import librnn
import numpy as np
import pytest
from librnn import (
    GRU,
    LSTM,
    RNN,
    SGD,
    Adam,
    AdamW,
    CrossEntropyLoss,
    Embedding,
    Linear,
    Model,
    MSELoss,
    RMSprop,
    Trainer,
)

from support import assert_told, integers, normal

T, B, I, O = 4, 3, 5, 2  # noqa: E741  the letters of the header


def sensor(**options):
    """[T, B, I] -> [T, B, O]."""
    return Model(LSTM(I, 6), Linear(6, O), **options)


def batch_first():
    """[B, T, I] -> [B, T, O]."""
    return sensor(batch_first=True)


def charlm(**options):
    """Tokens 0 .. 8 -> [T, B, 9]."""
    return Model(Embedding(9, 4), GRU(4, 9), **options)


def last(**options):
    """[T, B, I] -> [B, O]."""
    return Model(GRU(I, 6), Linear(6, O, last=True), **options)


def x(*shape, dtype="float32"):
    return normal(1, *(shape or (T, B, I)), dtype=dtype)


def y(*shape, dtype="float32"):
    return normal(2, *(shape or (T, B, O)), dtype=dtype)


def holding(array, value, *place):
    array[place] = value
    return array


def strided(array):
    """The same array with gaps between its elements."""
    return np.repeat(array, 2, axis=-1)[..., ::2]


def unaligned(array):
    """The same array one byte off."""
    memory = np.empty(array.nbytes + 1, np.uint8)
    memory[1:] = array.reshape(-1).view(np.uint8)
    return memory[1:].view(array.dtype).reshape(array.shape)


def state(*shape, parts=2, dtype="float32"):
    return tuple(x(*(shape or (1, B, 6)), dtype=dtype) for _ in range(parts))


def closed(thing):
    thing.close()
    return thing


def train(inputs, target, model=sensor, loss=None, **arguments):
    Trainer(model(), loss or MSELoss()).step(inputs, target, **arguments)


def evaluate(inputs, target, model=sensor, loss=None, **arguments):
    Trainer(model(), loss or MSELoss()).evaluate(inputs, target, **arguments)


def set_state(stream, value):
    stream.state = value


def set_rate(value):
    Trainer(sensor()).learning_rate = value


def tokens(high=9, dtype="int64"):
    return integers(1, high, T, B, dtype=dtype)


def trainer():
    return Trainer(sensor(), MSELoss())


def broken_state():
    return (holding(state()[0], NAN, 0, 1, 2), state()[1])


def mixed_state():
    return (state()[0], state(dtype="float64")[1])


def out(array):
    sensor().stream().step(x(1, I), out=array)


def read_only(array):
    return np.broadcast_to(array, array.shape)


def overlapping_step():
    memory = x(1, I)
    sensor().stream().step(memory, out=memory[:, :O])


CE = CrossEntropyLoss()
NAN, INF = float("nan"), float("inf")
TYPE, VALUE = TypeError, ValueError

# Type, "argument | expected | got" of the sentence, and what is done.
# fmt: off
MISUSE = [
    # Inputs of a model
    (TYPE, "x | numpy array of float32 | list", lambda: sensor()([[[0.0]]])),
    (TYPE, "x | numpy array of float32 | NoneType", lambda: sensor()(None)),
    (TYPE, "x | float32 | float64", lambda: sensor()(x(dtype="float64"))),
    (TYPE, "x | dtype float64 | float32", lambda: sensor(dtype="float64")(x())),
    (TYPE, "x | float32 | int64", lambda: sensor()(tokens())),
    (TYPE, "x | float32 | >f4", lambda: sensor()(x(dtype=">f4"))),
    (TYPE, "x | float32 | object", lambda: sensor()(x().astype(object))),
    (VALUE, "x | [T, B, 5] | [4, 5]", lambda: sensor()(x(T, I))),
    (VALUE, "x | [T, B, 5] | [4, 3, 4]", lambda: sensor()(x(T, B, 4))),
    (VALUE, "x | at least 1 | [0, 3, 5]", lambda: sensor()(x(0, B, I))),
    (VALUE, "x | at least 1 | [4, 0, 5]", lambda: sensor()(x(T, 0, I))),
    (VALUE, "x | C-contiguous | strides", lambda: sensor()(strided(x()))),
    (VALUE, "x | C-contiguous | strides", lambda: sensor()(np.asfortranarray(x()))),
    (VALUE, "x | C-contiguous | strides", lambda: sensor()(x()[::-1])),
    (VALUE, "x | C-contiguous | strides", lambda: sensor()(np.broadcast_to(x(I), (T, B, I)))),
    (VALUE, "x | C-contiguous | unaligned", lambda: sensor()(unaligned(x()))),
    (VALUE, "x | number | NaN", lambda: sensor()(holding(x(), NAN, 2, 1, 3))),
    (VALUE, "x | number | NaN", lambda: batch_first()(holding(x(B, T, I), NAN, 2, 1, 3))),
    (VALUE, "x | [B, T, 5] | [3, 4, 4]", lambda: batch_first()(x(B, T, 4))),
    # Tokens
    (TYPE, "x | int32 or int64 | float32", lambda: charlm()(x(T, B))),
    (TYPE, "x | int32 | int16", lambda: charlm()(tokens(dtype="int16"))),
    (TYPE, "x | int32 | uint32", lambda: charlm()(tokens(dtype="uint32"))),
    (TYPE, "x | int32 | bool", lambda: charlm()(tokens(dtype="bool"))),
    (VALUE, "x | [T, B] | [4]", lambda: charlm()(integers(1, 9, T))),
    (VALUE, "x | 8 | 9", lambda: charlm()(holding(tokens(), 9, 2, 1))),
    (VALUE, "x | 8 | -1", lambda: charlm()(holding(tokens(), -1, 2, 1))),
    (VALUE, "x | 8 | 4611686018427387904", lambda: charlm()(holding(tokens(), 2**62, 2, 1))),
    (VALUE, "x | 8 | -2147483648", lambda: charlm()(holding(tokens(dtype="int32"), -(2**31), 0))),
    # Lengths
    (VALUE, "lengths | [3] | [2]", lambda: sensor()(x(), [4, 4])),
    (VALUE, "lengths | [3] | []", lambda: sensor()(x(), 4)),
    (TYPE, "lengths | ints | list of float64", lambda: sensor()(x(), [])),
    (TYPE, "lengths | ints | float", lambda: sensor()(x(), [4.0] * B)),
    (TYPE, "lengths | ints | bool", lambda: sensor()(x(), [True] * B)),
    (TYPE, "lengths | ints | str", lambda: sensor()(x(), "444")),
    (TYPE, "lengths | ints | object", lambda: sensor()(x(), [[1], [1, 2], 3])),
    (TYPE, "lengths | ints | generator", lambda: sensor()(x(), (n for n in [4, 4, 4]))),
    (VALUE, "lengths[1] | 4 | 5", lambda: sensor()(x(), [4, 5, 1])),
    (VALUE, "lengths[2] | 4 | -1", lambda: sensor()(x(), [4, 4, -1])),
    (VALUE, "lengths[1] | 1 | 0", lambda: last()(x(), [4, 0, 4])),
    # States
    (VALUE, "state | 2 arrays (0.h, 0.c) | 1", lambda: sensor()(x(), state=state(parts=1))),
    (VALUE, "state | 2 arrays | 3", lambda: sensor()(x(), state=state(parts=3))),
    (TYPE, "state | 2 arrays | ndarray", lambda: sensor()(x(), state=state()[0])),
    (TYPE, "state | 2 arrays | dict", lambda: sensor()(x(), state={"h": 1})),
    (VALUE, "state[0] (0.h) | [1, 3, 6] | [1, 2, 6]", lambda: sensor()(x(), state=state(1, 2, 6))),
    (VALUE, "state[0] (0.h) | [1, 3, 6] | [3, 1, 6]", lambda: sensor()(x(), state=state(B, 1, 6))),
    (TYPE, "state[1] (0.c) | float32 | float64", lambda: sensor()(x(), state=mixed_state())),
    (TYPE, "state[0] (0.h) | numpy array | list", lambda: sensor()(x(), state=[[0.0], [0.0]])),
    (VALUE, "state | number | NaN", lambda: sensor()(x(), state=broken_state())),
    (VALUE, "state | 0 arrays | 1", lambda: Model(Linear(I, O))(x(), state=state(parts=1))),
    # Targets and weights
    (TYPE, "y | int32 or int64 | float32", lambda: train(x(), y(T, B), loss=CE)),
    (VALUE, "y | [4, 3] | [4, 4]", lambda: train(x(), integers(1, 2, T, 4), loss=CE)),
    (VALUE, "y | [4, 3] | [4, 3, 2]", lambda: train(x(), integers(1, 2, T, B, O), loss=CE)),
    (VALUE, "y | [3] | [4, 3]", lambda: train(x(), integers(1, 2, T, B), last, CE)),
    (VALUE, "y | 1 | 2", lambda: train(x(), holding(integers(1, O, T, B), O, 2, 1), loss=CE)),
    (VALUE, "y | 1 | -1", lambda: train(x(), holding(integers(1, O, T, B), -1, 2, 1), loss=CE)),
    (TYPE, "y | float32 | int64", lambda: train(x(), integers(1, 2, T, B, O))),
    (TYPE, "y | float32 | float64", lambda: train(x(), y(dtype="float64"))),
    (VALUE, "y | [4, 3, 2] | [4, 3, 3]", lambda: train(x(), y(T, B, 3))),
    (VALUE, "y | [3, 2] | [4, 3, 2]", lambda: train(x(), y(), last)),
    (VALUE, "y | C-contiguous | strides", lambda: train(x(), strided(y()))),
    (VALUE, "y | number | NaN", lambda: train(x(), holding(y(), NAN, 2, 1, 0))),
    (VALUE, "y | number | NaN", lambda: train(x(), holding(y(B, O), NAN, 2, 1), last)),
    (TYPE, "y | numpy array | NoneType", lambda: train(x(), None)),
    (TYPE, "weights | float32 | float64", lambda: train(x(), y(), weights=np.ones((T, B)))),
    (VALUE, "weights | [4, 3] | [4, 3, 2]", lambda: train(x(), y(), weights=y())),
    (VALUE, "weights | [3] | [4, 3]", lambda: train(x(), y(B, O), last, weights=y(T, B))),
    (VALUE, "weights | number | NaN", lambda: train(x(), y(), weights=holding(y(T, B), NAN, 2, 1))),
    (VALUE, "x | [T, B, 5] | [4, 5]", lambda: evaluate(x(T, I), y())),
    (VALUE, "y | number | NaN", lambda: evaluate(x(), holding(y(), NAN, 2, 1, 0))),
    (VALUE, "lengths[1] | 4 | 5", lambda: train(x(), y(), lengths=[4, 5, 1])),
    # Streams
    (VALUE, "x | [2, 5] | [1, 5]", lambda: sensor().stream(2).step(x(1, I))),
    (VALUE, "x | [1, 5] | [5]", lambda: sensor().stream().step(x(I))),
    (TYPE, "x | float32 | float64", lambda: sensor().stream().step(x(1, I, dtype="float64"))),
    (VALUE, "x | C-contiguous | strides", lambda: sensor().stream().step(strided(x(1, I)))),
    (VALUE, "x | number | NaN", lambda: sensor().stream().step(holding(x(1, I), NAN, 0, 3))),
    (TYPE, "x | numpy | list", lambda: sensor().stream().step([0.0] * I)),
    (VALUE, "x | 8 | 9", lambda: charlm().stream().step(9)),
    (VALUE, "x | int in | 18446744073709551616", lambda: charlm().stream().step(2**64)),
    (TYPE, "x | an int | float", lambda: charlm().stream().step(1.0)),
    (TYPE, "x | int32 or int64 | int16", lambda: charlm().stream().step(tokens(dtype="int16"))),
    (TYPE, "x | numpy array | int", lambda: charlm().stream(2).step(1)),
    (VALUE, "out | [1, 2] | [2]", lambda: out(y(O))),
    (TYPE, "out | float32 | float64", lambda: out(y(1, O, dtype="float64"))),
    (VALUE, "out | C-contiguous | strides", lambda: out(strided(y(1, O)))),
    (VALUE, "out | writeable | read-only", lambda: out(read_only(y(1, O)))),
    (VALUE, "out | memory of its own | overlaps", lambda: overlapping_step()),
    (VALUE, "batch_size | 1 | 0", lambda: sensor().stream(0)),
    (TYPE, "batch_size | an int | float", lambda: sensor().stream(0.5)),
    (VALUE, "batch_size | int in | 18446744073709551617", lambda: sensor().stream(2**64 + 1)),
    (VALUE, "state[0] | [1, 2, 6] | [1, 3, 6]", lambda: set_state(sensor().stream(2), state())),
    (VALUE, "state | number | NaN", lambda: set_state(sensor().stream(B), broken_state())),
    # Closed objects
    (VALUE, "model | open | closed", lambda: closed(sensor())(x())),
    (VALUE, "model | open | closed", lambda: closed(sensor()).state_dict()),
    (VALUE, "model | open | closed", lambda: closed(sensor()).load_state_dict({})),
    (VALUE, "model | open | closed", lambda: closed(sensor()).save("m")),
    (VALUE, "model | open | closed", lambda: closed(sensor()).stream()),
    (VALUE, "model | open | closed", lambda: Trainer(closed(sensor()))),
    (VALUE, "trainer | open | closed", lambda: closed(trainer()).step(x(), y())),
    (VALUE, "trainer | open | closed", lambda: closed(trainer()).evaluate(x(), y())),
    (VALUE, "trainer | open | closed", lambda: closed(trainer()).gradients()),
    (VALUE, "trainer | open | closed", lambda: closed(trainer()).learning_rate),
    (VALUE, "trainer | open | closed", lambda: closed(trainer()).save("m")),
    (VALUE, "stream | open | closed", lambda: closed(sensor().stream()).step(x(1, I))),
    (VALUE, "stream | open | closed", lambda: closed(sensor().stream()).reset()),
    (VALUE, "stream | open | closed", lambda: closed(sensor().stream()).state),
    (VALUE, "stream | open | closed", lambda: set_state(closed(sensor().stream()), state(1, 1, 6))),
    # Stacks
    (VALUE, "layers | at least | none", lambda: Model()),
    (TYPE, "layers[0] | a Layer | list", lambda: Model([GRU(1, 1)])),
    (VALUE, "layer 1 | 3 | 4", lambda: Model(GRU(2, 3), Linear(4, 1))),
    (VALUE, "layer 1 | first | after layer 0", lambda: Model(GRU(2, 3), Embedding(3, 1))),
    (VALUE, "layer 0 | last | layer 1", lambda: Model(Linear(2, 3, last=True), GRU(3, 1))),
    (TYPE, "dtype | 'float32' or 'float64' | float16", lambda: sensor(dtype="float16")),
    (TYPE, "dtype | 'float32' | single precision", lambda: sensor(dtype="single precision")),
    (VALUE, "seed | 0 .. | -1", lambda: sensor(seed=-1)),
    (VALUE, "seed | 18446744073709551615 | 18446744073709551616", lambda: sensor(seed=2**64)),
    (TYPE, "seed | an int | str", lambda: sensor(seed="1")),
    # Layers
    (VALUE, "num_embeddings | 1 .. | 0", lambda: Embedding(0, 1)),
    (VALUE, "embedding_dim | 1 .. | 0", lambda: Embedding(1, 0)),
    (VALUE, "input_size | 1 .. | 0", lambda: GRU(0, 1)),
    (VALUE, "hidden_size | 1 .. | -3", lambda: RNN(1, -3)),
    (VALUE, "hidden_size | int in | 18446744073709551617", lambda: LSTM(1, 2**64 + 1)),
    (TYPE, "hidden_size | an int | float", lambda: LSTM(1, 1.5)),
    (VALUE, "num_layers | 1 .. | 0", lambda: LSTM(1, 1, 0)),
    (VALUE, "dropout | [0, 1) | 1.0", lambda: LSTM(1, 1, dropout=1)),
    (VALUE, "dropout | [0, 1) | nan", lambda: LSTM(1, 1, dropout=NAN)),
    (TYPE, "dropout | a number | str", lambda: LSTM(1, 1, dropout="0.5")),
    (VALUE, "nonlinearity | 'tanh' or 'relu' | 'gelu'", lambda: RNN(1, 1, nonlinearity="gelu")),
    (VALUE, "weight_init | 'identity' | 'zeros'", lambda: GRU(1, 1, weight_init="zeros")),
    (VALUE, "recurrent_init | 'default' | 1", lambda: GRU(1, 1, recurrent_init=1)),
    (VALUE, "forget_bias | None | 0", lambda: LSTM(1, 1, forget_bias=0.0)),
    (VALUE, "forget_bias | finite | inf", lambda: LSTM(1, 1, forget_bias=INF)),
    (VALUE, "chrono | > 2 | 2.0", lambda: LSTM(1, 1, chrono=2)),
    (VALUE, "chrono | finite | nan", lambda: GRU(1, 1, chrono=NAN)),
    (TYPE, "chrono | a number | str", lambda: GRU(1, 1, chrono="9")),
    (VALUE, "spectral_radius | > 0 | 0.0", lambda: RNN(1, 1, spectral_radius=0)),
    (VALUE, "spectral_radius | finite | inf", lambda: GRU(1, 1, spectral_radius=INF)),
    (VALUE, "in_features | 1 .. | 0", lambda: Linear(0, 1)),
    (VALUE, "out_features | 1 .. | 0", lambda: Linear(1, 0)),
    # Losses and optimisers
    (VALUE, "reduction | 'mean' or 'sum' | 'none'", lambda: MSELoss("none")),
    (TYPE, "ignore_index | an int | str", lambda: CrossEntropyLoss("mean")),
    (VALUE, "lr | >= 0 | -1", lambda: SGD(lr=-1)),
    (VALUE, "lr | >= 0 | nan", lambda: Adam(lr=NAN)),
    (VALUE, "momentum | >= 0 | -0.1", lambda: SGD(momentum=-0.1)),
    (VALUE, "momentum | > 0 | 0.0", lambda: SGD(nesterov=True)),
    (VALUE, "alpha | [0, 1) | 1.0", lambda: RMSprop(alpha=1)),
    (VALUE, "betas[1] | [0, 1) | 1.0", lambda: Adam(betas=(0.9, 1))),
    (VALUE, "betas[0] | [0, 1) | -1.0", lambda: Adam(betas=(-1, 0.9))),
    (TYPE, "betas | two numbers | 0.9", lambda: Adam(betas=0.9)),
    (VALUE, "eps | > 0 | 0.0", lambda: AdamW(eps=0)),
    (VALUE, "weight_decay | >= 0 | -1.0", lambda: AdamW(weight_decay=-1)),
    # Trainers
    (TYPE, "model | a Model | str", lambda: Trainer("m")),
    (TYPE, "loss | a Loss | str", lambda: Trainer(sensor(), "mse")),
    (TYPE, "loss | a Loss | type", lambda: Trainer(sensor(), MSELoss)),
    (TYPE, "optimizer | an Optimizer | float", lambda: Trainer(sensor(), optimizer=0.1)),
    (VALUE, "clip_norm | > 0 | 0.0", lambda: Trainer(sensor(), clip_norm=0)),
    (VALUE, "clip_value | > 0 | -1.0", lambda: Trainer(sensor(), clip_value=-1)),
    (VALUE, "clip_norm | finite | nan", lambda: Trainer(sensor(), clip_norm=NAN)),
    (VALUE, "bptt | 1 .. | 0", lambda: Trainer(sensor(), bptt=0)),
    (VALUE, "clip_scope | 'per_tensor' | 'layer'", lambda: Trainer(sensor(), clip_scope="layer")),
    (VALUE, "nonfinite | 'fail' | 'ignore'", lambda: Trainer(sensor(), nonfinite="ignore")),
    (VALUE, "seed | 0 .. | 18446744073709551616", lambda: Trainer(sensor(), seed=2**64)),
    (VALUE, "learning_rate | >= 0 | -1.0", lambda: set_rate(-1)),
    (VALUE, "learning_rate | >= 0 | inf", lambda: set_rate(INF)),
    (TYPE, "learning_rate | a number | str", lambda: set_rate("1")),
    # Files and threads
    (TYPE, "path | os.PathLike | int", lambda: librnn.load(3)),
    (VALUE, "path | not empty | ''", lambda: sensor().save("")),
    (VALUE, "path | zero bytes | m\\x00", lambda: librnn.load("m\0")),
    (TYPE, "state_dict | dict | list", lambda: sensor().load_state_dict([1])),
    (VALUE, "count | 256 | 0", lambda: librnn.set_num_threads(0)),
    (VALUE, "count | 256 | 257", lambda: librnn.set_num_threads(257)),
    (VALUE, "count | 256 | 4294967297", lambda: librnn.set_num_threads(2**32 + 1)),
]
# fmt: on


@pytest.mark.parametrize("kind, sentence, act", MISUSE, ids=[case[1] for case in MISUSE])
def test_misuse_is_told_with_argument_expected_and_got(kind, sentence, act):
    assert_told(kind, sentence, act)
