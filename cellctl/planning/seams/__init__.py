"""The way of a torch along a seam: what an arm can do at every station, the cheapest way through it, made smooth."""
