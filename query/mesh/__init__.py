"""The mesh as a whole, beside single transactions: the proxies' own health, who passes headers on. Pure."""
