"""An ordered, bounded parallel map over processes."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from typing import Any, TypeVar

import joblib
from joblib.externals.loky import get_reusable_executor

Result = TypeVar("Result")

ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
"""Every core has a process already."""


def ordered_map(function: Callable[..., Result], *arguments: Iterable[Any]) -> Iterator[Result]:
    """`map` over one process a core; results in order, at most two tasks a process ahead of the reader.

    The bound keeps memory small where results are made faster than they are written; `joblib.Parallel` has none. The
    processes are joblib's. They are not forked, which would copy the locks of torch's threads. They do not run the
    main module again, so that a script needs no main guard. `function` has to be importable.
    """
    processes = joblib.cpu_count()
    executor = get_reusable_executor(max_workers=processes, env=ONE_THREAD)
    ahead: deque[Future[Result]] = deque()
    try:
        for task in zip(*arguments, strict=False):  # as of `map`
            if len(ahead) == 2 * processes:
                yield ahead.popleft().result()
            ahead.append(executor.submit(function, *task))
        while ahead:
            yield ahead.popleft().result()
    finally:
        for future in ahead:
            future.cancel()
