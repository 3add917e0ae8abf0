"""Workers on this machine: threads that share one sandbox, in which all programs run."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

from scaler_core.synthesis.jobs import Job, JobResult, do_job
from scaler_core.synthesis.workbench import Bench


class LocalWorkers:
    """Does jobs in threads.

    Args:
        bench: Where programs run; closed with the workers.
        count: Jobs done at the same time.
    """

    def __init__(self, bench: Bench, count: int) -> None:
        self.count = count
        self._bench = bench
        self._threads = ThreadPoolExecutor(count, thread_name_prefix="synthesis")

    async def do(self, job: Job) -> JobResult:
        """See :meth:`scaler_core.synthesis.jobs.Workers.do`."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, do_job, job, self._bench)

    def close(self) -> None:
        """End all programs; jobs under way fail, and those that wait are never begun."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._bench.close()
        self._threads.shutdown(wait=True)
