"""Lanes that join, leave, fork and begin again at random are each as if they were alone."""

import librnn
import numpy as np
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from streams import DTYPES, MARK, process_into, spoil, stepped, twin
from support import assert_same_bits, input_for, normal, output_size, stacks


class Lanes(RuleBasedStateMachine):
    """A stream beside a stream of one lane for each of its active lanes, without idle ones."""

    lane = st.integers(0, 6)

    @initialize(model=stacks(dtypes=DTYPES), rows=st.integers(1, 7), idle=st.integers(0, 7))
    def begin(self, model, rows, idle):
        self.models, self.rows, self.seed = [model, twin(model, 11)], rows, 0
        idle = min(idle, rows)
        self.stream = model.stream(rows, idle_lanes=idle)
        self.alone = {lane: model.stream() for lane in range(rows - idle)}

    def named(self, number):
        return number % self.rows

    def active(self, number):
        return sorted(self.alone)[number % len(self.alone)]

    @rule(steps=st.integers(1, 3))
    def process(self, steps):
        self.seed += 1
        model = self.models[0]
        x = input_for(model, self.seed, steps, self.rows)
        idle = [lane for lane in range(self.rows) if lane not in self.alone]
        y = np.full((steps, self.rows, output_size(model)), MARK, model.dtype)
        process_into(y, self.stream, spoil(x, idle))
        assert np.all(y[:, idle] == MARK)
        for lane, alone in self.alone.items():
            expected = stepped(alone, x[:, lane : lane + 1])[:, 0]
            assert_same_bits(y[:, lane], expected, f"lane {lane}")

    @rule(number=lane)
    def join_from_zeros(self, number):
        lane = self.named(number)
        self.stream.join(lane)
        self.alone[lane] = self.models[0].stream()

    @precondition(lambda self: self.alone)
    @rule(number=lane, source=lane)
    def join_from_bytes(self, number, source):
        lane, source = self.named(number), self.active(source)
        state = self.stream.export(source)
        assert state == self.alone[source].export()
        self.stream.join(lane, state)
        self.go_on(lane, state)

    @precondition(lambda self: self.alone)
    @rule(number=lane, source=lane)
    def fork(self, number, source):
        lane, source = self.named(number), self.active(source)
        self.stream.fork(source, lane)
        self.go_on(lane, self.alone[source].export())

    @precondition(lambda self: self.alone)
    @rule(number=lane, source=lane)
    def copy_from_another(self, number, source):
        lane, source = self.named(number), self.alone[self.active(source)]
        source.copy(0, self.stream, lane)
        self.go_on(lane, source.export())

    def go_on(self, lane, state):
        self.alone[lane] = self.models[0].stream(idle_lanes=1)
        self.alone[lane].join(0, state)

    @precondition(lambda self: self.alone)
    @rule(number=lane)
    def leave(self, number):
        lane = self.active(number)
        self.stream.leave(lane)
        del self.alone[lane]

    @rule()
    def reset(self):
        for stream in (self.stream, *self.alone.values()):
            stream.reset()

    @rule()
    def take_out_and_put_back(self):
        state = self.stream.state
        for part in state:
            part[:, [lane for lane in range(self.rows) if lane not in self.alone]] = np.nan
        self.stream.reset()
        self.stream.state = state

    @rule()
    def swap(self):
        self.models.reverse()
        for stream in (self.stream, *self.alone.values()):
            stream.swap(self.models[0])

    @rule()
    def prepare(self):
        self.stream.prepare()

    @invariant()
    def states_are_those_alone(self):
        assert self.stream.active_lanes == len(self.alone)
        states = {lane: alone.state for lane, alone in self.alone.items()}
        for index, part in enumerate(self.stream.state):
            for lane in range(self.rows):
                expected = (
                    states[lane][index][:, 0] if lane in states else np.zeros_like(part[:, 0])
                )
                assert_same_bits(part[:, lane], expected, f"lane {lane}")


TestLanes = Lanes.TestCase
TestLanes.settings = settings(max_examples=60, stateful_step_count=30)


def test_many_lanes_come_and_go():
    """More than a tile has rows, in no order."""
    model, rows, generator = librnn.Model(librnn.LSTM(3, 20), seed=1), 50, np.random.default_rng(1)
    stream, alone = model.stream(rows, idle_lanes=rows), {}
    for seed in range(60):
        for lane in generator.integers(0, rows, 5):
            if lane in alone:
                stream.leave(lane)
                del alone[lane]
            else:
                stream.join(lane)
                alone[lane] = model.stream()
        x = normal(seed, rows, 3, dtype="float32")
        y = stream.step(x)
        for lane, other in alone.items():
            assert_same_bits(y[lane], other.step(x[lane : lane + 1])[0])
