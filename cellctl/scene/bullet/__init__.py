"""PyBullet: the one package that imports it. Exact distances, dynamics, pictures; one client a process."""
