"""Asking a language model for one block of text until a usable one comes.

Shared by the extractor and the generator ``llm``: ``asking`` has the turns, ``blocks`` takes the
block out of a reply, ``templates`` fills the prompts.
"""
