"""The life of a C handle: freed exactly once, by close(), by the collector or at exit."""

from __future__ import annotations

import weakref
from typing import Any, TypeVar

from .errors import HandleError, mismatch

Self = TypeVar("Self", bound="Owner")


class Owner:
    """A Python object that owns one C handle.

    A finaliser instead of ``__del__``: it runs once however the object ends, and at the exit of the
    interpreter while everything it needs is still there.
    """

    _finalizer: weakref.finalize[Any, Any] | None = None
    _pointer: int = 0

    def _own(self, pointer: int, free: Any) -> None:
        self._pointer = pointer
        self._finalizer = weakref.finalize(self, free, pointer)

    @property
    def _handle(self) -> int:
        """The C handle, or HandleError once it is closed."""
        self._require_open()
        return self._pointer

    def _require_open(self) -> None:
        if self.closed:
            kind = type(self).__name__
            raise HandleError(mismatch(kind.lower(), f"an open {kind}", "a closed one"))

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return self._finalizer is None or not self._finalizer.alive

    def close(self) -> None:
        """Free the memory. Objects made from this one go on working; twice is fine."""
        if self._finalizer is not None:
            self._finalizer()

    def __enter__(self: Self) -> Self:
        """Return the object, to be closed at the end of the block."""
        self._require_open()
        return self

    def __exit__(self, *exception: object) -> None:
        """Close the object."""
        self.close()
