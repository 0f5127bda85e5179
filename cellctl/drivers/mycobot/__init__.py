"""myCobot arms: their link, and an arm that goes from waypoint to waypoint."""
