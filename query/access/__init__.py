"""Who asks this service, for which tenant, and what is written down about it; the headers that every answer carries."""
