"""Judging cases in processes of their own: an engine may die of one."""

import multiprocessing
from collections.abc import Iterator, Sequence
from multiprocessing.connection import Connection

from benchmarks.onnx_nodes.cases import Case
from benchmarks.onnx_nodes.outcome import Outcome, judge

WORKERS = 2


def judge_all(cases: Sequence[Case]) -> Iterator[Outcome]:
    """Yield the outcome of each case; the cases run in processes, as an engine may die of one."""
    shares = [cases[start::WORKERS] for start in range(WORKERS)]
    workers = [_Worker(share) for share in shares]
    for worker in workers:
        yield from worker.outcomes()


class _Worker:
    """A process for a share of the cases, and another one for what is left when it dies."""

    def __init__(self, cases: Sequence[Case]) -> None:
        self._left = list(cases)
        self._start()

    def _start(self) -> None:
        context = multiprocessing.get_context("fork")
        self._answers, ours = context.Pipe(duplex=False)
        self._process = context.Process(target=_run, args=(self._left, ours))
        self._process.start()
        ours.close()

    def outcomes(self) -> Iterator[Outcome]:
        while self._left:
            try:
                outcome: Outcome = self._answers.recv()
            except EOFError:
                case = self._left.pop(0)
                self._process.join()
                reason = f"the process died (exit code {self._process.exitcode})"
                yield Outcome(case.name, case.op_type, "failed", reason)
                self._start()
            else:
                self._left.pop(0)
                yield outcome
        self._process.join()


def _run(cases: Sequence[Case], answers: Connection) -> None:
    for case in cases:
        answers.send(judge(case))
    answers.close()
