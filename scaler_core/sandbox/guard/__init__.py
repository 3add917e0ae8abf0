"""What runs inside the sandbox: one process that runs a program on a batch of inputs.

It is started in an isolated interpreter, as the package ``guard``, and imports nothing of SCALER::

    host --- request: a file on stdin ---> guard --- fork, limits ---> one child per input
         <-- reports: a pipe on stdout --        <-- stdout, stderr, result: unlinked files --

A child's streams are files that only it and the guard hold, so no output can block anybody and
stdin has a size that fast readers may ask for. The guard reports facts (wait status, CPU, output);
:mod:`scaler_core.sandbox.outcome` judges them. No untrusted code runs in the guard itself.

Reading order: ``wire``, ``supervisor``, ``child``, ``system``.
"""
