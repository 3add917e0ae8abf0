"""Makes the model that ships: ``python -m tools.tiny_model``.

::

    examples.py   instances of the starter environments with their answers
    tokenizer.py  words of these prompts over single bytes
    warmstart.py  a small SmolLM3, trained on the answers of small instances and stopped early
    __main__.py   the command
"""
