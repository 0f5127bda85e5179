"""The simulated arm: a controller process of its own, with its dynamics, watchdog and weld source. It knows no plan."""
