"""What every driver does where its `with` block ends. It knows no arm."""

from __future__ import annotations

from abc import ABC, abstractmethod
from types import TracebackType
from typing import Self

from cellctl.errors import CellctlError


class StoppedAtExit(ABC):
    """Stopped and then closed where its `with` block ends, however that ends. A stop that fails is not raised there:
    it would hide why the block ended, and a controller that hears nothing stops by itself.
    """

    @abstractmethod
    def stop(self) -> object:
        """Come to standstill; may raise CellctlError."""

    @abstractmethod
    def close(self) -> None:
        """Let go."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.stop()
        except CellctlError:
            pass
        finally:
            self.close()
