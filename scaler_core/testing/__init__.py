"""A kit for authors of plugins; nothing of it is loaded by a run.

- ``contracts``: test classes that components and native environments must pass;
- ``fakes``: histories and views to put a curator to the test with, scripted replies of a model;
- ``endpoint``: an OpenAI-compatible server that answers from recordings, and misbehaves if asked;
- ``plugins``: loading a plugin in a test, without installing it;
- ``environments``: small valid environments.
"""
