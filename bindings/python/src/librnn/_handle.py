"""The life of a C handle: freed exactly once, by close(), by the collector or at exit."""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from typing import Any, NoReturn, SupportsIndex, TypeVar

from .errors import HandleError, mismatch

Self = TypeVar("Self", bound="Owner")


class Owner:
    """A Python object that owns one C handle.

    A finaliser instead of ``__del__``: it runs once however the object ends, and at the exit of the
    interpreter while everything it needs is still there.
    """

    _finalizer: weakref.finalize[Any, Any] | None = None
    _owned: Sequence[int] = ()  # the handle, until it is freed

    def _own(self, pointer: int, free: Any) -> None:
        self._owned = [pointer]
        self._finalizer = weakref.finalize(self, _release, self._owned, free)

    @property
    def _handle(self) -> int:
        """The C handle, or HandleError once it is closed."""
        try:
            return self._owned[0]
        except IndexError:
            raise self._refusal() from None

    def _refusal(self) -> HandleError:
        kind = type(self).__name__
        return HandleError(mismatch(kind.lower(), f"an open {kind}", "a closed one"))

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return not self._owned

    def close(self) -> None:
        """Free the memory. Objects made from this one go on working; twice is fine."""
        if self._finalizer is not None:
            self._finalizer()

    def __reduce_ex__(self, protocol: SupportsIndex) -> NoReturn:
        """Refuse to be copied or pickled: two objects would own one handle."""
        kind = type(self).__name__
        raise TypeError(f"{kind}: cannot be copied or pickled; save it, or copy its arrays")

    def __enter__(self: Self) -> Self:
        """Return the object, to be closed at the end of the block."""
        if self.closed:
            raise self._refusal()
        return self

    def __exit__(self, *exception: object) -> None:
        """Close the object."""
        self.close()


def _release(owned: list[int], free: Any) -> None:
    """Free the handle of an owner that is closed or gone."""
    free(owned.pop())
