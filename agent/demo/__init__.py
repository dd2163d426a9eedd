"""The invented world of `make demo`: outlets, articles and a small feed server on loopback.

`agent.demo.world` reads the data, `agent.demo.render` writes feeds and pages, `agent.demo.server` serves
them. Nothing here is imported unless a demo or a test asks for it.
"""
