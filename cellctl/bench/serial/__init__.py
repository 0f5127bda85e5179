"""Arms on serial lines put to the test: faults by chance in simulated time, throughput over a pseudoterminal."""
