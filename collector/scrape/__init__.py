"""Envoys' own stats, from /stats/prometheus into the store. A blocking process: `weftline mesh scrape`.

targets ──► proxy (HTTP) ──► stats (which are kept) ──► increases (since the look before) ──► store
"""
