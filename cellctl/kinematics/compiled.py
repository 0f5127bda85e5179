"""How a numba kernel is declared: strict IEEE float64, one explicit signature, kept on disk. It knows no kernel.

A division by zero gives infinity or NaN as IEEE 754 has it, and raises nothing.

Signatures are explicit, so importing a module of kernels compiles or loads all of them but the late ones, and a
read-only array never leads to a second compilation: inputs are declared read-only, which writable arrays satisfy too.
"""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any, TypeVar, cast

import numba
from numba.core.caching import FunctionCache, NullCache
from numba.core.dispatcher import Dispatcher
from numba.core.extending import _Intrinsic
from numba.core.registry import CPUDispatcher

_Kernel = TypeVar("_Kernel", bound=Callable[..., object])

REAL = numba.types.float64
COUNT = numba.types.intp
FLAG = numba.types.boolean
NOTHING = numba.types.void


def reads(ndim: int, dtype: Any = REAL) -> Any:
    """Type of a C-contiguous array that the kernel only reads; writable arrays are accepted too."""
    return numba.types.Array(dtype, ndim, "C", readonly=True)


def writes(ndim: int, dtype: Any = REAL) -> Any:
    """Type of a C-contiguous array that the kernel fills."""
    return numba.types.Array(dtype, ndim, "C")


def several(count: int, dtype: Any = REAL) -> Any:
    """Type of a tuple of `count` numbers."""
    make: Any = numba.types.UniTuple
    return make(dtype, count)


def record(kind: type[tuple[Any, ...]], *fields: Any) -> Any:
    """Type of the named tuple `kind`; its arrays must be exactly of these types, writable ones as `writes` says."""
    alike: Any = numba.types.NamedUniTuple
    make: Any = numba.types.NamedTuple
    return alike(fields[0], len(fields), kind) if len(set(fields)) == 1 else make(fields, kind)


def compiled(
    result: Any, *arguments: Any, inlined: bool = False, bare: bool = False, late: bool = False
) -> Callable[[_Kernel], _Kernel]:
    """Compile the function for these argument types, or load it from numba's on-disk cache.

    One that is `inlined` becomes part of every kernel that calls it: for small ones in the innermost loops. A `bare`
    one makes no arrays and counts no references to those it is given. A `late` one is compiled or loaded when it is
    first called, or when a kernel that calls it is compiled: for those that only kernels call, whose own caches hold
    them, and those that only a search needs. Never for what is first called while an arm moves.

    The cache lies where numba puts it (`NUMBA_CACHE_DIR`, beside the source, or the user's cache folder); where none
    of these can be written, the kernel is compiled in every process instead.
    """

    def declare(function: _Kernel) -> _Kernel:
        options = {"nopython": True, "error_model": "numpy", "forceinline": inlined, "_nrt": not bare}
        kernel = _Dispatcher(function, targetoptions=options)
        kernel.declared = result(*arguments)
        # numba says RuntimeError where no folder can be written, and OSError where one is full.
        with suppress(RuntimeError, OSError):
            kernel._cache = _KernelCache(function)
        if not late:
            kernel.settle()
        return cast(_Kernel, kernel)

    return declare


def settle_late(module: ModuleType) -> None:
    """Compile or load now what is late among the kernels of `module`."""
    for value in vars(module).values():
        if isinstance(value, _Dispatcher):
            value.settle()


class _Dispatcher(CPUDispatcher):
    """A kernel with one signature, the `declared` one, which is all that it is ever compiled for, whoever asks."""

    declared: Any
    _cache: FunctionCache | NullCache
    _can_compile: bool

    def settle(self) -> None:
        """Compile or load what is declared, and nothing from then on."""
        if not self._can_compile:
            return
        try:
            self.compile(self.declared)
        except OSError:
            self._cache = NullCache()
            self.compile(self.declared)
        self.disable_compile()

    def get_call_template(self, args: Any, kws: Any) -> Any:
        """What a kernel that calls this one is compiled with."""
        self.settle()
        return super().get_call_template(args, kws)

    def _compile_for_args(self, *args: Any, **kws: Any) -> Any:
        """What numba calls for a kernel that has no code yet, to call what it returns."""
        self.settle()
        return self


class _KernelCache(FunctionCache):
    """numba's cache, stale also when a *called* kernel of another file changes: numba itself looks at one file only."""

    def __init__(self, function: Callable[..., object]) -> None:
        super().__init__(function)  # type: ignore[no-untyped-call]
        self._cache_file._source_stamp = self.stamp = _stamp(function)


def _stamp(function: Callable[..., object]) -> str:
    """Hash over the function's source file, the stamps of the kernels it calls and the constants it reads."""
    digest = hashlib.sha256(Path(inspect.getfile(function)).read_bytes())
    for name, value in _globals_of(function):
        if isinstance(value, Dispatcher):
            digest.update(f"{name}={getattr(getattr(value, '_cache', None), 'stamp', '')};".encode())
        elif isinstance(value, bool | int | float | tuple):
            digest.update(f"{name}={value!r};".encode())
        elif isinstance(value, _Intrinsic):
            digest.update(Path(inspect.getfile(value._defn)).read_bytes())
    return digest.hexdigest()


def _globals_of(function: Callable[..., object]) -> Iterator[tuple[str, object]]:
    """Global names that the function's code mentions, with what they stand for now; in a module, one level down."""
    code: CodeType = function.__code__
    space = function.__globals__
    for name in code.co_names:
        value = space.get(name)
        yield name, value
        if isinstance(value, ModuleType):
            yield from ((inner, getattr(value, inner)) for inner in code.co_names if hasattr(value, inner))
