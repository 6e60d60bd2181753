"""What a command costs: CPU seconds and peak memory of all its processes."""

from benchmarks.process_cost.command_run import CommandRun, run_measured

__all__ = ["CommandRun", "run_measured"]
