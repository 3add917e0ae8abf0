"""A kit for authors of plugins; runs load nothing of it.

- ``contracts``: test classes that components and native environments must pass;
- ``fakes``: histories and views for tests of curators, and scripted replies of a model;
- ``endpoint``: an OpenAI-compatible server with recorded replies and scripted faults;
- ``plugins``: loading a plugin in a test, without installing it;
- ``environments``: small valid environments.
"""
