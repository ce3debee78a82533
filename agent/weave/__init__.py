"""The engine: rewrites the code of chosen functions while the program runs. Standard library only.

loader (import hook) → swap (`__code__`) → rewrite (parse, hooks, assemble) → verify; guard contains what advice raises.
"""
