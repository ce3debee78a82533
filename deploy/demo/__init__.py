"""A shop of two services behind real Envoys, and a driver that makes every kind of transaction happen."""
