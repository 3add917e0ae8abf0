"""Warm workers, the host's side: boxes that hold a server for each program that was run.

::

    Crew --- picks a free box, repeats the batch of a dead worker ---> Box, one a core
    Box  --- keeper (Python) --- fork ---> a server for each program, least recently used out first
    Server --- a batch of inputs: three nameless files each ---> children ---> reports

Reading order: ``server``, ``box``, ``crew``.
"""
