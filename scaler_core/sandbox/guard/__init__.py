"""The trusted processes inside the sandbox, in the plain way and in the warm one.

They start in an isolated interpreter, as the package ``guard``, and import nothing of SCALER::

    host --- request: a file on stdin ---> guard --- fork, limits ---> one child per input
         <-- reports: a pipe on stdout --        <-- stdout, stderr, result: unlinked files --

    host --- a program -----------------> keeper --- fork ---> a server for each program
         --- a batch, streams included --------------------->  server --- fork ---> children
         <-- a report a run --------------------------------

A child's streams are nameless files, so no output can block anybody and stdin has a size that fast
readers may ask for. Guard and servers report facts (wait status, CPU time);
:mod:`scaler_core.sandbox.outcome` judges them. No untrusted code runs in guard, keeper or server.

Reading order: ``wire``; for the plain way ``supervisor``, for the warm way ``keeper``,
``resident``, ``batch``, ``calls`` and ``serve.c``; for both ``source``, ``child``, ``lock``,
``system``. What the warm way loads is in the memory of every server: no ``typing``, no ``socket``.
"""
