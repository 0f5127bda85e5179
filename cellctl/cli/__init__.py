"""Words in, sentences out; the only place that prints and exits."""
