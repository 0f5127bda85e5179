"""coal: the one package that imports it. A second engine for exact distances, independent of the first."""
