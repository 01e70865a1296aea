"""From checked arrays to the rnn_batch of one call."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np

from . import _c_types as _c
from ._arrays import DTYPES, INTEGERS, Array, address, check_array, check_lengths
from ._signature import Signature
from ._state import State, StateLike

Lengths: TypeAlias = "Sequence[int] | Array"


class Batch:
    """One call's arrays. It keeps them alive while C reads and writes their memory."""

    def __init__(
        self,
        signature: Signature,
        x: Array,
        lengths: Lengths | None = None,
        state: StateLike | None = None,
    ) -> None:
        self._signature = signature
        self._kept: list[Array] = []
        tokens_or_features = signature.input(x)
        self._steps, self._rows = tokens_or_features.shape[:2]
        self.c = _c.Batch()
        self.c.time_steps = self._steps
        self.c.batch_size = self._rows
        self._lend(self.c.input, tokens_or_features)
        if signature.token_input:
            self.c.token_type = DTYPES[tokens_or_features.dtype]
        if lengths is not None:
            self._lend(self.c.lengths, check_lengths(lengths, self._rows))
        self._add_state(state)

    @property
    def rows(self) -> int:
        """B."""
        return self._rows

    def add_output(self) -> Array:
        """Ask for the outputs, and return the array that the call writes."""
        output = self._signature.new_output(self._steps, self._rows)
        self._lend(self.c.output, output)
        return output

    def add_labels(self, y: Array) -> None:
        """Give class labels as the target."""
        labels = self._signature.labels(y, self._steps, self._rows)
        self._lend(self.c.target, labels)
        self.c.label_type = DTYPES[labels.dtype]

    def add_sequences(self, y: Array, lengths: Lengths | None) -> None:
        """Give labels of whole sequences as the target."""
        shape = np.shape(y)
        labels = check_array("y", y, INTEGERS, (self._rows, shape[1] if len(shape) == 2 else "U"))
        self._lend(self.c.target, labels)
        self.c.label_type = DTYPES[labels.dtype]
        if lengths is not None:
            checked = check_lengths(lengths, self._rows, "target_lengths")
            self._lend(self.c.target_lengths, checked)

    def add_values(self, y: Array) -> None:
        """Give values as the target."""
        self._lend(self.c.target, self._signature.values(y, self._steps, self._rows))

    def add_weights(self, weights: Array) -> None:
        """Give the weight of each step's loss."""
        self._lend(self.c.weights, self._signature.weights(weights, self._steps, self._rows))

    def state(self) -> State:
        """Return the state after the call: views of one buffer."""
        return self._signature.state.views(self._state, self._rows)

    def _add_state(self, state: StateLike | None) -> None:
        """Let the call read the state from, and write it to, a buffer of our own."""
        layout = self._signature.state
        flat = layout.allocate(self._rows) if state is None else layout.pack(state, self._rows)
        self._state = flat
        if flat.size:
            self._lend(self.c.state_out, flat)
            if state is not None:
                self._lend(self.c.state, flat)

    def _lend(self, field: _c.In | _c.Out, array: Array) -> None:
        """Let a field of the C batch point to an array's memory."""
        self._kept.append(array)
        field.data = address(array)
        field.bytes = array.nbytes
