"""The command line: words in, sentences out. The only floor that prints and exits; it decides nothing about motion."""
