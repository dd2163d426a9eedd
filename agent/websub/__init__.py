"""WebSub (https://www.w3.org/TR/websub/): hubs push what a feed publishes, so that nobody has to ask.

    poll ─ hub and topic found ─▶ subscriber.py ─ POST ─▶ hub ─ verification of intent ─▶ server.py ─▶ lease
    hub ─ POST, signed ─▶ server.py ─ signature.py ─▶ Collector.receive ─▶ decide_push ─▶ as after a poll

A feed that is pushed is still polled, seldom: a hub that forgets us, or a push that is lost, costs time and no article.
"""
