"""A compiled screen of spheres against exact primitives, sixteen states or intervals of a motion at once."""
