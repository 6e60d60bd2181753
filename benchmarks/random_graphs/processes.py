"""Judging cases in processes of their own: an engine may die of one.

Knows seeds; must not know what a case is.
"""

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.connection import Connection

from benchmarks.random_graphs.outcome import Outcome

WORKERS = 2

Judge = Callable[[int], Outcome]


def judge_all(seeds: Sequence[int], judge: Judge) -> Iterator[tuple[int, Outcome]]:
    """Yield each seed and its outcome, the shares of the processes one after the other."""
    workers = [_Worker(seeds[start::WORKERS], judge) for start in range(WORKERS)]
    for worker in workers:
        yield from worker.outcomes()


class _Worker:
    """A process for a share of the seeds, and another one for what is left when it dies."""

    def __init__(self, seeds: Sequence[int], judge: Judge) -> None:
        self._left = list(seeds)
        self._judge = judge
        self._start()

    def _start(self) -> None:
        context = multiprocessing.get_context("fork")
        self._answers, ours = context.Pipe(duplex=False)
        self._process = context.Process(target=_run, args=(self._left, self._judge, ours))
        self._process.start()
        ours.close()

    def outcomes(self) -> Iterator[tuple[int, Outcome]]:
        while self._left:
            try:
                outcome: Outcome = self._answers.recv()
            except EOFError:
                self._process.join()
                reason = f"the process died (exit code {self._process.exitcode})"
                yield self._left.pop(0), Outcome("failed", reason, ())
                self._start()
            else:
                yield self._left.pop(0), outcome
        self._process.join()


def _run(seeds: Sequence[int], judge: Judge, answers: Connection) -> None:
    for seed in seeds:
        answers.send(judge(seed))
    answers.close()
