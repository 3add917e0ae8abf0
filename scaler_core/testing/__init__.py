"""A kit for authors of plugins; nothing of it is loaded by a run.

- ``contracts``: test classes that a controller, a curator or a native environment must pass;
- ``fakes``: histories and views to put a curator to the test with;
- ``plugins``: loading a plugin in a test, without installing it;
- ``environments``: small valid environments.
"""
