"""The sandbox ``sandboxfusion``: a client for a server that runs the programs.

Reading order: ``sandbox`` (the component), ``request`` (a program with its inputs as a request),
``harness`` (runs on the server around a Python program), ``client`` (sends requests), ``answer``
(the server's answer and the result in it).
"""
