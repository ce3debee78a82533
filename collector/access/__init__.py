"""Who asks or sends, and what they may: bearer tokens from a file, or headers that a trusted proxy sets.

For the edge and for the query service: both ask `gate.Access` about every request, and nothing else decides.
"""
