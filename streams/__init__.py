"""The flow: what happens to an article, whoever runs it.

Start reading at `pipeline.py`, which holds the order of the stages. Importing this package imports nothing heavy.
"""
