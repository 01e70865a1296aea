"""What layers, losses and optimisers have in common."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NoReturn


class Settings:
    """Values that are checked once and never change: equal if the values and the class are."""

    def _settle(self, **values: object) -> None:
        """Store checked values, in the order of the arguments of ``__init__``."""
        self.__dict__.update(values)

    def __setattr__(self, name: str, value: object) -> NoReturn:
        """Refuse to set an attribute."""
        self._refuse(name)

    def __delattr__(self, name: str) -> NoReturn:
        """Refuse to delete an attribute."""
        self._refuse(name)

    def _refuse(self, name: str) -> NoReturn:
        kind = type(self).__name__
        raise AttributeError(f"{name}: {kind} objects do not change once they are made")

    def __eq__(self, other: object) -> bool:
        """Compare the classes and the values."""
        if type(other) is not type(self):
            return NotImplemented
        return vars(self) == vars(other)

    def __hash__(self) -> int:
        """Agree with ``==``."""
        return hash(tuple(vars(self).values()))

    def __repr__(self) -> str:
        """Return the call that makes this object."""
        return f"{type(self).__name__}({', '.join(self._arguments())})"

    def _arguments(self) -> Iterator[str]:
        """Yield the arguments of that call."""
        for name, value in vars(self).items():
            yield f"{name}={value!r}"
